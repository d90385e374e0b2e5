// SPDX-License-Identifier: Apache-2.0

import Cnftables
import Faults
import Glibc
import Synchronization

/// The real packet filter, through libnftables; no process is started.
public final class NFTables: Firewall {
    private let state: Mutex<State>

    fileprivate struct State: ~Copyable {
        var context: NFTablesContext
        /// What the tables should have.
        var ruleset: Ruleset
        let tally: HostTally
        /// Whether they have it: an earlier plugind may have left others, and somebody may have changed them.
        var isKnown = false
    }

    public let table: String
    /// By this a rule is recognised as ours, with its quotes.
    private let comment: String

    /// `table` must be a name that the packet filter takes: letters, digits, `-`, `_`, `.`, a letter first.
    public init(table: String = "plugind", tally: HostTally = HostTally()) throws(FirewallError) {
        self.table = table
        comment = "\"\(table): networks\""
        state = Mutex(State(context: try NFTablesContext(), ruleset: Ruleset(table: table), tally: tally))
    }

    public func update(
        adding: Set<RulesetElement>, removing: Set<RulesetElement>
    ) throws(FirewallError) {
        try state.withLock { state throws(FirewallError) in
            // Not by `subtracting`, which goes through all that there is, however few are asked for.
            let added = adding.filter { !state.ruleset.elements.contains($0) }
            let removed = removing.filter { state.ruleset.elements.contains($0) && !adding.contains($0) }
            if state.isKnown, added.isEmpty, removed.isEmpty { return }
            let tables = state.ruleset.tables
            state.ruleset.change(adding: added, removing: removed)
            do throws(FirewallError) {
                if state.isKnown, state.ruleset.tables == tables, try state.change(adding: added, removing: removed) {
                    return
                }
                try state.replace()
            } catch {
                state.ruleset.change(adding: removed, removing: added)
                throw error
            }
        }
    }

    public func restore() throws(FirewallError) {
        try state.withLock { state throws(FirewallError) in try state.replace() }
    }

    // MARK: The engine's rules

    /// Rules in tables of iptables are written so that `iptables` itself can list them (only matches that it knows),
    /// because an engine that finds one it cannot read stops managing the table.
    @discardableResult
    public func acceptAtEngine(_ accepts: Bool) throws(FirewallError) -> Bool {
        try state.withLock { state throws(FirewallError) in
            var isMade = false
            for family in Self.families {
                guard let rules = try state.context.rules(of: "\(family) filter DOCKER-USER") else { continue }
                let own = rules.filter { $0.contains(comment) }
                if accepts, own.isEmpty {
                    let match = "meta mark & \(Ruleset.mark) == \(Ruleset.mark)"
                    try state.context.run(
                        "insert rule \(family) filter DOCKER-USER \(match) counter accept comment \(comment)",
                        operation: "accept the traffic of networks at the engine's rules")
                    isMade = true
                }
                for rule in own.dropFirst(accepts ? 1 : 0) {
                    guard let handle = rule.split(separator: " ").last else { continue }
                    try state.context.run(
                        "delete rule \(family) filter DOCKER-USER handle \(handle)",
                        operation: "remove the rule for networks from the engine's")
                }
            }
            return isMade
        }
    }

    public func engineBridges() throws(FirewallError) -> Set<String> {
        try state.withLock { state throws(FirewallError) in
            var bridges: Set<String> = []
            // Where the engine sends what goes to a bridge of its own: in FORWARD up to 27, in DOCKER-BRIDGE from 28 on.
            for family in Self.families {
                for chain in ["FORWARD", "DOCKER-BRIDGE"] {
                    for rule in try state.context.rules(of: "\(family) filter \(chain)") ?? [] {
                        if let bridge = Self.bridge(of: rule) { bridges.insert(bridge) }
                    }
                }
            }
            return bridges
        }
    }

    /// iptables-nft and ip6tables-nft keep their rules in these families, in the table `filter`.
    private static let families = ["ip", "ip6"]

    /// X of a rule like `oifname "X" counter packets 0 bytes 0 jump DOCKER # handle 5`.
    private static func bridge(of rule: Substring) -> String? {
        let words = rule.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard words.first == "oifname", words.count > 2, let jump = words.firstIndex(of: "jump"),
            jump + 1 < words.count, words[jump + 1] == "DOCKER"
        else { return nil }
        return String(words[1].filter { $0 != "\"" })
    }
}

extension NFTables.State {
    /// False if the tables are not as they were left: then they are to be made anew.
    fileprivate func change(
        adding: Set<RulesetElement>, removing: Set<RulesetElement>
    ) throws(FirewallError) -> Bool {
        do throws(FirewallError) {
            try context.run(
                ruleset.commands(adding: adding, removing: removing), operation: "change the rules for networks")
            tally.count(\.transactions)
            return true
        } catch {
            tally.count(\.failedTransactions)
            // What the kernel said of an element that should be there and is not, or the other way round.
            guard error.description.contains("No such file") || error.description.contains("File exists") else {
                throw error
            }
            return false
        }
    }

    fileprivate mutating func replace() throws(FirewallError) {
        isKnown = false
        do throws(FirewallError) {
            try context.run(ruleset.replacement, operation: "make the rules for networks")
        } catch {
            tally.count(\.failedTransactions)
            throw error
        }
        tally.count(\.transactions)
        isKnown = true
    }
}

/// Unique owner of one libnftables context, which is not for concurrent use.
struct NFTablesContext: ~Copyable {
    private let handle: OpaquePointer

    init() throws(FirewallError) {
        try Self.requireNetfilter()
        guard let handle = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
            throw FirewallError("open the packet filter", reason: "libnftables gives no context")
        }
        nft_ctx_buffer_output(handle)
        nft_ctx_buffer_error(handle)
        nft_ctx_output_set_flags(handle, UInt32(NFT_CTX_OUTPUT_HANDLE))
        self.handle = handle
    }

    /// libnftables ends the process where it gets no socket: a kernel without nftables has none.
    private static func requireNetfilter() throws(FirewallError) {
        let netfilter: Int32 = 12  // NETLINK_NETFILTER of linux/netlink.h
        let descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), netfilter)
        guard descriptor >= 0 else {
            throw FirewallError("open the packet filter", reason: String(cString: strerror(errno)))
        }
        close(descriptor)
    }

    deinit {
        nft_ctx_free(handle)
    }

    /// What is in a chain, a line each, or nil if there is no such chain.
    func rules(of chain: String) throws(FirewallError) -> [Substring]? {
        do throws(FirewallError) {
            try run("list chain \(chain)", operation: "list \(chain)")
        } catch {
            // libnftables tells what went wrong in words only.
            if error.description.hasSuffix("No such file or directory") { return nil }
            throw error
        }
        return String(cString: nft_ctx_get_output_buffer(handle)).split(separator: "\n")
    }

    /// What `list` says of it, a line each.
    func listing(of what: String) throws(FirewallError) -> [Substring] {
        try run("list \(what)", operation: "list \(what)")
        return String(cString: nft_ctx_get_output_buffer(handle)).split(separator: "\n")
    }

    /// Runs commands as one transaction.
    func run(_ commands: String, operation: String, caller: StaticString = #function) throws(FirewallError) {
        try FaultPoint.around(
            "nft: \(caller)", failure: { FirewallError(operation, reason: String(cString: strerror($0))) }
        ) { () throws(FirewallError) in
            let code = nft_run_cmd_from_buffer(handle, commands)
            // Reading the buffer empties it. It has warnings also after a success: that iptables manages the table.
            let messages = String(cString: nft_ctx_get_error_buffer(handle)).split(separator: "\n")
            guard code == 0 else {
                let error = messages.first { $0.contains("Error: ") }?.split(separator: "Error: ").last
                throw FirewallError(operation, reason: error.map(String.init) ?? "no reason given")
            }
        }
    }
}
