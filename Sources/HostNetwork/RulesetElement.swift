// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// An element of a set or map of plugind's tables. The rules never change; what is in the sets does.
///
/// Each belongs to one network or one endpoint, so adding and removing what an owner has is all there is to do.
public struct RulesetElement: Hashable, Sendable {
    let set: RulesetSet
    let key: String
    /// What a map leads to.
    let value: String?

    private init(_ set: RulesetSet, _ key: String, _ value: String? = nil) {
        self.set = set
        self.key = key
        self.value = value
    }
}

/// The sets and maps, as `Ruleset` declares them.
enum RulesetSet: String, CaseIterable, Comparable {
    case bridges, same, subnets4, subnets6, closed, engine, sealed, isolated, doors, masqueraded, sources4, sources6,
        trusted, holes4, holes6
    case ports4, ports6, hostports4, hostports6, ranges4, ranges6
    case open4, open6, openranges4, openranges6, restricted4, restricted6, clients4, clients6
    case guarding = "guard"
    /// Of the table for frames inside of bridges.
    case closedPorts = "closed-ports"

    var family: String { self == .closedPorts ? "bridge" : "inet" }

    static func < (lhs: RulesetSet, rhs: RulesetSet) -> Bool { lhs.rawValue < rhs.rawValue }
}

// MARK: Networks

extension RulesetElement {
    /// A network's bridge.
    public static func bridge(_ bridge: InterfaceName) -> [Self] {
        [Self(.bridges, quoted(bridge)), Self(.same, "\(quoted(bridge)) . \(quoted(bridge))")]
    }

    /// A subnet of a network.
    public static func subnet(_ prefix: Prefix, _ bridge: InterfaceName) -> Self {
        Self(prefix.family == .v4 ? .subnets4 : .subnets6, "\(quoted(bridge)) . \(prefix)")
    }

    /// Containers of that bridge do not reach each other.
    public static func closed(_ bridge: InterfaceName) -> Self { Self(.closed, quoted(bridge)) }

    /// The port of a bridge whose containers do not reach each other.
    public static func closedPort(_ link: InterfaceName) -> Self { Self(.closedPorts, quoted(link)) }

    /// Nothing of that family enters or leaves.
    public static func sealed(_ family: AddressFamily, _ bridge: InterfaceName) -> Self {
        Self(.sealed, keyed(family, bridge))
    }

    /// Not even to and from the host.
    public static func isolated(_ family: AddressFamily, _ bridge: InterfaceName) -> Self {
        Self(.isolated, keyed(family, bridge))
    }

    /// Reached at the containers' own addresses: at published ports, or, except from other networks, at every port.
    public static func door(_ family: AddressFamily, _ bridge: InterfaceName, atEveryPort: Bool) -> Self {
        Self(.doors, keyed(family, bridge), atEveryPort ? "goto unprotected" : "goto open")
    }

    /// What leaves gets an address of the host.
    public static func masqueraded(_ family: AddressFamily, _ bridge: InterfaceName) -> Self {
        Self(.masqueraded, keyed(family, bridge))
    }

    /// What leaves gets that address.
    public static func source(_ address: IPAddress, _ bridge: InterfaceName) -> Self {
        Self(address.family == .v4 ? .sources4 : .sources6, quoted(bridge), "\(address)")
    }

    /// From that link, published ports are reached at the containers' own addresses.
    public static func trusted(_ link: InterfaceName, _ bridge: InterfaceName) -> Self {
        Self(.trusted, "\(quoted(link)) . \(quoted(bridge))")
    }

    /// What a network sends there goes nowhere.
    public static func hole(_ destination: Prefix, _ bridge: InterfaceName) -> Self {
        Self(destination.family == .v4 ? .holes4 : .holes6, "\(quoted(bridge)) . \(destination)")
    }

    /// The host did not forward before plugind made it.
    public static func guarded(_ family: AddressFamily) -> Self {
        Self(.guarding, family == .v4 ? "ipv4" : "ipv6", "goto guarded")
    }

    /// A bridge of the engine's own.
    public static func engineBridge(_ name: String) -> Self { Self(.engine, "\"\(name)\"") }

    private static func keyed(_ family: AddressFamily, _ bridge: InterfaceName) -> String {
        "\(family == .v4 ? "ipv4" : "ipv6") . \(quoted(bridge))"
    }

    private static func quoted(_ name: InterfaceName) -> String { "\"\(name)\"" }
}

// MARK: Ports

extension RulesetElement {
    /// A port of the host leads to one of a container. `host` is unspecified for every address of the host.
    public static func port(
        _ transport: TransportProtocol, host: IPAddress, _ hostPort: UInt16, container: IPAddress, _ port: UInt16
    ) -> Self {
        let value = "\(container) . \(port)"
        return host.isUnspecified
            ? Self(container.family == .v4 ? .ports4 : .ports6, "\(transport) . \(hostPort)", value)
            : Self(container.family == .v4 ? .hostports4 : .hostports6, "\(host) . \(transport) . \(hostPort)", value)
    }

    /// Ports of the host lead to those of the same numbers.
    public static func range(
        _ transport: TransportProtocol, host: IPAddress, _ ports: ClosedRange<UInt16>, container: IPAddress
    ) -> Self {
        let any = container.family == .v4 ? "0.0.0.0/0" : "::/0"
        return Self(
            container.family == .v4 ? .ranges4 : .ranges6,
            "\(host.isUnspecified ? any : "\(host)") . \(transport) . \(words(ports))", "\(container)")
    }

    /// A container's ports that are published, at its own address.
    public static func open(
        _ transport: TransportProtocol, _ container: IPAddress, _ ports: ClosedRange<UInt16>
    ) -> Self {
        let isV4 = container.family == .v4
        let set: RulesetSet = ports.count == 1 ? (isV4 ? .open4 : .open6) : (isV4 ? .openranges4 : .openranges6)
        return Self(set, "\(container) . \(transport) . \(words(ports))")
    }

    /// Only those clients reach a container's published ports.
    public static func clients(_ clients: [Prefix], of container: IPAddress) -> [Self] {
        let isV4 = container.family == .v4
        // A prefix within another would be refused as an overlap.
        let widest = clients.filter { client in
            client.family == container.family && !clients.contains { $0 != client && $0.contains(client) }
        }
        return [Self(isV4 ? .restricted4 : .restricted6, "\(container)")]
            + Set(widest).map { Self(isV4 ? .clients4 : .clients6, "\(container) . \($0)") }
    }

    private static func words(_ ports: ClosedRange<UInt16>) -> String {
        ports.count == 1 ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)"
    }
}
