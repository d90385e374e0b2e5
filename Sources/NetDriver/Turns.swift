// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Lets one call at a time work on an object, in the order in which they came.
///
/// The driver is an actor that waits for the disk and for the kernel's grace periods, so another call may enter
/// meanwhile. Calls for different objects may; two calls for the same one may not.
final class Turns<Key: Hashable & Sendable>: Sendable {
    /// Who waits for a key that is taken. A key that is not there is free.
    private let queues = Mutex<[Key: [CheckedContinuation<Void, Never>]]>([:])

    /// Waits for the turn. Each `enter` needs its `leave`. Runs where its caller does: where nobody has to wait, the driver
    /// does not leave its queue.
    nonisolated(nonsending) func enter(_ key: Key) async {
        await withCheckedContinuation { continuation in
            let isFree = queues.withLock { queues in
                guard queues[key] != nil else {
                    queues[key] = []
                    return true
                }
                queues[key, default: []].append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    /// Ends the turn; the next in the queue gets it.
    func leave(_ key: Key) {
        let next = queues.withLock { queues -> CheckedContinuation<Void, Never>? in
            guard var queue = queues[key], !queue.isEmpty else {
                queues[key] = nil
                return nil
            }
            let next = queue.removeFirst()
            queues[key] = queue
            return next
        }
        next?.resume()
    }
}
