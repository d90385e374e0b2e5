// SPDX-License-Identifier: Apache-2.0

public import Addressing
import NIOHTTP1

extension ControlClient {
    public func status() async throws(ControlFailure) -> Answer<DaemonStatus> {
        try await ask(.GET, "/status")
    }

    public func networks() async throws(ControlFailure) -> Answer<NetworkList> {
        try await ask(.GET, "/networks")
    }

    public func network(_ id: NetworkID) async throws(ControlFailure) -> Answer<NetworkDetail> {
        try await ask(.GET, "/networks/\(id.description.percentEncoded)")
    }

    public func endpoints() async throws(ControlFailure) -> Answer<EndpointList> {
        try await ask(.GET, "/endpoints")
    }

    /// Those of one network.
    public func endpoints(of network: NetworkID) async throws(ControlFailure) -> Answer<EndpointList> {
        try await ask(.GET, "/networks/\(network.description.percentEncoded)/endpoints")
    }

    public func endpoint(_ id: EndpointID) async throws(ControlFailure) -> Answer<EndpointDetail> {
        try await ask(.GET, "/endpoints/\(id.description.percentEncoded)")
    }

    public func ports() async throws(ControlFailure) -> Answer<PortList> {
        try await ask(.GET, "/ports")
    }
}
