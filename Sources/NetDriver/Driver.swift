// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Dispatch
public import Events
public import HostNetwork
public import Logging
import PluginKit
public import Store

/// The network driver: owns every network and endpoint, on the host and in the store.
///
/// A change goes intent → store → kernel → store → answer, so that at any moment a restart finds in the store what
/// the kernel may have. The model in memory is changed first and is what other calls see: a network that is being
/// made takes no endpoints, and one that has endpoints is not deleted.
///
/// The actor runs on a thread of its own, because it calls the kernel, which blocks. What a call asks of the kernel that
/// needs the lock of all its links has threads besides (`inBackground`): whoever moves or deletes a link holds that lock
/// for a grace period, and calls that need it not shall not wait for it. So the actor is re-entered at every `await`, for
/// the disk or the kernel; `turns` keeps two calls off the same object, and whatever was read of another object before an
/// `await` is read again. Repairs and the look before them are made in one go, on the actor.
public actor Driver {
    let kernel: any Kernel
    let firewall: any Firewall
    let hostPorts: any HostPorts
    let store: any StateStore
    let events: EventLog
    let logger: Logger
    let makeMAC: @Sendable () -> MACAddress

    var networks: [NetworkID: NetworkRecord]
    var endpoints: [EndpointID: EndpointRecord]
    var endpointsOfNetwork: [NetworkID: Set<EndpointID>]
    /// Those whose links were made in a sandbox, by its path.
    var directEndpoints: [String: Set<EndpointID>] = [:]

    /// When an endpoint was made, for those made since the daemon started.
    var created: [EndpointID: ContinuousClock.Instant] = [:]

    /// Which network's bridge a link is, by index, as far as it was seen.
    var bridges: [Int32: NetworkID] = [:]
    /// Whose link has that name, or should have.
    var objectsOfLinks: [String: HostObject] = [:]
    var fights = FightGuard<HostObject>()
    /// How often which kind of thing was put back since the daemon started.
    public internal(set) var repairCounts: [String: Int] = [:]

    var reconciliations = 0
    var lastReconciliation = Duration.zero

    /// Endpoints of which it is known, and not only to be looked for, that they have no link that is in use.
    var linkless: Set<EndpointID> = []
    /// What is out of use and not yet deleted.
    var retired: [EndpointID: RetiredEndpoint] = [:]
    /// By their index.
    var retiredBridges: Set<Int32> = []
    /// The group of their links: drawn by lot, so that no link of anybody's is in it.
    let retirementGroup = UInt32.random(in: 0x1000_0000...0x7fff_ffff)
    /// For how long others may come along.
    let retirementPause: Duration
    var isRetiring = false
    /// How many are being taken out of use at this moment, and who waits for that to be none.
    var takingOut = 0
    var gathering: CheckedContinuation<Void, Never>?
    var settlers: [CheckedContinuation<RetirementRound, Never>] = []

    /// What should be gone and could not be removed.
    var owed: Set<HostObject> = []
    /// What could not be put back.
    var unmended: Set<HostObject> = []
    var isReconciliationOwed = false
    /// The packet filter or the host's forwarding is not as it should be.
    var areRulesOwed = false
    /// The tables were made since the daemon started.
    var areRulesMade = false

    /// What the packet filter has on whose account.
    var rules: [RuleOwner: Set<RulesetElement>] = [:]
    var ruleFights = FightGuard<RuleOwner>()
    /// What was understood of networks' options.
    var edges: [NetworkID: EdgeOptions] = [:]
    var defaultPublishMode: PublishMode
    var defaultAttachMode: AttachMode
    /// It was said that links cannot be made in their sandboxes.
    var isMoveSaid = false
    /// Families that the host forwards because plugind made it, since it was booted.
    var guarded: Set<AddressFamily>
    let boot: String
    /// Published ports that no socket of this process holds: all of them until they are held again after a start, then those
    /// that somebody else has.
    var unheld: [EndpointID: [PublishedPort]]
    /// The endpoints of which it was said that somebody else has a port.
    var robbed: Set<EndpointID> = []
    /// Which endpoint is taking ports over from which other one of its container. Two must not wait for each other.
    var takeovers: [EndpointID: EndpointID] = [:]
    /// Ports that are not published any more, and still led away by rules that could not be removed.
    var lingering: [PublishedPort] = []
    /// Endpoints that are being given a link, or deprived of it: what drift would put back may be on its way, or be given up.
    var attaching: Set<EndpointID> = []
    /// What was told of while it was in the hands of a call.
    var missed: Set<HostObject> = []
    var upkeepPause = Backoff()
    let reminder = Reminder()
    /// Tells when `upkeep()` is to be called.
    public nonisolated var upkeepSignals: AsyncStream<Void> { reminder.signals }

    let networkTurns = Turns<NetworkID>()
    let endpointTurns = Turns<EndpointID>()

    private let executor = QueueExecutor(label: "plugind.driver")
    /// Each has a thread while it has work. What needs the lock of all links goes one after the other anyway; a deletion
    /// waits for its grace period in part without that lock; flows need it not.
    let links = DispatchQueue(label: "plugind.links")
    let deletions = DispatchQueue(label: "plugind.deletions")
    let flows = DispatchQueue(label: "plugind.flows")

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// `state` is what was stored; `reconcile()` then brings the host in line with it. `makeMAC` gives an address for a
    /// link, unicast and locally administered, another one each time. `boot` is another text after each boot of the host.
    /// `retirementPause` is how long a link that is out of use waits for others, to be deleted with them.
    public init(
        state: StoredState, store: any StateStore, kernel: any Kernel, firewall: any Firewall,
        hostPorts: any HostPorts, publishMode: PublishMode = .direct, attachMode: AttachMode = .move,
        boot: String = "", retirementPause: Duration = .milliseconds(4),
        makeMAC: @escaping @Sendable () -> MACAddress, events: EventLog = EventLog(),
        logger: Logger
    ) {
        self.store = store
        self.events = events
        self.kernel = kernel
        self.firewall = firewall
        self.hostPorts = hostPorts
        defaultPublishMode = publishMode
        defaultAttachMode = attachMode
        self.retirementPause = retirementPause
        self.boot = boot
        guarded = Set([AddressFamily.v4, .v6].filter { state.settings[Self.guardKey($0)] == boot })
        self.makeMAC = makeMAC
        self.logger = logger
        networks = Dictionary(uniqueKeysWithValues: state.networks.map { ($0.id, $0) })
        endpoints = Dictionary(uniqueKeysWithValues: state.endpoints.map { ($0.id, $0) })
        endpointsOfNetwork = Dictionary(grouping: state.endpoints, by: \.network).mapValues { Set($0.map(\.id)) }
        unheld = Dictionary(
            uniqueKeysWithValues: state.endpoints.compactMap { endpoint in
                endpoint.publication.map { (endpoint.id, $0.ports) }
            })
        for network in state.networks {
            objectsOfLinks[network.bridge.description] = .network(network.id)
            // What was not finished is undone: to everybody it is being deleted.
            if network.phase != .ready {
                networks[network.id]?.phase = .deleting
                owed.insert(.network(network.id))
            }
        }
        for endpoint in state.endpoints {
            if let sandbox = endpoint.directSandbox { directEndpoints[sandbox, default: []].insert(endpoint.id) }
            objectsOfLinks[endpoint.hostLink.description] = .endpoint(endpoint.id)
            if endpoint.phase != .ready {
                endpoints[endpoint.id]?.phase = .deleting
                owed.insert(.endpoint(endpoint.id))
            }
        }
    }

    /// A MAC address that no endpoint of the network has: the one that goes with the IP address, or any.
    func freeMAC(for address: IPAddress?, in network: NetworkRecord) -> MACAddress {
        var mac = address.flatMap { MACAddress(of: $0, in: network.id) } ?? makeMAC()
        while mac == network.bridgeMAC || endpoint(with: mac, in: network.id) != nil { mac = makeMAC() }
        return mac
    }

    func endpoint(with mac: MACAddress, in network: NetworkID) -> EndpointID? {
        endpointsOfNetwork[network]?.first { endpoints[$0]?.mac == mac }
    }

    func remember(_ network: NetworkRecord) {
        networks[network.id] = network
        objectsOfLinks[network.bridge.description] = .network(network.id)
        lookAgain(.network(network.id), network.phase)
    }

    /// Looks soon at what was told of before it was ready.
    func lookAgain(_ object: HostObject, _ phase: Phase) {
        if phase == .ready, missed.contains(object) { reminder.after(.zero) }
    }

    func forget(_ network: NetworkRecord) {
        networks[network.id] = nil
        edges[network.id] = nil
        objectsOfLinks[network.bridge.description] = nil
        forget(.network(network.id))
        forgetRules(of: .network(network.id))
    }

    private func forget(_ object: HostObject) {
        owed.remove(object)
        unmended.remove(object)
        missed.remove(object)
        fights.forget(object)
    }

    func remember(_ endpoint: EndpointRecord) {
        noteSandbox(of: endpoints[endpoint.id], now: endpoint)
        endpoints[endpoint.id] = endpoint
        objectsOfLinks[endpoint.hostLink.description] = .endpoint(endpoint.id)
        lookAgain(.endpoint(endpoint.id), endpoint.phase)
        endpointsOfNetwork[endpoint.network, default: []].insert(endpoint.id)
    }

    private func noteSandbox(of old: EndpointRecord?, now new: EndpointRecord?) {
        let (before, after) = (old?.directSandbox, new?.directSandbox)
        guard before != after else { return }
        if let old, let before {
            directEndpoints[before]?.remove(old.id)
            if directEndpoints[before]?.isEmpty == true { directEndpoints[before] = nil }
        }
        if let new, let after { directEndpoints[after, default: []].insert(new.id) }
    }

    func forget(_ endpoint: EndpointRecord) {
        noteSandbox(of: endpoints[endpoint.id], now: nil)
        endpoints[endpoint.id] = nil
        unheld[endpoint.id] = nil
        robbed.remove(endpoint.id)
        created[endpoint.id] = nil
        linkless.remove(endpoint.id)
        objectsOfLinks[endpoint.hostLink.description] = nil
        forget(.endpoint(endpoint.id))
        forgetRules(of: .endpoint(endpoint.id))
        endpointsOfNetwork[endpoint.network]?.remove(endpoint.id)
        if endpointsOfNetwork[endpoint.network]?.isEmpty == true { endpointsOfNetwork[endpoint.network] = nil }
    }

    /// The link of ours that the host has: under its own name, or, where somebody renamed it, by its tag. A link gets its
    /// tag just after it was made; `isUntagged` tells whether one without a tag is ours.
    nonisolated func ownLink(
        _ name: InterfaceName, tagged alias: String, isUntagged: (Link) throws(KernelError) -> Bool
    ) throws(KernelError) -> Link? {
        if let link = try kernel.link(named: name) {
            if link.alias == alias { return link }
            if try isUntagged(link) { return link }
        }
        return try kernel.links().first { $0.alias == alias }
    }

    /// Deletes a link without holding up other calls for the 16 ms that the kernel takes. Those of endpoints and networks are
    /// deleted together (see `deleteSoon`).
    func deleteLink(_ name: InterfaceName) async throws(KernelError) {
        try await inBackground(deletions) { [kernel] () throws(KernelError) in try kernel.deleteLink(name) }
    }

    /// Lets other calls go on while the kernel takes its time.
    func inBackground<Value: Sendable>(
        _ queue: DispatchQueue? = nil, _ step: @escaping @Sendable () throws(KernelError) -> Value
    ) async throws(KernelError) -> Value {
        let queue = queue ?? links
        let result: Result<Value, KernelError> = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: Result { () throws(KernelError) in try step() }) }
        }
        return try result.get()
    }
}

extension EndpointRecord {
    /// The sandbox in which its link was made.
    fileprivate var directSandbox: String? { attach == .direct ? sandboxKey : nil }
}
