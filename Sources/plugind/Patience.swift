// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Says on a terminal what a command waits for, once that takes longer than a second.
enum Patience {
    /// Does `work` and shows `what` meanwhile, with the seconds that have gone by, on standard error.
    static func waiting<Value, Failure: Error>(
        for what: String, _ work: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard isatty(STDERR_FILENO) == 1 else { return try await work() }
        let display = Task {
            let start = ContinuousClock.now
            var hasShown = false
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                show("\r\(what) … \((ContinuousClock.now - start).components.seconds) s")
                hasShown = true
            }
            // ECMA-48, erase in line: what is printed next begins on an empty one.
            if hasShown { show("\r\u{1B}[K") }
        }
        let result: Result<Value, Failure>
        do {
            result = .success(try await work())
        } catch {
            result = .failure(error)
        }
        display.cancel()
        await display.value
        return try result.get()
    }

    private static func show(_ text: String) {
        let bytes = Array(text.utf8)
        write(STDERR_FILENO, bytes, bytes.count)
    }
}
