// SPDX-License-Identifier: Apache-2.0

import Addressing

extension Occurrence {
    /// What it happened to, as the audit log names it: `endpoint 1f2e…`, `address 10.0.0.5 of pool plugind-local/…`.
    public var subject: String {
        switch self {
        case .daemonStarted, .configurationReloaded, .eventsLost: "plugind"
        case .networkCreated(let id, _), .networkDeleted(let id, _): "network \(id)"
        case .endpointCreated(let id, _, _, _), .endpointJoined(let id, _, _), .endpointLeft(let id, _),
            .endpointDeleted(let id, _), .portPublished(let id, _, _), .portWithdrawn(let id, _, _),
            .portLost(let id, _, _), .portRegained(let id):
            "endpoint \(id)"
        case .poolCreated(let pool, _), .poolReleased(let pool, _), .poolExcluded(let pool, _),
            .poolIncluded(let pool, _), .addressShortage(let pool, _), .conflictBegun(let pool, _),
            .conflictEnded(let pool, _):
            "pool \(pool)"
        case .addressGiven(let address, let pool, _, _, _), .addressReleased(let address, let pool, _, _):
            "address \(address) of pool \(pool)"
        case .addressReserved(let address, _), .addressUnreserved(let address): "address \(address)"
        case .poolShortage: "pools"
        case .repairDone(let subject, _, _), .repairFailed(let subject, _), .fightBegun(let subject, _, _):
            "\(subject)"
        case .firewallRestored: "\(Subject.rules)"
        case .reconciled: "host"
        case .garbageFreed(let subject, _), .garbageLeft(let subject, _): subject
        }
    }

    /// The values by name, without what the subject says and without those that are not known.
    public var fields: [String: String] {
        let all: [String: String?] =
            switch self {
            case .daemonStarted(let version): ["version": version]
            case .networkCreated(_, let bridge), .networkDeleted(_, let bridge): ["bridge": "\(bridge)"]
            case .endpointCreated(_, let network, let ipv4, let ipv6):
                ["network": "\(network)", "ipv4": ipv4?.description, "ipv6": ipv6?.description]
            case .endpointJoined(_, let network, let sandbox): ["network": "\(network)", "sandbox": sandbox]
            case .endpointLeft(_, let network), .endpointDeleted(_, let network): ["network": "\(network)"]
            case .portPublished(_, let network, let ports), .portWithdrawn(_, let network, let ports):
                ["network": "\(network)", "ports": ports]
            case .portLost(_, let ports, let reason): ["ports": ports, "reason": reason]
            case .poolCreated(_, let reason), .poolReleased(_, let reason), .poolShortage(let reason),
                .addressShortage(_, let reason), .repairFailed(_, let reason), .garbageFreed(_, let reason),
                .garbageLeft(_, let reason):
                ["reason": reason]
            case .poolExcluded(_, let ranges), .poolIncluded(_, let ranges): ["ranges": ranges]
            case .addressGiven(_, _, let name, let mac, let isGateway):
                ["name": name, "mac": mac?.description, "role": isGateway ? "gateway" : "address"]
            case .addressReleased(_, _, let name, let mac): ["name": name, "mac": mac?.description]
            case .addressReserved(_, let identity): ["for": identity]
            case .portRegained, .addressUnreserved: [:]
            case .conflictBegun(_, let other), .conflictEnded(_, let other): ["with": other]
            case .repairDone(_, let what, let process): ["what": what, "by": process]
            case .fightBegun(_, let pause, let process): ["pause": pause.text, "by": process]
            case .firewallRestored(let process): ["by": process]
            case .reconciled(let networks, let endpoints, let mended, let left):
                [
                    "networks": "\(networks)", "endpoints": "\(endpoints)", "mended": "\(mended)", "left": "\(left)",
                ]
            case .configurationReloaded(let changed, let refused):
                ["changed": Self.list(changed), "refused": Self.list(refused)]
            case .eventsLost(let count): ["count": "\(count)"]
            }
        return all.compactMapValues(\.self)
    }

    /// All of it, for people.
    public var sentence: String {
        switch self {
        case .daemonStarted(let version): "plugind \(version) started"
        case .networkCreated(_, let bridge): "\(subject) was made, with bridge \(bridge)"
        case .networkDeleted(_, let bridge): "\(subject) was deleted, and bridge \(bridge)"
        case .endpointCreated(_, let network, let ipv4, let ipv6):
            "\(subject) was made in network \(network)"
                + Self.words([ipv4, ipv6].compactMap { $0?.description }, after: ", with ")
        case .endpointJoined(_, _, let sandbox): "\(subject) joined sandbox \(sandbox)"
        case .endpointLeft: "\(subject) left its sandbox"
        case .endpointDeleted: "\(subject) was deleted"
        case .portPublished(_, _, let ports): "\(subject) has published \(ports)"
        case .portWithdrawn(_, _, let ports): "\(subject) does not publish \(ports) any more"
        case .portLost(_, let ports, let reason): "\(subject) cannot have \(ports): \(reason)"
        case .portRegained: "\(subject) has all of its published ports again"
        case .poolCreated(_, let reason): "\(subject) was given: \(reason)"
        case .poolReleased(_, let reason): "\(subject) was released: \(reason)"
        case .poolExcluded(_, let ranges): "\(subject) gives \(ranges) to nobody"
        case .poolIncluded(_, let ranges): "\(subject) gives \(ranges) again"
        case .addressGiven(_, _, let name, let mac, let isGateway):
            "\(subject) was given to \(isGateway ? "the gateway" : Self.holder(name, mac))"
        case .addressReleased(_, _, let name, let mac): "\(subject) was released by \(Self.holder(name, mac))"
        case .addressReserved(_, let identity): "\(subject) is reserved for \(identity)"
        case .addressUnreserved: "\(subject) is reserved no longer"
        case .poolShortage(let reason), .addressShortage(_, let reason): reason
        case .conflictBegun(_, let other): "\(other) overlaps \(subject)"
        case .conflictEnded(_, let other): "\(other) overlaps \(subject) no longer"
        case .repairDone(let subject, let what, let process):
            "\(what) of \(subject) was put back" + Self.words(process.map { [$0] } ?? [], after: ", changed by ")
        case .repairFailed(let subject, let reason): "\(subject) cannot be put back: \(reason)"
        case .fightBegun(let subject, let pause, let process):
            "\(process ?? "somebody") keeps changing \(subject), which is left alone for \(pause.text)"
        case .firewallRestored(let process):
            "the rules were put back" + Self.words(process.map { [$0] } ?? [], after: ", changed by ")
        case .reconciled(let networks, let endpoints, let mended, let left):
            "the host was compared with the state: networks \(networks), endpoints \(endpoints), mended \(mended), "
                + "left \(left)"
        case .garbageFreed(let subject, let reason): "\(subject) was freed: \(reason)"
        case .garbageLeft(let subject, let reason): "\(subject) was not freed: \(reason)"
        case .configurationReloaded(let changed, let refused):
            "the configuration was read again; changed: \(Self.list(changed) ?? "nothing")"
                + (Self.list(refused).map { "; needs a restart: \($0)" } ?? "")
        case .eventsLost(let count):
            count == 1 ? "one event is not here any more" : "\(count) events are not here any more"
        }
    }

    private static func list(_ texts: [String]) -> String? { texts.isEmpty ? nil : texts.joined(separator: ", ") }

    private static func words(_ texts: [String], after beginning: String) -> String {
        texts.isEmpty ? "" : beginning + texts.joined(separator: " and ")
    }

    private static func holder(_ name: String?, _ mac: MACAddress?) -> String {
        name.map { "container \($0)" } ?? mac.map { "MAC address \($0)" } ?? "an endpoint or auxiliary address"
    }
}
