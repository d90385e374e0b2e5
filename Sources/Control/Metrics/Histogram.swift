// SPDX-License-Identifier: Apache-2.0

/// How long something took, each time it was done.
struct Histogram: Hashable, Sendable {
    /// The upper ends of the buckets, in seconds. A call takes 1 ms for a disk, 16 ms for a link that is deleted.
    static let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

    /// How many were in each bucket, and in no lower one.
    private var counts = [UInt64](repeating: 0, count: bounds.count)
    private(set) var count: UInt64 = 0
    /// In seconds.
    private(set) var sum = 0.0

    mutating func add(_ duration: Duration) {
        let seconds = duration / .seconds(1)
        if let bucket = Self.bounds.firstIndex(where: { seconds <= $0 }) { counts[bucket] += 1 }
        count += 1
        sum += seconds
    }

    /// How many took no longer than each bound.
    var cumulative: [UInt64] {
        var total: UInt64 = 0
        return counts.map { count in
            total += count
            return total
        }
    }
}
