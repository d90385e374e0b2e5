// SPDX-License-Identifier: Apache-2.0

import HostNetwork
import IPAM
import Logging

extension RTNetlink {
    /// What the host uses, so that no pool should overlap it: its addresses, and its routes of every table.
    func occupiedPrefixes() throws(KernelError) -> [OccupiedPrefix] {
        let names = Dictionary(try links().map { ($0.index, $0.name) }) { $1 }
        let addresses = try addresses().compactMap { address in
            // A link without a name was made after the first question.
            OccupiedPrefix(address.address, of: names[address.link] ?? "link \(address.link)")
        }
        let routes = try routes().compactMap { route in
            OccupiedPrefix(
                routeTo: route.destination, gateway: route.gateway,
                link: route.link.map { names[$0] ?? "link \($0)" },
                table: route.table == Route.mainTable ? nil : route.table)
        }
        return addresses + routes
    }

    /// As above; if the kernel does not say it, that is logged, and nothing is in the way.
    ///
    /// The engine makes the same check for pools that a plugin chooses, and asks again and again while it fails.
    func occupiedPrefixes(orLogTo logger: Logger) -> [OccupiedPrefix] {
        do {
            return try occupiedPrefixes()
        } catch {
            logger.warning("Cannot see which addresses the host uses", error: error)
            return []
        }
    }
}
