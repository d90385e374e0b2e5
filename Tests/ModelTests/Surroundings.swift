// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import TestSupport

/// The host that plugind shares with others.
struct Surroundings: Sendable {
    let defaultPools: DefaultPools
    /// What can be chosen for IPv4: the default pools that the host does not use itself.
    let candidates: [Prefix]
    /// Links of others, with their addresses. One has the name of a bridge that a network asks for.
    let links: [(name: String, address: InterfaceAddress?)]

    /// The prefixes of the host that no chosen pool may overlap.
    var occupied: [OccupiedPrefix] {
        links.compactMap { link in link.address.flatMap { OccupiedPrefix($0, of: link.name) } }
    }

    init?() {
        guard let base = Prefix("172.20.0.0/22"), let block = DefaultPools.Block(base: base, poolLength: 27),
            let used = InterfaceAddress("172.20.1.1/26")
        else { return nil }
        defaultPools = DefaultPools(ipv4: [block], ipv6: nil)
        links = [
            ("eth7", used), ("br-" + Shared.takenNetwork.short, nil),
            ("pdhstranger", InterfaceAddress("10.200.9.1/24")),
        ]
        candidates = (0..<32).compactMap { index in
            Prefix(base: IPAddress(v4: UInt32(truncatingIfNeeded: base.first.bits) + UInt32(index) * 32), length: 27)
        }.filter { !$0.overlaps(used.prefix) }
    }

    func add(to kernel: FakeKernel) {
        for link in links { kernel.addForeign(link.name, address: link.address) }
    }
}
