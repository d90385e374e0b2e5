// SPDX-License-Identifier: Apache-2.0

/// Something that was looked at, or why it could not be.
public enum Fact<Value: Sendable & Hashable>: Hashable, Sendable {
    case known(Value)
    /// The reason: lower case, no full stop.
    case unknown(String)

    public var value: Value? {
        guard case .known(let value) = self else { return nil }
        return value
    }
}
