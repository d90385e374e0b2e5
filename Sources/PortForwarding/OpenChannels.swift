// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import Synchronization

/// The channels of all connections that are forwarded from one socket.
final class OpenChannels: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private let budget: DescriptorBudget

    init(limit: Int, budget: DescriptorBudget) {
        self.limit = limit
        self.budget = budget
    }

    /// Keeps a channel until it is closed. Returns false if there are too many, or no more are wanted.
    func add(_ channel: any Channel) -> Bool {
        guard budget.take() else { return false }
        let isAdded = state.withLock { state in
            guard !state.isClosed, state.channels.count < limit else { return false }
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
        guard isAdded else {
            budget.giveBack()
            return false
        }
        let id = ObjectIdentifier(channel)
        channel.closeFuture.whenComplete { [self] _ in
            state.withLock { $0.channels[id] = nil }
            budget.giveBack()
        }
        return true
    }

    /// Resets all connections, and lets none begin any more. To be called on their event loop.
    func reset() {
        let channels = state.withLock { state in
            state.isClosed = true
            return Array(state.channels.values)
        }
        // An orderly close would leave remnants (TIME_WAIT) that keep the port from others who do not set SO_REUSEADDR.
        // All are told before any is closed, because closing one half of a connection closes the other.
        let now = linger(l_onoff: 1, l_linger: 0)
        for channel in channels { _ = (channel as? any SocketOptionProvider)?.setSoLinger(now) }
        for channel in channels { channel.close(promise: nil) }
    }
}
