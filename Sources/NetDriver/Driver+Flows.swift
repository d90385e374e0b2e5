// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Logging
import Store

extension Driver {
    /// A flow of UDP goes on as it began, whatever the rules say meanwhile: one that began before a port was published
    /// never reaches the container, and one that goes on after that reaches whoever has its address then.
    func forgetFlows(to ports: [PublishedPort]) async {
        let numbers = ports.filter { $0.transport == .udp && !$0.hostAddresses.isEmpty }
        guard !numbers.isEmpty else { return }
        do {
            let own = try kernel.addresses().map(\.address.address)
            let filters = Dictionary(grouping: numbers, by: \.hostAddresses).flatMap { addresses, ports in
                let destinations = Set(
                    addresses.flatMap { address in
                        address.isUnspecified ? own.filter { $0.family == address.family } : [address]
                    })
                return ports.map(\.hostPort).ranges.map {
                    FlowFilter(transport: .udp, destinations: destinations, port: $0)
                }
            }
            try await inBackground(flows) { [kernel] () throws(KernelError) in _ = try kernel.forgetFlows(filters) }
        } catch {
            logger.warning(
                "Cannot end flows to published ports", error: error, metadata: ["ports": "\(Self.words(for: numbers))"])
        }
    }
}
