// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Cnftables
import Synchronization

/// The real packet filter, through libnftables; no process is started.
///
/// Rules in tables of iptables are written so that `iptables` itself can list them (only matches that it knows),
/// because an engine that finds one it cannot read stops managing the table.
public final class NFTables: Firewall {
    private let context: Mutex<NFTablesContext>

    public init() throws(FirewallError) {
        context = Mutex(try NFTablesContext())
    }

    @discardableResult
    public func acceptInside(_ bridge: InterfaceName) throws(FirewallError) -> Bool {
        try refuseSyntax(in: bridge)
        return try context.withLock { context throws(FirewallError) in
            var isMade = false
            for family in Self.families {
                guard let rules = try context.userRules(family), !rules.contains(comment(bridge)) else { continue }
                try context.run(
                    "insert rule \(family) filter DOCKER-USER iifname \"\(bridge)\" oifname \"\(bridge)\" counter accept "
                        + "comment \(comment(bridge))",
                    operation: "accept traffic inside \(bridge)")
                isMade = true
            }
            return isMade
        }
    }

    public func forgetInside(_ bridge: InterfaceName) throws(FirewallError) {
        try context.withLock { context throws(FirewallError) in
            for family in Self.families {
                guard let rules = try context.userRules(family) else { continue }
                for rule in rules.split(separator: "\n") where rule.contains(comment(bridge)) {
                    guard let handle = rule.split(separator: " ").last else { continue }
                    try context.run(
                        "delete rule \(family) filter DOCKER-USER handle \(handle)",
                        operation: "delete the rule for traffic inside \(bridge)")
                }
            }
        }
    }

    /// iptables-nft and ip6tables-nft keep their rules in these families, in the table `filter`.
    private static let families = ["ip", "ip6"]

    /// Within quotes these have a meaning to the packet filter: a star stands for any ending.
    private func refuseSyntax(in bridge: InterfaceName) throws(FirewallError) {
        guard !bridge.description.utf8.contains(where: { "\"*\\".utf8.contains($0) }) else {
            throw FirewallError("accept traffic inside \(bridge)", reason: "a rule cannot name such a link")
        }
    }

    /// By this a rule is recognised as ours, with its quotes.
    private func comment(_ bridge: InterfaceName) -> String {
        "\"plugind: inside \(bridge)\""
    }
}

/// Unique owner of one libnftables context, which is not for concurrent use.
struct NFTablesContext: ~Copyable {
    private let handle: OpaquePointer

    init() throws(FirewallError) {
        guard let handle = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
            throw FirewallError("open the packet filter", reason: "libnftables gives no context")
        }
        nft_ctx_buffer_output(handle)
        nft_ctx_buffer_error(handle)
        nft_ctx_output_set_flags(handle, UInt32(NFT_CTX_OUTPUT_HANDLE))
        self.handle = handle
    }

    deinit {
        nft_ctx_free(handle)
    }

    /// The engine's chain for rules of others, a rule a line, or nil if there is no such chain.
    func userRules(_ family: String) throws(FirewallError) -> String? {
        do throws(FirewallError) {
            try run("list chain \(family) filter DOCKER-USER", operation: "list \(family) filter DOCKER-USER")
        } catch {
            // libnftables tells what went wrong in words only.
            if error.description.hasSuffix("No such file or directory") { return nil }
            throw error
        }
        return String(cString: nft_ctx_get_output_buffer(handle))
    }

    /// Runs commands as one transaction.
    func run(_ commands: String, operation: String) throws(FirewallError) {
        let code = nft_run_cmd_from_buffer(handle, commands)
        // Reading the buffer empties it. It has warnings also after a success: that iptables manages the table.
        let messages = String(cString: nft_ctx_get_error_buffer(handle)).split(separator: "\n")
        guard code == 0 else {
            let error = messages.first { $0.hasPrefix("Error: ") }?.dropFirst("Error: ".count)
            throw FirewallError(operation, reason: error.map(String.init) ?? "no reason given")
        }
    }
}
