// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// What the engine calls things, as far as a command could ask it: the daemon does not know.
public struct EngineNames: Hashable, Sendable {
    public var networks: [NetworkID: String]
    /// The containers' names.
    public var endpoints: [EndpointID: String]

    public init(networks: [NetworkID: String] = [:], endpoints: [EndpointID: String] = [:]) {
        self.networks = networks
        self.endpoints = endpoints
    }

    /// The network's name, else its short id.
    func name(of network: NetworkID) -> String { networks[network] ?? network.short }

    /// The container's name: the one that plugind knows, else the engine's.
    func container(of endpoint: EndpointStatus) -> String? { endpoint.container ?? endpoints[endpoint.id] }
}
