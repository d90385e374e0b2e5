// SPDX-License-Identifier: Apache-2.0

public import PluginKit
import Synchronization

/// The engine's calls since the start, and how long they took.
public final class RequestTally: Sendable {
    private struct Key: Hashable, Comparable {
        let method: String
        let outcome: String

        static func < (lhs: Key, rhs: Key) -> Bool { (lhs.method, lhs.outcome) < (rhs.method, rhs.outcome) }
    }

    private let histograms = Mutex<[Key: Histogram]>([:])

    public init() {}

    public func add(_ request: MethodTable.Observation) {
        let outcome =
            switch request.status {
            case ..<400: "ok"
            case ..<500: "refused"
            default: "failed"
            }
        // Whoever can call could make up names without end.
        let key = Key(method: request.method ?? "unknown", outcome: outcome)
        histograms.withLock { $0[key, default: Histogram()].add(request.duration) }
    }

    /// In the order of methods.
    var all: [(labels: [String], histogram: Histogram)] {
        histograms.withLock(\.self).sorted { $0.key < $1.key }.map { ([$0.key.method, $0.key.outcome], $0.value) }
    }
}
