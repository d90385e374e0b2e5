// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Says on a terminal what a command waits for, once that takes longer than a second: in one line on standard error, with
/// the seconds that have gone by, which is cleared in the end.
///
/// With --json nothing is said: a program reads the answer. Of waits within a wait the outermost is named.
enum Patience {
    /// Does `work` and shows `what` meanwhile.
    static func waiting<Value, Failure: Error>(
        for what: String, _ work: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let end = begin(what)
        let result: Result<Value, Failure>
        do {
            result = .success(try await work())
        } catch {
            result = .failure(error)
        }
        await end()
        return try result.get()
    }

    /// The same, until what is returned is called.
    static func begin(_ what: String) -> @Sendable () async -> Void {
        guard isatty(STDERR_FILENO) == 1, !CommandLine.arguments.contains("--json"),
            isShowing.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
        else { return {} }
        let display = Task {
            let start = ContinuousClock.now
            var line = WaitingLine(what)
            while (try? await Task.sleep(for: .seconds(1))) != nil { show(line.text(after: .now - start)) }
            show(line.end())
        }
        return {
            display.cancel()
            await display.value
            isShowing.store(false, ordering: .relaxed)
        }
    }

    /// A wait is named already.
    private static let isShowing = Atomic(false)

    private static func show(_ text: String) {
        let bytes = Array(text.utf8)
        write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// A line that is written over itself.
struct WaitingLine {
    private let what: String
    private var isShown = false

    init(_ what: String) {
        self.what = what
    }

    /// To be written after so long.
    mutating func text(after time: Duration) -> String {
        isShown = true
        return "\r\(what) … \(time.components.seconds) s"
    }

    /// To be written in the end: what is printed next begins on an empty line.
    func end() -> String {
        // ECMA-48, erase in line.
        isShown ? "\r\u{1B}[K" : ""
    }
}
