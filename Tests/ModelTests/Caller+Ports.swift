// SPDX-License-Identifier: Apache-2.0

import Addressing
import NetDriver
import Store

/// `-p`: few ports, so that callers get into each other's way.
extension Caller {
    mutating func portsToPublish() -> [PortRequest] {
        guard chance(50) else { return [] }
        return (0..<Int.random(in: 1...3, using: &random)).map { index in
            let first = Shared.hostPorts.randomElement(using: &random) ?? 0
            // Not the host's number, so that neighbours stay apart in the packet filter: that is another test's.
            return PortRequest(
                transport: chance(70) ? .tcp : .udp, port: 80 + UInt16(index),
                hostAddress: chance(70) ? nil : Shared.hostAddresses.randomElement(using: &random),
                hostPorts: chance(15) ? nil : first...(chance(30) ? first + 2 : first))
        }
    }

    /// Publishes as the engine does after Join, and now and then a second time. False if that was refused.
    mutating func publish(_ container: Container) async -> Bool {
        guard !container.endpoint.ports.isEmpty else { return true }
        let call = Call.publish(
            container.endpoint.ports, container.endpoint.id, container.endpoint.network,
            isWithoutIPv6Proxy: chance(10))
        guard await self.call(call) != nil else { return false }
        if chance(10) { _ = await perform(call) }
        return true
    }

    /// The container's gateway is another network for a while; or its ports change, which engines do not do.
    mutating func republish(_ index: Int) async {
        let endpoint = containers[index].endpoint
        if chance(60) { _ = await call(.unpublish(endpoint.id, endpoint.network)) }
        if chance(70) { containers[index].endpoint.ports = portsToPublish() }
        _ = await publish(containers[index])
    }
}
