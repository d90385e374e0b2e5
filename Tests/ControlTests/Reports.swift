// SPDX-License-Identifier: Apache-2.0

import Addressing

@testable import IPAM

extension PoolReport {
    /// Of 200 allocatable addresses `used` are held.
    static func make(
        id: PoolID, subnet: Prefix, size: UInt128 = 256, allocatable: UInt128 = 200, used: UInt128 = 100,
        usedOutside: UInt128 = 1, sticky: UInt128 = 30, quarantined: UInt128 = 5, reserved: UInt128 = 6,
        free: UInt128 = 60, growthPerHour: Double? = 2.5, exhaustedIn: Duration? = .seconds(86_400)
    ) -> PoolReport {
        PoolReport(
            id: id, space: .local, prefix: subnet, subPool: subnet, size: size, allocatable: allocatable, used: used,
            usedOutside: usedOutside, sticky: sticky, quarantined: quarantined, reserved: reserved, free: free,
            excluded: 54, exclusions: [], optionExclusions: [], growthPerHour: growthPerHour, exhaustedIn: exhaustedIn)
    }
}

extension ListedReservation {
    static func make(_ reservation: Reservation, _ source: Source) -> ListedReservation {
        ListedReservation(reservation: reservation, source: source)
    }
}
