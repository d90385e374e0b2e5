// SPDX-License-Identifier: Apache-2.0

/// What kind of thing happened, in two parts: what it is about, and what became of it.
public enum EventKind: String, CaseIterable, Sendable {
    case daemonStarted = "daemon.started"
    case networkCreated = "network.created"
    case networkDeleted = "network.deleted"
    case endpointCreated = "endpoint.created"
    case endpointJoined = "endpoint.joined"
    case endpointLeft = "endpoint.left"
    case endpointDeleted = "endpoint.deleted"
    case portPublished = "port.published"
    case portWithdrawn = "port.withdrawn"
    case portLost = "port.lost"
    case portRegained = "port.regained"
    case poolCreated = "pool.created"
    case poolReleased = "pool.released"
    case poolExcluded = "pool.excluded"
    case poolIncluded = "pool.included"
    case addressGiven = "address.given"
    case addressReleased = "address.released"
    case addressReserved = "address.reserved"
    case addressUnreserved = "address.unreserved"
    case poolShortage = "shortage.pool"
    case addressShortage = "shortage.address"
    case conflictBegun = "conflict.begun"
    case conflictEnded = "conflict.ended"
    case repairDone = "repair.done"
    case repairFailed = "repair.failed"
    case fightBegun = "fight.begun"
    case firewallRestored = "firewall.restored"
    case reconciled = "reconciled"
    case garbageFreed = "gc.freed"
    case garbageLeft = "gc.left"
    case configurationReloaded = "configuration.reloaded"
    /// Not in the log: a follower was too slow, or came too late, for some events.
    case eventsLost = "events.lost"

    /// True if `selector` is the kind itself or its first part: `endpoint` selects `endpoint.joined`.
    public func isSelected(by selector: String) -> Bool {
        rawValue == selector || rawValue.split(separator: ".")[0] == selector
    }

    /// What selectors there are, first parts and whole kinds.
    public static var selectors: [String] {
        var seen: Set<String> = []
        return allCases.flatMap { [String($0.rawValue.split(separator: ".")[0]), $0.rawValue] }
            .filter { seen.insert($0).inserted }
    }
}
