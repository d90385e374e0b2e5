// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Store

/// How much the driver has, and what it still has to do, at one moment.
public struct DriverFigures: Hashable, Sendable {
    /// In ascending order of their ids, those being made or deleted among them.
    public var networks: [Network] = []
    /// Likewise.
    public var endpoints = 0
    public var publishedPorts: [TransportProtocol: Int] = [:]
    /// Published, but nobody here has the host's port: somebody else took it while no daemon ran.
    public var portsNotHeld = 0
    /// How often which kind of thing was put back since the daemon started.
    public var repairs: [String: Int] = [:]
    /// How often the host was compared with the state as a whole since the daemon started, and how long that took last.
    public var reconciliations = 0
    public var lastReconciliation = Duration.zero
    /// Deletions that could not be finished.
    public var owedNetworks = 0
    public var owedEndpoints = 0
    /// Networks and endpoints that could not be put back.
    public var owedRepairs = 0
    /// The host could not be looked at.
    public var isReconciliationOwed = false
    /// The packet filter or the host's forwarding is not as it should be.
    public var areRulesOwed = false

    public init() {}

    public struct Network: Hashable, Sendable {
        /// The kernel's BR_MAX_PORTS, less port 0.
        public static let mostPorts = 1023

        public var id: NetworkID
        public var bridge: InterfaceName
        public var endpoints: Int
        /// How many endpoints the bridge can still take. Ports that others put into it are not seen here.
        public var portsLeft: Int { max(Self.mostPorts - endpoints, 0) }
    }
}

extension Driver {
    /// Asks neither the host nor the store.
    public func figures() -> DriverFigures {
        var figures = DriverFigures()
        figures.networks = networks.values.map { network in
            DriverFigures.Network(
                id: network.id, bridge: network.bridge, endpoints: endpointsOfNetwork[network.id]?.count ?? 0)
        }.sorted { $0.id.description < $1.id.description }
        figures.endpoints = endpoints.count
        figures.publishedPorts = [.tcp: 0, .udp: 0]
        for endpoint in endpoints.values {
            for port in endpoint.publication?.ports ?? [] where port.hostPort != 0 {
                figures.publishedPorts[port.transport, default: 0] += 1
            }
        }
        figures.portsNotHeld = unheld.values.lazy.joined().count { $0.hostPort != 0 }
        figures.repairs = repairCounts
        figures.reconciliations = reconciliations
        figures.lastReconciliation = lastReconciliation
        for object in owed {
            switch object {
            case .network: figures.owedNetworks += 1
            case .endpoint: figures.owedEndpoints += 1
            }
        }
        figures.owedRepairs = unmended.count
        figures.isReconciliationOwed = isReconciliationOwed
        figures.areRulesOwed = areRulesOwed
        return figures
    }
}
