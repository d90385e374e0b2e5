// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// The time of day as the machine had it at the start, and from then on what the boot clock has counted.
///
/// So an administrator or a time service that sets the clock while plugind runs neither ends nor prolongs anything:
/// the boot clock never jumps, and goes on while the machine sleeps (clock_gettime(2), CLOCK_BOOTTIME, which is what
/// `ContinuousClock` reads on Linux).
public struct SteadyClock: Sendable {
    /// The milliseconds since 1970 when the boot clock was at zero.
    private let origin: Int64
    /// What the boot clock has counted, in milliseconds.
    private let boot: @Sendable () -> Int64

    /// `notBefore`: the newest time that is stored, in milliseconds since 1970. If the machine's clock is behind it, as
    /// one without a battery is at its start, the time goes on from there.
    public init(notBefore: Int64 = 0) {
        let start = ContinuousClock.now
        self.init(
            notBefore: notBefore, wall: Int64(Date().timeIntervalSince1970 * 1000),
            boot: {
                let passed = (ContinuousClock.now - start).components
                return passed.seconds * 1000 + passed.attoseconds / 1_000_000_000_000_000
            })
    }

    init(notBefore: Int64, wall: Int64, boot: @escaping @Sendable () -> Int64) {
        self.origin = max(wall, notBefore) - boot()
        self.boot = boot
    }

    /// The milliseconds since 1970.
    public func callAsFunction() -> Int64 {
        origin + boot()
    }
}
