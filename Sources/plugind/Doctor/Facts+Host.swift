// SPDX-License-Identifier: Apache-2.0

import Addressing
import Diagnosis
import FoundationEssentials
import Glibc
import HostNetwork

extension Facts {
    mutating func lookAtKernel() {
        missingFeatures = mayLook ? Self.missingFeatures() : .unknown("that takes CAP_NET_ADMIN and CAP_SYS_ADMIN")
        areSysctlsWritable = access("/proc/sys/net/ipv4/ip_forward", W_OK) == 0 || errno != EROFS
        isIPv6Enabled = Self.sysctl("net/ipv6/conf/all/disable_ipv6") == "0"
        isForwarding = ["IPv4": Self.sysctl("net/ipv4/ip_forward") != "0"]
        if isIPv6Enabled { isForwarding["IPv6"] = Self.sysctl("net/ipv6/conf/all/forwarding") != "0" }
        bridgeNetfilter = ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"].filter {
            Self.sysctl("net/bridge/\($0)") == "1"
        }
        if let limit = Self.number("net/netfilter/nf_conntrack_max"),
            let count = Self.number("net/netfilter/nf_conntrack_count")
        {
            flows = .known(Fill(count: count, limit: limit))
        } else {
            flows = .unknown("the kernel does not say how many connections it tracks")
        }
        for (family, directory, cache) in [("IPv4", "ipv4", "arp_cache"), ("IPv6", "ipv6", "ndisc_cache")] {
            // The kernel shows the limit in its first network namespace alone (`neigh_sysctl_register`).
            guard let limit = Self.number("net/\(directory)/neigh/default/gc_thresh3") else { continue }
            neighbours[family] = Fill(count: Self.entries(of: cache), limit: limit)
        }
    }

    private static func missingFeatures() -> Fact<[MissingFeature]> {
        do throws(KernelError) {
            return .known(try FeatureTrial().failures.map { MissingFeature(name: $0.feature, reason: $0.reason) })
        } catch {
            return .unknown("\(error)")
        }
    }

    mutating func lookAtNetwork() {
        do throws(KernelError) {
            let links = try RTNetlink().links()
            let ports = Dictionary(grouping: links.compactMap(\.master), by: \.self).mapValues(\.count)
            bridges = .known(
                links.filter { $0.kind == "bridge" && $0.alias.hasPrefix("plugind:network:") }.map { link in
                    let forwards = [("IPv4", "ipv4"), ("IPv6", "ipv6")].filter { _, directory in
                        Self.sysctl("net/\(directory)/conf/\(link.name)/forwarding") == "1"
                    }
                    return Bridge(name: link.name, ports: ports[link.index] ?? 0, forwards: forwards.map(\.0))
                }.sorted { $0.name < $1.name })
        } catch {
            bridges = .unknown("\(error)")
        }
    }

    mutating func lookAtFirewall(ownTable: String) {
        do throws(FirewallError) {
            let view = try ForwardChains()
            firewall = .known(
                PacketFilter(
                    ownTable: "inet \(ownTable)", hasOwnTable: view.tables.contains("inet \(ownTable)"),
                    hasEngineChain: view.hasEngineChain,
                    // Those of plugind and of other plugind's of the host mark what they let pass.
                    chains: view.chains.filter { $0.table != "plugind" && !$0.table.hasPrefix("plugind-") }.map {
                        PacketFilter.Chain(
                            family: $0.family, table: $0.table, name: $0.name, drops: $0.drops,
                            hasDrops: $0.hasDrops, acceptsMark: $0.acceptsMark)
                    }))
        } catch {
            firewall = .unknown("\(error)")
        }
        do throws(KernelError) {
            let filters = [("iptables-legacy", try LegacyFilter.ipv4()), ("ip6tables-legacy", try LegacyFilter.ipv6())]
            legacyTables = .known(
                filters.compactMap { command, filter in
                    filter.map {
                        LegacyTable(
                            command: command, drops: $0.drops, rules: $0.hasRules, acceptsMark: $0.acceptsMark)
                    }
                })
        } catch {
            legacyTables = .unknown("\(error)")
        }
    }

    /// Nil if there is none.
    private static func sysctl(_ path: String) -> String? { text(of: "/proc/sys/\(path)")?.filter { !$0.isNewline } }

    private static func number(_ path: String) -> Int? { sysctl(path).flatMap { Int($0) } }

    /// How many neighbours the kernel has, of all namespaces: the first number, in hexadecimal digits.
    private static func entries(of cache: String) -> Int {
        let line = text(of: "/proc/net/stat/\(cache)")?.split(separator: "\n").dropFirst().first
        return line?.split(separator: " ").first.flatMap { Int($0, radix: 16) } ?? 0
    }

    static func text(of path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
