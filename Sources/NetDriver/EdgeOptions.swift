// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

/// How containers of a network reach the outside and are reached, for one address family. Named as by the built-in driver.
enum GatewayMode: String, CaseIterable, Hashable, Sendable {
    /// What leaves gets the host's address; what enters does so by published ports of the host.
    case nat
    /// The same, and containers are reached at their own addresses, at every port.
    case natUnprotected = "nat-unprotected"
    /// Containers are reached at their own addresses, at published ports, and leave with them.
    case routed
    /// The host has no address in the network. Only for internal ones.
    case isolated

    /// Whether ports of the host lead to containers.
    var mapsPorts: Bool { self == .nat || self == .natUnprotected }
}

/// By which way published ports are reached.
public enum PublishMode: String, CaseIterable, Hashable, Sendable {
    /// Led to the container by the packet filter, past the host's input rules: as the built-in driver does.
    case direct
    /// Received by plugind and passed on, so that the host's input rules decide.
    case respectHost = "respect-host"
}

/// The options of a network that are about its edge: gateways, isolation, published ports, routes.
struct EdgeOptions: Hashable, Sendable {
    var gatewayModeIPv4 = GatewayMode.nat
    var gatewayModeIPv6 = GatewayMode.nat
    /// Whether what leaves gets the host's address, where the mode has it so.
    var isMasquerading = true
    /// Whether containers of the network reach each other (icc: inter-container communication).
    var allowsInside = true
    /// The bridge gets no IPv4 address: a router on the link has the gateway's.
    var inhibitsIPv4 = false
    /// Where `-p` without an address publishes, for IPv4; nil is every address.
    var bindingIPv4: IPAddress?
    /// What leaves gets these addresses rather than that of the link it leaves by.
    var sourceIPv4: IPAddress?
    var sourceIPv6: IPAddress?
    var trustedLinks: [InterfaceName] = []
    /// Nil leaves it to the daemon's default.
    var publishMode: PublishMode?
    /// How links get into sandboxes. Nil leaves it to the daemon's default.
    var attach: AttachMode?
    /// The only clients of published ports; nil is everybody.
    var clients: [Prefix]?
    var gateway = GatewayChoice.bridge
    var routes: [StaticRoute] = []

    /// Which address containers send to what is not in the network.
    enum GatewayChoice: Hashable, Sendable {
        /// The network's gateway address, which the bridge has.
        case bridge
        /// No way out, and no `docker_gwbridge` either.
        case none
        /// Another machine or container on the link.
        case addresses([IPAddress])
    }

    enum Key: String, CaseIterable {
        case gatewayModeIPv4 = "com.docker.network.bridge.gateway_mode_ipv4"
        case gatewayModeIPv6 = "com.docker.network.bridge.gateway_mode_ipv6"
        case masquerade = "com.docker.network.bridge.enable_ip_masquerade"
        case inside = "com.docker.network.bridge.enable_icc"
        case inhibitIPv4 = "com.docker.network.bridge.inhibit_ipv4"
        case bindingIPv4 = "com.docker.network.bridge.host_binding_ipv4"
        case trustedLinks = "com.docker.network.bridge.trusted_host_interfaces"
        case sourceIPv4 = "com.docker.network.host_ipv4"
        case sourceIPv6 = "com.docker.network.host_ipv6"
        case attach = "plugind.attach"
        case publish = "plugind.publish"
        case clients = "plugind.publish.allow"
        case gateway = "plugind.gateway"
        case routes = "plugind.routes"
    }

    /// Takes an option, or returns false if it is none of these.
    mutating func take(_ value: OptionValue) throws(DriverError) -> Bool {
        guard let key = Key(rawValue: value.key) else { return false }
        switch key {
        case .gatewayModeIPv4: gatewayModeIPv4 = try value.choice()
        case .gatewayModeIPv6: gatewayModeIPv6 = try value.choice()
        case .masquerade: isMasquerading = try value.boolean()
        case .inside: allowsInside = try value.boolean()
        case .inhibitIPv4: inhibitsIPv4 = try value.boolean()
        case .bindingIPv4:
            let address = try value.address(.v4)
            bindingIPv4 = address.isUnspecified ? nil : address
        case .trustedLinks: trustedLinks = try value.linkNames(separatedBy: ":")
        case .sourceIPv4: sourceIPv4 = try value.sourceAddress(.v4)
        case .sourceIPv6: sourceIPv6 = try value.sourceAddress(.v6)
        case .attach: attach = try value.choice()
        case .publish: publishMode = try value.choice()
        case .clients: clients = try value.prefixes()
        case .gateway: gateway = try GatewayChoice(value)
        case .routes: routes = try StaticRoute.list(value)
        }
        return true
    }

    func mode(_ family: AddressFamily) -> GatewayMode { family == .v4 ? gatewayModeIPv4 : gatewayModeIPv6 }
    func source(_ family: AddressFamily) -> IPAddress? { family == .v4 ? sourceIPv4 : sourceIPv6 }

    /// Whether the bridge has the network's gateway address of that family.
    func hasBridgeAddress(_ family: AddressFamily) -> Bool {
        mode(family) != .isolated && !(family == .v4 && inhibitsIPv4)
    }

    /// Whether containers need a gateway address of that family at all, be it the bridge's or another's.
    func needsGateway(_ family: AddressFamily) -> Bool {
        if mode(family) == .isolated { return false }
        return switch gateway {
        case .bridge, .addresses: true
        case .none: hasBridgeAddress(family)
        }
    }

    /// Refuses what does not go together.
    func check(isInternal: Bool, subnets: [Prefix]) throws(DriverError) {
        for (key, mode) in [(Key.gatewayModeIPv4, gatewayModeIPv4), (.gatewayModeIPv6, gatewayModeIPv6)] {
            guard mode == .isolated, !isInternal else { continue }
            throw OptionValue(key.rawValue, mode.rawValue).refusal("only for internal networks (--internal)")
        }
        if case .addresses(let gateways) = gateway {
            for address in gateways where !subnets.contains(where: { $0.contains(address) }) {
                throw OptionValue(Key.gateway.rawValue, "\(address)").refusal("in no subnet of the network")
            }
        }
        for case .via(let destination, let nextHop) in routes where !subnets.contains(where: { $0.contains(nextHop) }) {
            throw OptionValue(Key.routes.rawValue, "\(destination) via \(nextHop)").refusal(
                "\(nextHop) is in no subnet of the network")
        }
    }
}

/// A route that containers of a network get.
enum StaticRoute: Hashable, Sendable {
    case via(Prefix, IPAddress)
    /// What containers send there is dropped on its way out of the network.
    case blackhole(Prefix)

    /// `10.9.0.0/16 via 10.0.0.2;blackhole 192.0.2.0/24`
    static func list(_ value: OptionValue) throws(DriverError) -> [StaticRoute] {
        var seen: Set<Prefix> = []
        var holes: [Prefix] = []
        return try value.parts(separatedBy: ";", "routes").map { part throws(DriverError) in
            let words = part.split(separator: " ").map(String.init)
            let route: StaticRoute
            let destination: Prefix
            if words.count == 3, words[1] == "via" {
                destination = try value.prefix(words[0])
                guard let nextHop = IPAddress(words[2]), nextHop.family == destination.family else {
                    throw value.refusal("‘\(words[2])’ is not an address of the family of \(words[0])")
                }
                route = .via(destination, nextHop)
            } else if words.count == 2, words[0] == "blackhole" {
                destination = try value.prefix(words[1])
                route = .blackhole(destination)
            } else {
                throw value.refusal("‘\(part)’ is neither ‘PREFIX via ADDRESS’ nor ‘blackhole PREFIX’")
            }
            guard destination.length > 0 else {
                throw value.refusal("the default route is set with \(EdgeOptions.Key.gateway.rawValue)")
            }
            guard seen.insert(destination).inserted else { throw value.refusal("\(destination) is there twice") }
            if case .blackhole(let hole) = route {
                if let other = holes.first(where: { $0.overlaps(hole) }) {
                    throw value.refusal("\(hole) overlaps \(other)")
                }
                holes.append(hole)
            }
            return route
        }
    }
}

extension EdgeOptions.GatewayChoice {
    fileprivate init(_ value: OptionValue) throws(DriverError) {
        if value.text == "none" {
            self = .none
            return
        }
        let addresses = try value.parts(separatedBy: ",", "addresses").map { part throws(DriverError) in
            guard let address = IPAddress(part), !address.isUnspecified, !address.isMulticast, !address.isLoopback
            else {
                throw value.refusal("‘\(part)’ is neither ‘none’ nor an address of a gateway")
            }
            return address
        }
        guard Set(addresses.map(\.family)).count == addresses.count else {
            throw value.refusal("more than one gateway of a family")
        }
        self = .addresses(addresses)
    }
}

extension OptionValue {
    /// One of a few words.
    fileprivate func choice<Choice: RawRepresentable & CaseIterable>() throws(DriverError) -> Choice
    where Choice.RawValue == String {
        guard let choice = Choice(rawValue: text) else {
            throw refusal("not one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }
}
