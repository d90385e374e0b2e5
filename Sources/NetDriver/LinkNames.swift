// SPDX-License-Identifier: Apache-2.0

import Addressing

/// The names and tags of plugind's links. By them a link is recognised as ours; nothing else is ever touched.
enum LinkNames {
    /// `br-` and the first twelve of the network's id, as the built-in driver names its bridges.
    static func bridge(of network: NetworkID) -> InterfaceName? {
        InterfaceName("br-" + network.short)
    }

    /// The end that stays on the host.
    static func host(of endpoint: EndpointID) -> InterfaceName? {
        InterfaceName("pdh" + endpoint.short)
    }

    /// The end that the engine moves into the sandbox, and back after Leave.
    static func sandbox(of endpoint: EndpointID) -> InterfaceName? {
        InterfaceName("pds" + endpoint.short)
    }

    static func alias(of network: NetworkID) -> String {
        "plugind:network:\(network)"
    }

    static func alias(of endpoint: EndpointID) -> String {
        "plugind:endpoint:\(endpoint)"
    }

    /// What a link with that tag is.
    static func object(tagged alias: String) -> HostObject? {
        if let id = alias.split(after: "plugind:endpoint:").flatMap({ EndpointID($0) }) { return .endpoint(id) }
        return alias.split(after: "plugind:network:").flatMap { NetworkID($0) }.map { .network($0) }
    }
}

extension String {
    fileprivate func split(after prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
