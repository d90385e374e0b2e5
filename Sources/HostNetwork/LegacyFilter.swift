// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc

/// The chain FORWARD in the table `filter` of legacy iptables, which nftables does not show.
public struct LegacyFilter: Hashable, Sendable {
    /// Whether its policy is DROP.
    public let drops: Bool
    /// Whether there are rules in it.
    public let hasRules: Bool
    /// Whether one of them accepts what plugind marks, whatever else it is. Chains that it jumps to are not looked at.
    public let acceptsMark: Bool

    /// `iptables-legacy`. Nil if the table is not there: it is not asked for then, since that would make it. Throws EPERM
    /// without CAP_NET_ADMIN.
    public static func ipv4() throws(KernelError) -> LegacyFilter? {
        // struct ipt_entry of linux/netfilter_ipv4/ip_tables.h has `target_offset` at 88, and 112 bytes.
        try look(
            "/proc/net/ip_tables_names", family: AF_INET, level: Int32(IPPROTO_IP),
            form: LegacyEntry.Form(address: 84, targetOffset: 88, size: 112))
    }

    /// `ip6tables-legacy`, likewise.
    public static func ipv6() throws(KernelError) -> LegacyFilter? {
        // struct ip6t_entry of linux/netfilter_ipv6/ip6_tables.h has it at 140, and 168 bytes.
        try look(
            "/proc/net/ip6_tables_names", family: AF_INET6, level: Int32(IPPROTO_IPV6),
            form: LegacyEntry.Form(address: 136, targetOffset: 140, size: 168))
    }

    private static let information: Int32 = 64  // IPT_SO_GET_INFO, IP6T_SO_GET_INFO
    private static let entries: Int32 = 65  // IPT_SO_GET_ENTRIES, IP6T_SO_GET_ENTRIES
    private static let forward = 2  // NF_INET_FORWARD

    private static func look(
        _ names: String, family: Int32, level: Int32, form: LegacyEntry.Form
    ) throws(KernelError) -> LegacyFilter? {
        let operation = "read the table filter of legacy iptables"
        guard let list = FileManager.default.contents(atPath: names) else {
            // No such file: the kernel has none of it.
            guard access(names, F_OK) == 0 else { return nil }
            throw KernelError(operation, code: EACCES)
        }
        guard String(decoding: list, as: UTF8.self).split(separator: "\n").contains("filter") else { return nil }
        let socket = socket(family, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), Int32(IPPROTO_RAW))
        guard socket >= 0 else { throw KernelError(operation, code: errno) }
        defer { close(socket) }

        // struct ipt_getinfo: the name in 32 bytes, valid_hooks, 5 hook_entry, 5 underflow, num_entries, size.
        var head = [UInt8]("filter".utf8) + [UInt8](repeating: 0, count: 84 - 6)
        try get(information, socket, level, &head, operation)
        let first = head.number(at: 36 + 4 * forward)
        let policy = head.number(at: 56 + 4 * forward)
        let size = head.number(at: 80)

        // struct ipt_get_entries: the name, size, and the entries from 40 on.
        let sizeBytes = withUnsafeBytes(of: UInt32(size)) { Array($0) }
        var table = Array(head[..<32]) + sizeBytes + [UInt8](repeating: 0, count: 4 + size)
        try get(entries, socket, level, &table, operation)
        let bytes = Array(table[40...])
        guard let last = LegacyEntry(bytes, at: policy, form) else { throw KernelError(operation, code: EBADMSG) }
        var acceptsMark = false
        var position = first
        while position < policy, !acceptsMark {
            guard let rule = LegacyEntry(bytes, at: position, form), rule.size > 0 else {
                throw KernelError(operation, code: EBADMSG)
            }
            acceptsMark = rule.acceptsMark
            position += rule.size
        }
        return LegacyFilter(drops: last.verdict == .drop, hasRules: first != policy, acceptsMark: acceptsMark)
    }

    private static func get(
        _ option: Int32, _ socket: Int32, _ level: Int32, _ bytes: inout [UInt8], _ operation: String
    ) throws(KernelError) {
        var length = socklen_t(bytes.count)
        guard getsockopt(socket, level, option, &bytes, &length) == 0 else {
            throw KernelError(operation, code: errno)
        }
    }
}

extension [UInt8] {
    /// A number of four bytes in the machine's order.
    func number(at offset: Int) -> Int {
        let bytes = Array(dropFirst(offset).prefix(4))
        return Int(bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) })
    }
}
