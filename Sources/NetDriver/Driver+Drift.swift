// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
public import HostNetwork
import Logging
import PluginKit
import Store

extension Driver {
    /// Looks at what the kernel told of, and puts back what somebody else changed.
    ///
    /// A notice is a reason to look, not a state to rely on: what plugind itself is doing comes this way too, and late.
    /// Nothing is awaited between the look and the repair, and what is being made or deleted is not looked at; so no
    /// repair gets into the way of a call.
    public func notice(_ notices: [LinkMonitor.Notice]) async {
        var suspects: [HostObject: UInt32] = [:]
        var latest: [Int32: (link: Link, sender: UInt32)] = [:]
        for notice in notices {
            switch notice.change {
            case .link(let link):
                latest[link.index] = (link, notice.sender)
            case .linkGone(let link):
                latest[link.index] = nil
                bridges[link.index] = nil
                // A name that somebody else had is free again.
                let isFreed = LinkNames.object(tagged: link.alias) == nil
                for object in objects(of: link)
                where isKnown(object) && (isFreed || !unmended.contains(object)) {
                    suspects[object] = notice.sender
                }
            case .addressGone(let address):
                guard let network = bridges[address.link].flatMap({ networks[$0] }) else { break }
                if network.subnets.contains(where: { $0.gateway == address.address }) {
                    suspects[.network(network.id)] = notice.sender
                }
            case .routeGone(let route):
                if route.table == Route.mainTable, let id = route.link.flatMap({ bridges[$0] }) {
                    suspects[.network(id)] = notice.sender
                }
            case .settings(let link):
                // Of all links, or of one of ours: `ip_forward` writes every link's forwarding.
                for (index, id) in bridges where link == -1 || link == index {
                    guard let network = networks[id], !kernel.hasSettings(of: bridge(of: network)) else { continue }
                    suspects[.network(id)] = notice.sender
                }
            case .overrun:
                logger.warning("Changes of links came too fast and some were lost: looking at everything")
                do {
                    try await reconcile(by: 0)
                } catch {
                    logger.error("Cannot look at the host, trying again later", error: error)
                }
                return
            case .address, .route:
                break
            }
        }
        for (link, sender) in latest.values {
            // A repair that fails is told of too, and is made again when it is time.
            for object in objects(of: link) where !isAsItShouldBe(link, object) && !unmended.contains(object) {
                suspects[object] = sender
            }
        }
        if !suspects.isEmpty { await mend(suspects) }
    }

    /// False for what has gone meanwhile, as most of what the kernel says is gone.
    private func isKnown(_ object: HostObject) -> Bool {
        switch object {
        case .network(let id): networks[id] != nil
        case .endpoint(let id): endpoints[id] != nil
        }
    }

    /// Those that are as they should be, as far as one question to the kernel tells of each: all that there is on the host is
    /// looked at only for the others, since it may be a great deal.
    private func soundAtOneLook(_ objects: some Sequence<HostObject>) async -> [HostObject] {
        let names = objects.compactMap { object -> (HostObject, InterfaceName)? in
            guard case .endpoint(let id) = object, let endpoint = endpoints[id] else { return nil }
            return (object, endpoint.hostLink)
        }
        if names.isEmpty { return [] }
        let links = try? await inBackground { [kernel] () throws(KernelError) in
            var links: [(HostObject, Link)] = []
            for (object, name) in names {
                if let link = try kernel.link(named: name) { links.append((object, link)) }
            }
            return links
        }
        return (links ?? []).filter { object, link in
            // What is in the hands of a call is noted, and looked at when that has ended.
            isAsItShouldBe(link, object)
        }.map(\.0)
    }

    /// What may be wrong is looked at again and put back. The value of each is the netlink port of who changed it.
    func mend(_ suspects: [HostObject: UInt32]) async {
        var suspects = suspects
        // Of what is known to be wrong nobody tells any more if it goes wrong again after this look.
        for object in await soundAtOneLook(suspects.keys) where !unmended.contains(object) { suspects[object] = nil }
        suspects = suspects.filter { isKnown($0.key) }
        if suspects.isEmpty { return }
        do {
            var view = try look()
            var again: Set<HostObject> = []
            // Bridges before their ports.
            for (object, sender) in suspects.sorted(by: { $0.key < $1.key }) where mend(object, view, by: sender) {
                again.insert(object)
                // The ports of a bridge that was gone are in none now.
                if case .network(let id) = object {
                    again.formUnion(endpointsOfNetwork[id, default: []].map { .endpoint($0) })
                }
            }
            // What was put back may have been the ground of something else: a link that was down had lost its routes.
            if again.isEmpty { return }
            view = try look()
            for object in again.sorted() { _ = mend(object, view, by: nil) }
        } catch {
            logger.error("Cannot look at the host", error: error)
            unmended.formUnion(suspects.keys)
            remindOfUpkeep()
        }
    }

    /// The host, without what is about to be deleted.
    func hostView() throws(KernelError) -> HostView {
        HostView(kernel, links: try linksInUse(), addresses: try kernel.addresses(), routes: try kernel.routes())
    }

    /// Every link of the host but those that are about to be deleted, and their other ends.
    func linksInUse() throws(KernelError) -> [Link] {
        let links = try kernel.links()
        let retired = links.filter { $0.group == retirementGroup }
        if retired.isEmpty { return links }
        let gone = Set(retired.map(\.index) + retired.filter { $0.peerNamespace == nil }.compactMap(\.peer))
        return links.filter { !gone.contains($0.index) }
    }

    /// Reads the host, and notes which links are bridges of ours.
    func look() throws(KernelError) -> HostView {
        let view = try hostView()
        bridges = [:]
        for network in networks.values where network.phase != .deleting {
            if let link = view.link(tagged: LinkNames.alias(of: network.id), named: network.bridge) {
                bridges[link.index] = network.id
            }
        }
        return view
    }

    /// Puts an object back as it should be. Returns true if something was to be done and was done. A failure is logged
    /// once, and the object is tried again later. `sender` is the netlink port of whoever changed it, 0 if that is not
    /// known, nil if it was found by looking and is no round of a fight.
    func mend(_ object: HostObject, _ view: HostView, by sender: UInt32?) -> Bool {
        do {
            let repairs = try repairs(of: object, in: view)
            guard !repairs.isEmpty else {
                mended(object)
                return false
            }
            if let sender, !mayMend(object, sender) { return false }
            for repair in repairs {
                try apply(repair, to: object)
                count(repair, of: object, by: sender)
            }
            if sender != nil { fights.noteRepair(of: object, at: .now) }
            mended(object)
            return true
        } catch {
            if unmended.insert(object).inserted {
                events.emit(.repairFailed(object.eventSubject, reason: "\(error)"))
                logger.error("Cannot put back, trying again later", error: error, metadata: metadata(of: object))
            }
            remindOfUpkeep()
            return false
        }
    }

    private func mended(_ object: HostObject) {
        // In the hands of a call it has not been looked at.
        if missed.contains(object) { return }
        if unmended.remove(object) != nil { logger.info("As it should be again", metadata: metadata(of: object)) }
    }

    private func mayMend(_ object: HostObject, _ sender: UInt32) -> Bool {
        switch fights.verdict(on: object, at: .now) {
        case .mend:
            return true
        case .leaveAlone:
            return false
        case .backOff(let pause):
            var metadata = metadata(of: object, by: sender)
            events.emit(.fightBegun(object.eventSubject, pause: pause, by: metadata["by"]?.description))
            metadata["pause"] = "\(pause)"
            logger.warning(
                "Somebody keeps changing what plugind puts back: leaving it alone for a while", metadata: metadata)
            reminder.after(pause)
            return false
        }
    }

    /// What the host lacks of an object. Only what is ready is looked at: the rest is in the hands of a call.
    func repairs(of object: HostObject, in view: HostView) throws(DriverError) -> [Repair] {
        switch object {
        case .network(let id):
            guard let network = networks[id], isReady(network.phase, object) else { return [] }
            return try bridge(of: network).repairs(in: view)
        case .endpoint(let id):
            guard let endpoint = endpoints[id], isReady(endpoint.phase, object),
                let network = networks[endpoint.network], network.phase == .ready
            else { return [] }
            return try port(of: endpoint, in: network).repairs(
                in: view, bridge: view.link(tagged: LinkNames.alias(of: network.id), named: network.bridge)?.index,
                isSandboxAlive: endpoint.sandboxKey.map(kernel.isNamespace) ?? false)
        }
    }

    private func isAsItShouldBe(_ link: Link, _ object: HostObject) -> Bool {
        // It is about to be deleted, and what it is the link of is as if it had none.
        if link.group == retirementGroup { return true }
        switch object {
        case .network(let id):
            guard let network = networks[id], network.phase != .deleting else { return true }
            let isKnown = bridges.updateValue(id, forKey: link.index) == id
            guard isReady(network.phase, object) else { return true }
            // One that was not known may be without its addresses, and they are not told of again.
            return isKnown && bridge(of: network).repairs(of: link).isEmpty
        case .endpoint(let id):
            guard let endpoint = endpoints[id], isReady(endpoint.phase, object),
                let network = networks[endpoint.network]
            else { return true }
            // Nil if it is in none, or in one that is not known to be the right one.
            let master = link.master.flatMap { bridges[$0] == network.id ? $0 : nil }
            return master != nil && port(of: endpoint, in: network).repairs(of: link, bridge: master).isEmpty
        }
    }

    /// Notes an object that is in the hands of a call: when the call has ended, it is looked at.
    private func isReady(_ phase: Phase, _ object: HostObject) -> Bool {
        var isReady = phase == .ready
        if case .endpoint(let id) = object, attaching.contains(id) { isReady = false }
        if !isReady { missed.insert(object) }
        return isReady
    }

    private func apply(_ repair: Repair, to object: HostObject) throws {
        switch object {
        case .network(let id):
            guard let network = networks[id] else { return }
            let bridge = bridge(of: network)
            switch repair {
            case .addBridge:
                try kernel.addBridge(bridge)
            case .writeSettings: try kernel.writeSettings(of: bridge)
            default: try apply(repair, to: bridge.name, alias: bridge.alias)
            }
        case .endpoint(let id):
            guard let endpoint = endpoints[id], let network = networks[endpoint.network] else { return }
            switch repair {
            case .addPort: try addVethPair(of: endpoint, in: network)
            case .removePort:
                linkless.remove(id)
                try retirePort(of: endpoint)
                linkless.insert(id)
                deleteSoon(endpoint, isGone: false)
            case .attach: try kernel.attach(endpoint.hostLink, to: network.bridge)
            default: try apply(repair, to: endpoint.hostLink, alias: LinkNames.alias(of: id))
            }
        }
    }

    /// The repairs that are the same for every link.
    private func apply(_ repair: Repair, to link: InterfaceName, alias: String) throws(KernelError) {
        switch repair {
        case .rename(let index, _): try kernel.setName(link, of: index)
        case .setAlias: try kernel.setAlias(alias, of: link)
        case .setMAC(let mac): try kernel.setMAC(mac, of: link)
        case .setMTU(let mtu): try kernel.setMTU(mtu, of: link)
        case .setUp: try kernel.setUp(true, of: link)
        case .addAddress(let address): try kernel.addAddress(address, to: link)
        case .addRoute(let address): try kernel.addConnectedRoute(of: address, on: link)
        case .addBridge, .addPort, .removePort, .writeSettings, .attach:
            preconditionFailure("\(repair) is not a link's")
        }
    }

    /// Puts the port of a sandbox that is alive back, and with it the link inside, whose deletion took the port along.
    private func addVethPair(of endpoint: EndpointRecord, in network: NetworkRecord) throws(KernelError) {
        guard let path = endpoint.sandboxKey else { return }
        linkless.remove(endpoint.id)
        let gateways = [endpoint.ipv4, endpoint.ipv6].compactMap { edge(of: network).gateway(of: $0) }
        try kernel.addVethPair(
            vethPair(of: endpoint, in: network), into: sandbox(path, of: endpoint, in: network, gateways: gateways))
    }

    func count(_ repair: Repair, of object: HostObject, by sender: UInt32?) {
        repairCounts[repair.kind, default: 0] += 1
        var metadata = metadata(of: object, by: sender)
        events.emit(.repairDone(object.eventSubject, what: "\(repair)", by: metadata["by"]?.description))
        metadata["what"] = "\(repair)"
        metadata["count"] = "\(repairCounts[repair.kind, default: 0])"
        logger.notice("Put back", metadata: metadata)
    }

    func metadata(of object: HostObject, by sender: UInt32? = nil) -> Logger.Metadata {
        var metadata: Logger.Metadata =
            switch object {
            case .network(let id):
                ["network.id": "\(id)", "link.name": "\(networks[id]?.bridge.description ?? "")"]
            case .endpoint(let id):
                ["endpoint.id": "\(id)", "link.name": "\(endpoints[id]?.hostLink.description ?? "")"]
            }
        if let sender { metadata["by"] = SenderName(sender).map { "\($0)" } ?? "unknown" }
        return metadata
    }

    /// Whose link this is: by its tag and, because somebody may have taken or removed that, by its name.
    private func objects(of link: Link) -> Set<HostObject> {
        Set([LinkNames.object(tagged: link.alias), objectsOfLinks[link.name]].compactMap(\.self))
    }
}
