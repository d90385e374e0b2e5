// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Tells one grant from a later one of the same pool or address. No two are equal while the process lives.
public struct GrantSerial: Hashable, Sendable {
    private let number: UInt64

    static func next() -> GrantSerial {
        GrantSerial(number: last.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    private static let last = Atomic<UInt64>(0)
}
