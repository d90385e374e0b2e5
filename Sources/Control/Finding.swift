// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// What somebody may mean by a text, among the networks and endpoints that there are.
///
/// A container's name or an address may be that of several endpoints; all of them are meant. What is more exact wins: a
/// whole id, an address, a name, the beginning of an id.
public struct Finding: Hashable, Sendable {
    public var networks: [NetworkID] = []
    public var endpoints: [EndpointID] = []

    /// Fails, in words, if nothing is meant by `text`, or if it is the beginning of several ids.
    public init(
        _ text: String, networks: [NetworkStatus], endpoints: [EndpointStatus], names: EngineNames
    ) throws(ControlFailure) {
        let address = IPAddress(text)
        let mac = MACAddress(text)
        let steps: [(network: (NetworkStatus) -> Bool, endpoint: (EndpointStatus) -> Bool)] = [
            ({ $0.id.description == text }, { $0.id.description == text }),
            (
                { network in address.map { one in network.subnets.contains { $0.gateway == one } } ?? false },
                { endpoint in
                    address.map { endpoint.ipv4?.address == $0 || endpoint.ipv6?.address == $0 } ?? false
                        || endpoint.mac == mac
                }
            ),
            (
                { $0.bridge.description == text || names.networks[$0.id] == text },
                { $0.hostLink.description == text || names.container(of: $0) == text }
            ),
        ]
        for step in steps {
            self.networks = networks.filter(step.network).map(\.id)
            self.endpoints = endpoints.filter(step.endpoint).map(\.id)
            if count > 0 { return }
        }
        guard !text.isEmpty else { throw .refused(status: 404, text: "nothing is called ‘’") }
        self.networks = networks.map(\.id).filter { $0.description.hasPrefix(text) }
        self.endpoints = endpoints.map(\.id).filter { $0.description.hasPrefix(text) }
        guard count > 0 else {
            throw .refused(status: 404, text: "‘\(text)’ is no id, name or address of a network or an endpoint")
        }
        guard count == 1 else {
            let ids = self.networks.map { "network \($0.short)" } + self.endpoints.map { "endpoint \($0.short)" }
            let more = ids.count > 6 ? " and \(ids.count - 6) more" : ""
            throw .refused(
                status: 409, text: "‘\(text)’ begins several ids: \(ids.prefix(6).joined(separator: ", "))\(more)")
        }
    }

    private var count: Int { networks.count + endpoints.count }
}

extension NetworkList {
    /// The network that `text` names: by id or its beginning, bridge or name.
    public func find(_ text: String, names: EngineNames) throws(ControlFailure) -> NetworkID {
        guard let id = try Finding(text, networks: networks, endpoints: [], names: names).networks.first else {
            throw .refused(status: 404, text: "‘\(text)’ is no network of plugind")
        }
        return id
    }
}
