// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Dispatch
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
/// The actor runs on a thread of its own, because it calls the kernel, which blocks for up to a millisecond. It is
/// re-entered at every `await` (for the disk, or for a link's deletion, which takes 16 ms and has threads of its own);
/// `turns` keeps two calls off the same object, and whatever was read of another object before an `await` is read again.
public actor Driver {
    let kernel: any Kernel
    let firewall: any Firewall
    let store: any StateStore
    let logger: Logger
    let makeMAC: @Sendable () -> MACAddress

    var networks: [NetworkID: NetworkRecord]
    var endpoints: [EndpointID: EndpointRecord]
    var endpointsOfNetwork: [NetworkID: Set<EndpointID>]

    /// When an endpoint was made, for those made since the daemon started.
    var created: [EndpointID: ContinuousClock.Instant] = [:]

    let networkTurns = Turns<NetworkID>()
    let endpointTurns = Turns<EndpointID>()

    private let executor = QueueExecutor(label: "plugind.driver")
    /// Concurrent: the kernel lets deletions overlap in part while they wait for their grace periods.
    private let deletions = DispatchQueue(label: "plugind.deletions", attributes: .concurrent)

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// `state` is what was stored; `restore()` then brings the host in line with it. `makeMAC` gives an address for a
    /// link, unicast and locally administered, another one each time.
    public init(
        state: StoredState, store: any StateStore, kernel: any Kernel, firewall: any Firewall,
        makeMAC: @escaping @Sendable () -> MACAddress, logger: Logger
    ) {
        self.store = store
        self.kernel = kernel
        self.firewall = firewall
        self.makeMAC = makeMAC
        self.logger = logger
        networks = Dictionary(uniqueKeysWithValues: state.networks.map { ($0.id, $0) })
        endpoints = Dictionary(uniqueKeysWithValues: state.endpoints.map { ($0.id, $0) })
        endpointsOfNetwork = Dictionary(grouping: state.endpoints, by: \.network).mapValues { Set($0.map(\.id)) }
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

    func remember(_ endpoint: EndpointRecord) {
        endpoints[endpoint.id] = endpoint
        endpointsOfNetwork[endpoint.network, default: []].insert(endpoint.id)
    }

    func forget(_ endpoint: EndpointRecord) {
        endpoints[endpoint.id] = nil
        created[endpoint.id] = nil
        endpointsOfNetwork[endpoint.network]?.remove(endpoint.id)
        if endpointsOfNetwork[endpoint.network]?.isEmpty == true { endpointsOfNetwork[endpoint.network] = nil }
    }

    /// Commits changes of a teardown, which goes on if that fails and reports the failure in the end.
    func result(of changes: [Change]) async -> Result<Void, StoreError> {
        do throws(StoreError) {
            return .success(try await store.commit(changes))
        } catch {
            return .failure(error)
        }
    }

    /// Deletes a link without holding up other calls for the 16 ms that the kernel takes.
    func deleteLink(_ name: InterfaceName) async throws(KernelError) {
        let result: Result<Void, KernelError> = await withCheckedContinuation { continuation in
            deletions.async { [kernel] in
                continuation.resume(returning: Result { () throws(KernelError) in try kernel.deleteLink(name) })
            }
        }
        try result.get()
    }
}
