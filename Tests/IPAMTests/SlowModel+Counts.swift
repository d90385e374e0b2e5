// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import IPAM

extension SlowModel.Outlook {
    /// What `IPAM.report()` is to say.
    struct Counts: Equatable {
        var size: UInt128 = 0
        var allocatable: UInt128 = 0
        var used: UInt128 = 0
        var usedOutside: UInt128 = 0
        var sticky: UInt128 = 0
        var quarantined: UInt128 = 0
        var reserved: UInt128 = 0
        var free: UInt128 = 0
        var excluded: UInt128 = 0
    }

    var counts: Counts {
        let inWindow = { (address: IPAddress) in pool.window.contains { $0.contains(address.bits) } }
        let count = { (window: [ClosedRange<UInt128>]) in
            window.reduce(UInt128(0)) { $0 + ($1.upperBound - $1.lowerBound) + 1 }
        }
        var counts = Counts()
        counts.size = pool.prefix.last.bits - pool.prefix.first.bits + 1
        counts.allocatable = count(pool.window)
        counts.excluded = count(pool.windowWithoutExclusions) - counts.allocatable
        counts.used = UInt128(pool.held.count)
        counts.usedOutside = UInt128(pool.held.keys.count { !inWindow($0) })
        counts.reserved = UInt128(reservations.count { inWindow($0.address) && pool.held[$0.address] == nil })
        // What is known and not free.
        var others: UInt128 = 0
        for rest in pool.rests.values where isChoosable(rest.address) {
            switch state(of: rest.address) {
            case .quarantined: counts.quarantined += 1
            case .protected, .claimed, .weaklyClaimed: counts.sticky += 1
            default: continue
            }
            others += 1
        }
        counts.free = counts.allocatable - (counts.used - counts.usedOutside) - counts.reserved - others
        return counts
    }
}

extension SlowModel.Outlook.Counts {
    init(_ report: PoolReport) {
        self.init(
            size: report.size, allocatable: report.allocatable, used: report.used, usedOutside: report.usedOutside,
            sticky: report.sticky, quarantined: report.quarantined, reserved: report.reserved, free: report.free,
            excluded: report.excluded)
    }

    /// Every address that can be chosen is counted once.
    var doesAddUp: Bool { allocatable == used - usedOutside + sticky + quarantined + reserved + free }
}
