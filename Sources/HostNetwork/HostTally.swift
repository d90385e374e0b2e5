// SPDX-License-Identifier: Apache-2.0

import CNetlink
import Synchronization

/// Counts what is done to the host, for metrics.
public final class HostTally: Sendable {
    /// Since the process started.
    public struct Figures: Hashable, Sendable {
        public var bridgesMade = 0
        /// Pairs, each as one.
        public var vethPairsMade = 0
        /// Bridges, and pairs, each as one.
        public var linksDeleted = 0
        /// What the kernel refused of requests about links, addresses, routes and flows, by errno (`EBUSY`).
        public var refusals: [String: Int] = [:]
        /// Of the packet filter, as far as they change plugind's own tables.
        public var transactions = 0
        public var failedTransactions = 0
    }

    private let content = Mutex(Figures())

    public init() {}

    public var figures: Figures { content.withLock { $0 } }

    func count(_ figure: any WritableKeyPath<Figures, Int> & Sendable) {
        content.withLock { $0[keyPath: figure] += 1 }
    }

    func count(_ refusal: KernelError) {
        let name = cnl_errno_name(refusal.code).map { String(cString: $0) } ?? "\(refusal.code)"
        content.withLock { $0.refusals[name, default: 0] += 1 }
    }
}
