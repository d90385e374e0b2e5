// SPDX-License-Identifier: Apache-2.0

public import Addressing

extension EngineClient {
    /// What the user calls networks. For commands: never from a handler.
    public func networkNames() async throws(EngineError) -> [NetworkID: String] {
        try await asking { client in
            let networks = try await client.get([NamedNetwork].self, "/networks")
            return Dictionary(networks.map { ($0.id, $0.name) }) { $1 }
        }
    }

    /// What the user calls the containers that run, by their endpoints. Likewise.
    public func containerNames() async throws(EngineError) -> [EndpointID: String] {
        try await asking { client in
            let containers = try await client.get([EngineContainer].self, "/containers/json")
            return containers.reduce(into: [:]) { names, container in
                guard let name = container.name else { return }
                for endpoint in container.endpoints { names[endpoint] = name }
            }
        }
    }
}

private struct NamedNetwork: Decodable {
    let id: NetworkID
    let name: String

    enum CodingKeys: String, CodingKey {
        case id = "Id"
        case name = "Name"
    }
}
