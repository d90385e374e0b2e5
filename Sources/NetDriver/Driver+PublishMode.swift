// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Logging
import Store

extension Driver {
    /// Publishes ports in another way from now on where a network does not say how, those that are published already, too.
    ///
    /// A port that is published already is let go of and held again at once, since its socket then passes on what came to
    /// it, or no longer does: connections that plugind passes on end. What the packet filter leads goes on.
    public func setPublishMode(_ mode: PublishMode) async {
        guard mode != defaultPublishMode else { return }
        defaultPublishMode = mode
        var changed: [PublishedPort] = []
        for id in endpoints.keys.sorted() { changed += await publishAnew(id) }
        await forgetFlows(to: changed)
    }

    /// Returns the ports that are published in another way.
    private func publishAnew(_ id: EndpointID) async -> [PublishedPort] {
        // A call that began before has the old way in mind.
        await endpointTurns.enter(id)
        defer { endpointTurns.leave(id) }

        guard let endpoint = endpoints[id], endpoint.phase == .ready, let ports = endpoint.publication?.ports,
            let network = networks[endpoint.network], edgeOptions(of: network).publishMode == nil
        else { return [] }
        do {
            try setRules(of: endpoint)
        } catch {
            logger.error(
                "Cannot publish ports in another way, trying again later", error: error,
                metadata: ["endpoint.id": "\(id)"])
            areRulesOwed = true
            remindOfUpkeep()
        }
        let others = Set(unheld[id] ?? [])
        release(ports.filter { !others.contains($0) })
        unheld[id] = ports
        holdPublishedPorts()
        return ports
    }
}
