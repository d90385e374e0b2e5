// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// What happened, and to what. The values are kept as they came; words are made of them when somebody reads.
///
/// `pool` is the id of a pool.
public enum Occurrence: Hashable, Sendable {
    case daemonStarted(version: String)
    case networkCreated(NetworkID, bridge: InterfaceName)
    case networkDeleted(NetworkID, bridge: InterfaceName)
    case endpointCreated(EndpointID, network: NetworkID, ipv4: InterfaceAddress?, ipv6: InterfaceAddress?)
    case endpointJoined(EndpointID, network: NetworkID, sandbox: String)
    case endpointLeft(EndpointID, network: NetworkID)
    case endpointDeleted(EndpointID, network: NetworkID)
    /// `ports` as in `0.0.0.0:8080→80/tcp`.
    case portPublished(EndpointID, network: NetworkID, ports: String)
    case portWithdrawn(EndpointID, network: NetworkID, ports: String)
    /// Published, and another program has it.
    case portLost(EndpointID, ports: String, reason: String)
    case portRegained(EndpointID)
    case poolCreated(String, reason: String)
    case poolReleased(String, reason: String)
    case poolExcluded(String, ranges: String)
    case poolIncluded(String, ranges: String)
    case addressGiven(IPAddress, pool: String, name: String?, mac: MACAddress?, isGateway: Bool)
    case addressReleased(IPAddress, pool: String, name: String?, mac: MACAddress?)
    /// `identity` as in `container web`.
    case addressReserved(IPAddress, identity: String)
    case addressUnreserved(IPAddress)
    case poolShortage(reason: String)
    case addressShortage(pool: String, reason: String)
    case conflictBegun(pool: String, with: String)
    case conflictEnded(pool: String, with: String)
    case repairDone(Subject, what: String, by: String?)
    case repairFailed(Subject, reason: String)
    /// For `pause` it is left alone.
    case fightBegun(Subject, pause: Duration, by: String?)
    case firewallRestored(by: String?)
    case reconciled(networks: Int, endpoints: Int, mended: Int, left: Int)
    /// `subject` and `reason` as in the audit log.
    case garbageFreed(String, reason: String)
    /// It should have been freed, and is not, or not yet.
    case garbageLeft(String, reason: String)
    case configurationReloaded(changed: [String], refused: [String])
    case eventsLost(count: UInt64)

    /// What is put back.
    public enum Subject: Hashable, Sendable {
        case network(NetworkID)
        case endpoint(EndpointID)
        case rules
    }

    public var kind: EventKind {
        switch self {
        case .daemonStarted: .daemonStarted
        case .networkCreated: .networkCreated
        case .networkDeleted: .networkDeleted
        case .endpointCreated: .endpointCreated
        case .endpointJoined: .endpointJoined
        case .endpointLeft: .endpointLeft
        case .endpointDeleted: .endpointDeleted
        case .portPublished: .portPublished
        case .portWithdrawn: .portWithdrawn
        case .portLost: .portLost
        case .portRegained: .portRegained
        case .poolCreated: .poolCreated
        case .poolReleased: .poolReleased
        case .poolExcluded: .poolExcluded
        case .poolIncluded: .poolIncluded
        case .addressGiven: .addressGiven
        case .addressReleased: .addressReleased
        case .addressReserved: .addressReserved
        case .addressUnreserved: .addressUnreserved
        case .poolShortage: .poolShortage
        case .addressShortage: .addressShortage
        case .conflictBegun: .conflictBegun
        case .conflictEnded: .conflictEnded
        case .repairDone: .repairDone
        case .repairFailed: .repairFailed
        case .fightBegun: .fightBegun
        case .firewallRestored: .firewallRestored
        case .reconciled: .reconciled
        case .garbageFreed: .garbageFreed
        case .garbageLeft: .garbageLeft
        case .configurationReloaded: .configurationReloaded
        case .eventsLost: .eventsLost
        }
    }
}

extension Occurrence.Subject: CustomStringConvertible {
    /// As in the audit log.
    public var description: String {
        switch self {
        case .network(let id): "network \(id)"
        case .endpoint(let id): "endpoint \(id)"
        case .rules: "rules"
        }
    }
}
