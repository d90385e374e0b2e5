// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Logging
import Store

extension Driver {
    /// Brings the host in line with the store, at start, before the first call is answered.
    ///
    /// Creations that were not finished are undone: their caller never had an answer. Deletions are finished. Bridges,
    /// addresses and ports that are missing are put back: the engine never asks for them again, not even after the host
    /// was rebooted. A failure concerns one object: it is logged, and the rest goes on.
    public func restore() async throws {
        let host = try HostLinks(kernel: kernel)
        for endpoint in endpoints.values where endpoint.phase != .ready {
            await restoring("endpoint.id", "\(endpoint.id)") { driver in
                try await driver.remove(endpoint)
                driver.log("Removed unfinished endpoint", endpoint.hostLink, ["endpoint.id": "\(endpoint.id)"])
            }
        }
        for network in networks.values {
            await restoring("network.id", "\(network.id)") { driver in
                if network.phase == .ready {
                    try driver.restore(network, host)
                } else {
                    try await driver.remove(network)
                    driver.log("Removed unfinished network", network.bridge, ["network.id": "\(network.id)"])
                }
            }
        }
        for endpoint in endpoints.values {
            await restoring("endpoint.id", "\(endpoint.id)") { driver in try driver.restore(endpoint, host) }
        }
    }

    private func restoring(
        _ key: String, _ id: String, _ step: (isolated Driver) async throws -> Void
    ) async {
        do {
            try await step(self)
        } catch {
            logger.error("Could not restore", error: error, metadata: [key: "\(id)"])
        }
    }

    private func restore(_ network: NetworkRecord, _ host: HostLinks) throws {
        let bridge = bridge(of: network)
        if let link = host.links[bridge.name.description] {
            guard link.alias == bridge.alias else {
                throw DriverError.bridgeTaken(bridge.name, kind: link.kind)
            }
            for address in bridge.addresses where host.addresses[link.index]?.contains(address) != true {
                try kernel.addAddress(address, to: bridge.name)
                log("Put back address", bridge.name, ["address": "\(address)"])
            }
            if !link.isUp {
                try kernel.setUp(true, of: bridge.name)
                log("Put back link up", bridge.name)
            }
        } else {
            try kernel.addBridge(bridge)
            log("Put back bridge", bridge.name, ["network.id": "\(network.id)"])
        }
        acceptInside(network.bridge)
    }

    /// A port that is gone is not put back: its sandbox went with it, or it is put back by the next Join.
    private func restore(_ endpoint: EndpointRecord, _ host: HostLinks) throws {
        guard let link = host.links[endpoint.hostLink.description], link.alias == LinkNames.alias(of: endpoint.id),
            let network = networks[endpoint.network]
        else { return }
        if link.master == nil || link.master != host.links[network.bridge.description]?.index {
            try kernel.attach(endpoint.hostLink, to: network.bridge)
            log("Put back port", endpoint.hostLink, ["endpoint.id": "\(endpoint.id)"])
        }
    }

    private func log(_ message: Logger.Message, _ link: InterfaceName, _ metadata: Logger.Metadata = [:]) {
        logger.info(message, metadata: metadata.merging(["link.name": "\(link)"]) { $1 })
    }
}

/// What the host had when the daemon started: one dump of each kind, whatever the number of networks.
private struct HostLinks {
    let links: [String: Link]
    let addresses: [Int32: Set<InterfaceAddress>]

    init(kernel: any Kernel) throws(KernelError) {
        links = Dictionary(try kernel.links().map { ($0.name, $0) }) { $1 }
        addresses = Dictionary(grouping: try kernel.addresses(), by: \.link).mapValues { Set($0.map(\.address)) }
    }
}
