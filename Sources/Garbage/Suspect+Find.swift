// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver
import Store

extension Suspect {
    /// Everything that is suspect at one moment, in the order in which it would be freed.
    ///
    /// A network without containers, a pool without a network of plugind's (the built-in driver's), an auxiliary address:
    /// none of these has a link that would speak for it, and all are usual. So they are suspect only if the engine has
    /// answered and does not know them; that it knows them is no reason to say anything.
    static func find(_ inventory: Inventory, _ pools: [HeldPool], _ answer: EngineAnswer) -> [Suspect] {
        endpoints(inventory, answer) + strays(inventory, answer) + networks(inventory, answer)
            + pools.flatMap { addresses(of: $0, inventory, answer) }
            + pools.compactMap { pool($0, inventory, answer) }
    }

    private static func endpoints(_ inventory: Inventory, _ answer: EngineAnswer) -> [Suspect] {
        inventory.endpoints.filter { !$0.isInUse }.map { endpoint in
            Suspect(
                object: .endpoint(endpoint.id), reason: endpoint.whyIdle,
                engine: answer.testimony { $0.endpoints.contains(endpoint.id) },
                needsEngine: endpoint.link != .gone || endpoint.sandbox == .alive)
        }
    }

    private static func strays(_ inventory: Inventory, _ answer: EngineAnswer) -> [Suspect] {
        inventory.strays.map { stray in
            switch stray.owner {
            case .network(let id):
                Suspect(
                    object: .stray(stray),
                    reason: "its tag is that of network \(id), which is not in the state, and it has no port",
                    engine: answer.testimony { $0.networks.contains(id) }, needsEngine: true)
            case .endpoint(let id):
                Suspect(
                    object: .stray(stray),
                    reason: "its tag is that of endpoint \(id), which is not in the state, and it leads to no sandbox",
                    engine: answer.testimony { $0.endpoints.contains(id) }, needsEngine: true)
            }
        }
    }

    private static func networks(_ inventory: Inventory, _ answer: EngineAnswer) -> [Suspect] {
        guard case .view(let view) = answer else { return [] }
        return inventory.networks.filter { !$0.isInUse && !view.networks.contains($0.id) }.map { network in
            Suspect(
                object: .network(network.id), reason: "it has no endpoint that is in use", engine: .doesNotKnow,
                needsEngine: true)
        }
    }

    /// Gateways go with their pool: the engine does not say which it has, unless the user named it.
    ///
    /// An address is freed alone only out of a pool that the engine knows, so that an engine which is not the one that
    /// plugind serves, and knows nothing, frees nothing either.
    private static func addresses(
        of pool: HeldPool, _ inventory: Inventory, _ answer: EngineAnswer
    ) -> [Suspect] {
        let isOwn = inventory.prefixes.contains(pool.prefix)
        if case .view(let view) = answer {
            guard view.subnets.contains(pool.prefix) else { return [] }
        } else {
            // Endpoints of the built-in driver are not the driver's: that it has none with that address says nothing.
            guard isOwn else { return [] }
        }
        return pool.addresses.compactMap { held in
            guard held.role == .address, !inventory.endpointAddresses.contains(held.address),
                !inventory.hostAddresses.contains(held.address)
            else { return nil }
            let engine = answer.testimony { $0.addresses.contains(held.address) }
            guard engine != .knows else { return nil }
            return Suspect(
                object: .address(held.address, pool.id, held.serial), reason: "no endpoint has it", engine: engine,
                needsEngine: true)
        }
    }

    private static func pool(_ pool: HeldPool, _ inventory: Inventory, _ answer: EngineAnswer) -> Suspect? {
        guard case .view(let view) = answer, !view.mayHave(pool.prefix),
            !inventory.prefixes.contains(where: { $0.overlaps(pool.prefix) }),
            !pool.addresses.contains(where: { inventory.hostAddresses.contains($0.address) })
        else { return nil }
        return Suspect(
            object: .pool(pool.id, pool.serial), reason: "no network has it, and no link of the host an address of it",
            engine: .doesNotKnow, needsEngine: true)
    }
}

extension EngineAnswer {
    fileprivate func testimony(_ isKnown: (EngineView) -> Bool) -> Suspect.Testimony {
        switch self {
        case .notAsked: .notAsked
        case .failed(let error): .unavailable(error)
        case .view(let view): isKnown(view) ? .knows : .doesNotKnow
        }
    }
}

extension Inventory.Endpoint {
    fileprivate var whyIdle: String {
        switch (link, sandbox) {
        case (.gone, .none): "its link is gone and it is in no sandbox"
        case (.gone, .gone): "its link and its sandbox are gone"
        case (.gone, .alive): "its link is gone"
        case (_, .none): "it is in no sandbox"
        case (_, _): "its sandbox is gone"
        }
    }
}
