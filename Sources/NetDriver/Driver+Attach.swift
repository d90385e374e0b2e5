// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork
import Logging
public import Store

// How the link of an endpoint gets into its sandbox: the engine moves it, or it is made there.
extension Driver {
    /// Makes links in their sandboxes from now on, or no longer, where a network does not say how. Endpoints that are there
    /// stay as they are.
    public func setAttachMode(_ mode: AttachMode) {
        defaultAttachMode = mode
    }

    /// Sees to it that an endpoint has a link, in its sandbox or for the engine to move there: the returned record says
    /// which.
    func attach(
        _ endpoint: EndpointRecord, in network: NetworkRecord, to sandbox: String
    ) async throws -> EndpointRecord {
        let before = endpoint
        var endpoint = endpoint
        // Somebody may have deleted the pair since it was made. If its host end is there the other is, somewhere.
        var isMade = false
        if !linkless.contains(endpoint.id) {
            let asked = endpoint
            let link = try await inBackground { [self] () throws(KernelError) in try ownLink(of: asked) }
            isMade = link.map { !$0.isUnfinished } ?? false
        }
        if endpoint.attach != .direct, directEndpoints[sandbox].map({ !$0.isEmpty }) ?? false {
            // The engine would give it a name that a link has of which it knows nothing.
            endpoint.attach = .direct
        }
        if endpoint.attach == .direct {
            // Where it was made for the engine to move, or in another sandbox.
            if isMade, endpoint.sandboxKey != sandbox {
                try await takeOut(endpoint)
                deleteSoon(endpoint, isGone: false)
                isMade = false
            }
            try await settle(.endpointAndSandbox(endpoint.id, sandbox))
            if !isMade, !kernel.isNamespace(sandbox) { leaveToEngine(&endpoint, "it is not there", sandbox) }
        }
        if endpoint.sandboxKey != sandbox {
            endpoint.sandboxKey = sandbox
            try await store.commit([.putEndpoint(endpoint)])
            remember(endpoint)
        }
        if isMade { return endpoint }
        do {
            endpoint = try await makeLinkOrLeaveIt(of: endpoint, in: network, at: sandbox)
        } catch {
            await undoJoin(to: before)
            throw error
        }
        return endpoint
    }

    private func makeLinkOrLeaveIt(
        of endpoint: EndpointRecord, in network: NetworkRecord, at sandbox: String
    ) async throws -> EndpointRecord {
        var endpoint = endpoint
        var obstacle: KernelError?
        do {
            try await makeLink(of: endpoint, in: network)
        } catch let error as KernelError where endpoint.attach == .direct && [EPERM, EACCES].contains(error.code) {
            obstacle = error
        }
        guard let obstacle else { return endpoint }
        leaveToEngine(&endpoint, "\(obstacle)", sandbox)
        try await store.commit([.putEndpoint(endpoint)])
        remember(endpoint)
        try await makeLink(of: endpoint, in: network)
        return endpoint
    }

    /// Forgets the sandbox of an endpoint that could not be given a link there: nobody shall put one there later.
    private func undoJoin(to before: EndpointRecord) async {
        remember(before)
        do {
            try await store.commit([.putEndpoint(before)])
        } catch {
            // The engine deletes the endpoint, which is stored then.
            logger.error(
                "Could not undo a join", error: error, metadata: ["endpoint.id": "\(before.id)"])
        }
    }

    /// Makes the veth pair of an endpoint, in its sandbox if it is to be there.
    func makeLink(of endpoint: EndpointRecord, in network: NetworkRecord) async throws {
        linkless.remove(endpoint.id)
        do throws(KernelError) {
            try await kernelLink(of: endpoint, in: network)
        } catch {
            // find_portno in the kernel's net/bridge/br_if.c: BR_MAX_PORTS is 1 << BR_PORT_BITS, 10 bits.
            if error.code == EXFULL { throw DriverError.bridgeFull(network.bridge) }
            throw error
        }
    }

    private func kernelLink(of endpoint: EndpointRecord, in network: NetworkRecord) async throws(KernelError) {
        let pair = vethPair(of: endpoint, in: network)
        if endpoint.attach == .direct, let path = endpoint.sandboxKey {
            // Without gateways: the engine sets the routes, also in a sandbox of whose links it knows nothing.
            let spec = sandbox(path, of: endpoint, in: network)
            let name = try await inBackground { [kernel] () throws(KernelError) in
                try kernel.addVethPair(pair, into: spec)
            }
            logger.debug(
                "Made a link in its sandbox",
                metadata: ["endpoint.id": "\(endpoint.id)", "link.name": "\(name)", "sandbox": "\(path)"])
        } else {
            try await inBackground { [kernel] () throws(KernelError) in try kernel.addVethPair(pair) }
        }
    }

    /// The most ports that a bridge has (see above).
    static let mostPorts = 1023

    /// What the link of an endpoint is to be in its sandbox.
    func sandbox(
        _ path: String, of endpoint: EndpointRecord, in network: NetworkRecord, gateways: [IPAddress] = []
    ) -> SandboxSpec {
        SandboxSpec(
            path: path, name: endpoint.linkName.map { .exactly($0) } ?? .numbered(prefix: network.linkPrefix),
            addresses: [endpoint.ipv4, endpoint.ipv6].compactMap(\.self), gateways: gateways,
            settings: endpoint.settings ?? [])
    }

    private func leaveToEngine(_ endpoint: inout EndpointRecord, _ reason: String, _ sandbox: String) {
        endpoint.attach = .move
        // It is so for every container of an engine before 28.0, which makes a sandbox only once its networks are joined.
        logger.log(
            level: isMoveSaid ? .debug : .notice, "Cannot make a link in its sandbox: leaving it to the engine to move",
            metadata: ["endpoint.id": "\(endpoint.id)", "sandbox": "\(sandbox)", "reason": "\(reason)"])
        isMoveSaid = true
        guard let name = endpoint.linkName else { return }
        logger.warning(
            "A link that the engine moves has not the name that was asked for",
            metadata: ["endpoint.id": "\(endpoint.id)", "link.name": "\(name)"])
    }
}
