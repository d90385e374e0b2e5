// SPDX-License-Identifier: Apache-2.0

/// How many addresses of a pool were used in the last 24 hours, and what follows if that goes on.
///
/// It knows what it is told, so it wants to be told now and then, also when nothing changes.
struct UsageHistory: Hashable, Sendable {
    private struct Sample: Hashable, Sendable {
        /// In milliseconds since 1970.
        var time: Int64
        /// Exact up to 2⁵³, which is more than fits any memory.
        var used: Double
    }

    private static let hour: Int64 = 3_600_000
    /// Samples are so far apart at least, but for the newest.
    private static let interval = hour / 12
    private static let span = 24 * hour
    /// What fewer samples say is as good as nothing.
    private static let leastSpan = hour / 2
    /// What is further off than a hundred years is no forecast.
    private static let farthest = 876_600.0

    /// Oldest first, at most 290.
    private var samples: [Sample] = []

    /// `at`: in milliseconds since 1970. A time before one that was noted is ignored.
    mutating func note(used: UInt128, at time: Int64) {
        let sample = Sample(time: time, used: Double(used))
        if let last = samples.last, time < last.time { return }
        if samples.count > 1, samples[samples.endIndex - 1].time - samples[samples.endIndex - 2].time < Self.interval {
            samples.removeLast()
        }
        samples.append(sample)
        let old = samples.prefix { time - $0.time > Self.span }
        samples.removeFirst(old.count)
    }

    /// By how many addresses an hour the use grows; negative if it shrinks. Nil while there is less than half an
    /// hour of samples.
    ///
    /// The slope of the straight line that is nearest to the samples (least squares): a few containers that come or
    /// go make little of it, a steady trend all.
    var growthPerHour: Double? {
        guard let first = samples.first, let last = samples.last, last.time - first.time >= Self.leastSpan else {
            return nil
        }
        let number = Double(samples.count)
        let hours = samples.map { Double($0.time - first.time) / Double(Self.hour) }
        let middle = hours.reduce(0, +) / number
        let mean = samples.reduce(0) { $0 + $1.used } / number
        var (product, square) = (0.0, 0.0)
        for (hour, sample) in zip(hours, samples) {
            product += (hour - middle) * (sample.used - mean)
            square += (hour - middle) * (hour - middle)
        }
        return product / square
    }

    /// After what time nothing is left, if the use goes on growing as it did and `free` are left now. Nil if it does
    /// not grow, if it is not known whether it does, or if that is more than a hundred years off.
    func exhaustedIn(free: UInt128) -> Duration? {
        guard let growthPerHour, growthPerHour > 0 else { return nil }
        let hours = Double(free) / growthPerHour
        return hours <= Self.farthest ? .seconds((hours * 3600).rounded()) : nil
    }
}
