// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

/// Tests of a network with `plugind.attach=direct`, on a host with two sandboxes.
protocol DirectTests {
    var host: DirectHost { get }
}

struct DirectHost {
    let bench = Bench()
    let endpoint: EndpointRequest

    init() async throws {
        endpoint = try .make(ipv6: "fd00::2/64")
        bench.kernel.state.withLock { $0.namespaces = ["/run/docker/netns/1", "/run/docker/netns/2"] }
        try await bench.driver.createNetwork(
            .make(subnet6: "fd00::/64", options: ["plugind.attach": "direct", "com.docker.network.driver.mtu": "1400"]))
    }
}

extension DirectTests {
    static var bridge: String { "br-09dff9c378bc" }
    static var port: String { "pdh56e4d91db20d" }
    static var sandbox: String { "/run/docker/netns/1" }
    static var other: String { "/run/docker/netns/2" }

    var bench: Bench { host.bench }
    var endpoint: EndpointRequest { host.endpoint }
    var stored: EndpointRecord? { bench.store.state.endpoints.first { $0.id == endpoint.id } }

    func join(
        _ endpoint: EndpointRequest, _ sandbox: String = Self.sandbox, by driver: Driver? = nil
    ) async throws -> NetDriver.Attachment {
        try await (driver ?? bench.driver).join(endpoint.id, of: endpoint.network, sandbox: sandbox)
    }

    /// Makes an endpoint and has it joined.
    @discardableResult
    func start(_ endpoint: EndpointRequest, _ sandbox: String = Self.sandbox) async throws -> NetDriver.Attachment {
        _ = try await bench.driver.createEndpoint(endpoint)
        return try await join(endpoint, sandbox)
    }

    func leave(_ endpoint: EndpointRequest) async throws {
        try await bench.driver.leave(endpoint.id, of: endpoint.network)
    }

    func names(in sandbox: String = Self.sandbox) -> Set<String> { Set(bench.kernel.inside(sandbox).keys) }
}
