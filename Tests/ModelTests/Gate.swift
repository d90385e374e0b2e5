// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Lets calls in, counts them, and holds them back while the world stands still.
final class Gate: Sendable {
    fileprivate struct State {
        var isOpen = false
        var count = 0
        /// At this count, `atLimit` is called.
        var limit = Int.max
        var atLimit: @Sendable () -> Void = {}
        var underWay = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watcher: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Calls that were let in so far.
    var count: Int { state.withLock { $0.count } }

    /// Each `enter` needs its `leave`.
    func enter() async {
        while true {
            let (isIn, atLimit) = state.withLock { state -> (Bool, (@Sendable () -> Void)?) in
                guard state.isOpen else { return (false, nil) }
                state.underWay += 1
                state.count += 1
                return (true, state.count == state.limit ? state.atLimit : nil)
            }
            atLimit?()
            if isIn { return }
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }
    }

    func leave() {
        let watcher = state.withLock { state in
            state.underWay -= 1
            return state.watcherIfStill()
        }
        watcher?.resume()
    }

    func open(limit: Int = Int.max, atLimit: @escaping @Sendable () -> Void = {}) {
        let waiting = state.withLock { state in
            state.isOpen = true
            state.limit = limit
            state.atLimit = atLimit
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func close() {
        let watcher = state.withLock { state in
            state.isOpen = false
            return state.watcherIfStill()
        }
        watcher?.resume()
    }

    /// Returns when the gate is closed and every call that was let in has left.
    func stillness() async {
        await withCheckedContinuation { continuation in
            let isStill = state.withLock { state in
                state.watcher = continuation
                return state.watcherIfStill() != nil
            }
            if isStill { continuation.resume() }
        }
    }
}

extension Gate.State {
    fileprivate mutating func watcherIfStill() -> CheckedContinuation<Void, Never>? {
        guard !isOpen, underWay == 0 else { return nil }
        defer { watcher = nil }
        return watcher
    }
}
