// SPDX-License-Identifier: Apache-2.0

/// A named place in a change of the host or of the store where a test can end the daemon or make the step fail.
///
/// Only debug builds have them: `FAULT_POINTS` is defined in the package's manifest. In a release build a point is the
/// step itself. What a debug build does at a point is in `FaultOrder`.
public enum FaultPoint {
    /// Where the daemon is ended: the step was not begun, or it was done and nobody knows.
    public enum Side: String, Sendable {
        case before, after
    }

    /// Runs a step that is named for what is done and never for what it is done to: `netlink: addBridge`. What follows a
    /// parenthesis is dropped, so that a function's name will do.
    ///
    /// `failure` makes the error that the step itself would throw, of the code that a test asks for.
    #if FAULT_POINTS
    public static func around<Failure: Error>(
        _ name: @autoclosure () -> String, failure: (Int32) -> Failure, _ step: () throws(Failure) -> Void
    ) throws(Failure) {
        let name = String(name().prefix { $0 != "(" })
        if let code = FaultOrder.code(for: .before, name) { throw failure(code) }
        try step()
        if let code = FaultOrder.code(for: .after, name) { throw failure(code) }
    }
    #else
    @inlinable @inline(__always)
    public static func around<Failure: Error>(
        _: @autoclosure () -> String, failure: (Int32) -> Failure, _ step: () throws(Failure) -> Void
    ) throws(Failure) {
        try step()
    }
    #endif
}
