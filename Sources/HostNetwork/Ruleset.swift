// SPDX-License-Identifier: Apache-2.0

/// plugind's tables, as text for libnftables: the rules, which are always the same, and the elements of their sets.
///
/// The way of a packet: `prerouting` (or `output`, from the host itself) leads a published port of the host to the
/// container's; `forward` says what may enter and leave networks; `postrouting` gives what leaves the host's address.
struct Ruleset {
    /// The tables' name, another one for each plugind of a host.
    let table: String
    private(set) var elements: Set<RulesetElement> = []
    private var closedPorts = 0

    init(table: String) {
        self.table = table
    }

    /// Set on what plugind lets pass, so that one rule in the engine's chain is enough for all networks. Cleared before
    /// a packet leaves the host.
    static let mark: UInt32 = 0x2000_0000

    /// Whether there is a table at all, and whether there is one for frames inside of bridges.
    var tables: (inet: Bool, bridge: Bool) { (!elements.isEmpty, closedPorts > 0) }

    /// Elements that are there must not be added, nor those that are not removed.
    mutating func change(adding: Set<RulesetElement>, removing: Set<RulesetElement>) {
        elements.subtract(removing)
        elements.formUnion(adding)
        closedPorts += adding.count { $0.set == .closedPorts } - removing.count { $0.set == .closedPorts }
    }

    /// One transaction that makes the tables be like this, whatever they were.
    var replacement: String {
        // Deleting a table that is not there is an error; adding one that is there is not.
        let removal = ["inet", "bridge"].map { family in
            "add table \(family) \(table)\ndelete table \(family) \(table)\n"
        }.joined()
        return removal + (tables.inet ? "table inet \(table) {\(Self.inetRules)}\n" : "")
            + (tables.bridge ? "table bridge \(table) {\(Self.bridgeRules)}\n" : "") + commands("add", elements)
    }

    /// One transaction that does no more than `change`.
    func commands(adding: Set<RulesetElement>, removing: Set<RulesetElement>) -> String {
        // First the removals: a key may come back with another value.
        commands("delete", removing) + commands("add", adding)
    }

    private func commands(_ verb: String, _ elements: Set<RulesetElement>) -> String {
        Dictionary(grouping: elements, by: \.set).sorted { $0.key < $1.key }.map { set, elements in
            let list = elements.map { element in
                element.key + (verb == "add" ? element.value.map { " : \($0)" } ?? "" : "")
            }.sorted().joined(separator: ", ")
            return "\(verb) element \(set.family) \(table) \(set.rawValue) { \(list) }\n"
        }.joined()
    }

    /// Written to be read: this is what `nft list table inet plugind` shows.
    private static let inetRules = """

            comment "networks of plugind: what enters and leaves them"

            counter closed { comment "dropped: between containers of a network with enable_icc=false"; }
            counter sealed { comment "dropped: into or out of an internal or isolated network"; }
            counter unpublished { comment "dropped: to a port that is not published"; }
            counter refused { comment "dropped: to a published port, from a client that plugind.publish.allow lacks"; }
            counter blackhole { comment "dropped: to a blackhole of plugind.routes"; }
            counter loopback { comment "dropped: from a network to the host's loopback addresses"; }
            counter guarded { comment "dropped: between links of the host, which forwards only for networks"; }

            set bridges { type ifname; comment "bridges of networks"; }
            set same { type ifname . ifname; comment "from a network to itself"; }
            set subnets4 { type ifname . ipv4_addr; flags interval; comment "networks' own addresses"; }
            set subnets6 { type ifname . ipv6_addr; flags interval; }
            set closed { type ifname; comment "enable_icc=false"; }
            set engine { type ifname; comment "bridges of the engine's own networks: its rules decide there"; }
            set sealed { type nf_proto . ifname; comment "internal, isolated"; }
            set isolated { type nf_proto . ifname; comment "gateway mode isolated"; }
            map doors { type nf_proto . ifname : verdict; comment "how containers are reached at their own addresses"; }
            set trusted { type ifname . ifname; comment "trusted_host_interfaces"; }
            set holes4 { type ifname . ipv4_addr; flags interval; comment "blackholes of plugind.routes"; }
            set holes6 { type ifname . ipv6_addr; flags interval; }
            map guard { type nf_proto : verdict; comment "families that the host forwards for plugind's sake"; }

            set masqueraded { type nf_proto . ifname; comment "what leaves gets an address of the host"; }
            map sources4 { type ifname : ipv4_addr; comment "host_ipv4: what leaves gets this address"; }
            map sources6 { type ifname : ipv6_addr; comment "host_ipv6"; }

            map ports4 { type inet_proto . inet_service : ipv4_addr . inet_service; comment "published at every address"; }
            map ports6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
            map hostports4 {
                type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
                comment "published at one address"
            }
            map hostports6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
            map ranges4 {
                type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval
                comment "ranges, published at the same numbers"
            }
            map ranges6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr; flags interval; }

            set open4 { type ipv4_addr . inet_proto . inet_service; comment "containers' published ports"; }
            set open6 { type ipv6_addr . inet_proto . inet_service; }
            set openranges4 { type ipv4_addr . inet_proto . inet_service; flags interval; }
            set openranges6 { type ipv6_addr . inet_proto . inet_service; flags interval; }
            set restricted4 { type ipv4_addr; comment "containers with plugind.publish.allow"; }
            set restricted6 { type ipv6_addr; }
            set clients4 { type ipv4_addr . ipv4_addr; flags interval; comment "container, and who may reach it"; }
            set clients6 { type ipv6_addr . ipv6_addr; flags interval; }

            chain pass {
                meta mark set meta mark | \(mark) accept
            }

            chain into {
                ct state established,related goto pass
                iifname . oifname @same goto inside
                meta nfproto . oifname @sealed counter name sealed drop
                meta nfproto . iifname @sealed counter name sealed drop
                iifname . ip daddr @holes4 counter name blackhole drop
                iifname . ip6 daddr @holes6 counter name blackhole drop
                ct status dnat goto published
                iifname . oifname @trusted goto open
                meta nfproto . oifname vmap @doors
                counter name unpublished drop
            }

            chain inside {
                ct status dnat goto published
                iifname @closed counter name closed drop
                goto pass
            }

            chain published {
                ip daddr @restricted4 ip daddr . ip saddr != @clients4 counter name refused drop
                ip6 daddr @restricted6 ip6 daddr . ip6 saddr != @clients6 counter name refused drop
                goto pass
            }

            chain open {
                meta l4proto { icmp, ipv6-icmp } goto pass
                ip daddr . meta l4proto . th dport @open4 goto published
                ip6 daddr . meta l4proto . th dport @open6 goto published
                ip daddr . meta l4proto . th dport @openranges4 goto published
                ip6 daddr . meta l4proto . th dport @openranges6 goto published
                counter name unpublished drop
            }

            chain unprotected {
                iifname @bridges counter name unpublished drop
                goto pass
            }

            chain out {
                oifname @engine accept
                ct state established,related goto pass
                meta nfproto . iifname @sealed counter name sealed drop
                iifname . ip daddr @holes4 counter name blackhole drop
                iifname . ip6 daddr @holes6 counter name blackhole drop
                goto pass
            }

            chain guarded {
                ct state established,related accept
                ct status dnat accept comment "to a port that the engine publishes"
                iifname @engine accept
                iifname { "docker*", "br-*" } accept comment "the engine's names for its bridges"
                counter name guarded drop
            }

            chain arrive {
                type filter hook forward priority filter - 2; policy accept;
                meta mark & \(mark) == \(mark) meta mark set meta mark & \(~mark) comment "before any plugind's forward"
            }

            chain forward {
                type filter hook forward priority filter - 1; policy accept;
                oifname @bridges goto into
                iifname @bridges goto out
                meta nfproto vmap @guard
            }

            chain input {
                type filter hook input priority filter - 1; policy accept;
                meta nfproto . iifname @isolated counter name sealed drop
            }

            chain loopback {
                type filter hook prerouting priority raw; policy accept;
                iifname @bridges ip daddr 127.0.0.0/8 counter name loopback drop
                iifname @bridges ip saddr 127.0.0.0/8 counter name loopback drop
            }

            chain publish {
                dnat ip to meta l4proto . th dport map @ports4
                dnat ip6 to meta l4proto . th dport map @ports6
                dnat ip to ip daddr . meta l4proto . th dport map @hostports4
                dnat ip6 to ip6 daddr . meta l4proto . th dport map @hostports6
                dnat ip to ip daddr . meta l4proto . th dport map @ranges4
                dnat ip6 to ip6 daddr . meta l4proto . th dport map @ranges6
            }

            chain prerouting {
                type nat hook prerouting priority dstnat; policy accept;
                ip daddr 127.0.0.0/8 accept
                fib daddr type local goto publish
            }

            chain output {
                type nat hook output priority -100; policy accept;
                ip6 daddr ::1 accept comment "the kernel cannot lead it out of the host: plugind forwards it"
                fib daddr type local goto publish
            }

            chain postrouting {
                type nat hook postrouting priority srcnat; policy accept;
                ip saddr 127.0.0.0/8 oifname @bridges masquerade
                oifname . ip saddr @subnets4 ct status dnat masquerade comment "or the answer would not come this way"
                oifname . ip6 saddr @subnets6 ct status dnat masquerade
                oifname @bridges accept
                snat ip to iifname map @sources4
                snat ip6 to iifname map @sources6
                meta nfproto . iifname @masqueraded masquerade
            }

            chain unmark {
                type filter hook postrouting priority 300; policy accept;
                meta mark & \(mark) == \(mark) meta mark set meta mark & \(~mark)
            }

        """

    /// Frames inside of a bridge pass no IP hook unless br_netfilter is on. Where it is, what the rules above let pass is
    /// marked when it comes here.
    private static let bridgeRules = """

            comment "networks of plugind with enable_icc=false"

            counter closed { comment "dropped: between containers of a network with enable_icc=false"; }
            set closed-ports { type ifname; comment "ports of bridges"; }

            chain forward {
                type filter hook forward priority 10; policy accept;
                meta mark & \(mark) == \(mark) accept
                iifname @closed-ports oifname @closed-ports meta protocol { ip, ip6 } counter name closed drop
            }

        """
}
