// SPDX-License-Identifier: Apache-2.0

import Diagnosis
import Testing

extension Facts {
    /// A host without problems, which serves two networks.
    static var sound: Facts {
        var facts = Facts()
        facts.daemon = .up(socket: "/run/plugind/control.sock", conflicts: [])
        facts.process = DaemonProcess(id: 7, missingCapabilities: [], openFiles: 40, openFilesLimit: 1_048_576)
        facts.state = StateDirectory(
            path: "/var/lib/plugind",
            look: .known(.init(mode: 0o700, isReadOnly: false, freeBytes: 1 << 30, freeInodes: 100_000)))
        facts.isForwarding = ["IPv4": true, "IPv6": true]
        facts.firewall = .known(
            PacketFilter(
                hasOwnTable: true, hasEngineChain: true,
                chains: [.init(family: "ip", table: "filter", name: "FORWARD", drops: true, acceptsMark: true)]))
        facts.flows = .known(Fill(count: 10, limit: 65_536))
        facts.bridges = .known([
            Bridge(name: "br-1", ports: 3, forwards: ["IPv4"]), Bridge(name: "br-2", ports: 4, forwards: []),
        ])
        facts.neighbours = ["IPv4": Fill(count: 20, limit: 1024), "IPv6": Fill(count: 2, limit: 1024)]
        facts.engine.version = .known("29.1.0")
        return facts
    }

    func with(_ change: (inout Facts) -> Void) -> Facts {
        var facts = self
        change(&facts)
        return facts
    }

    mutating func changeFilter(_ change: (inout PacketFilter) -> Void) {
        guard var filter = firewall.value else { return }
        change(&filter)
        firewall = .known(filter)
    }

    mutating func changeLook(_ change: (inout StateDirectory.Look) -> Void) {
        guard case .known(.some(var look)) = state.look else { return }
        change(&look)
        state.look = .known(look)
    }
}

extension Report {
    var findings: [Finding] { results.flatMap(\.findings) }
    var kinds: [FindingKind] { findings.map(\.kind) }
}

@Suite("What the doctor finds")
struct FindingTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let kind: FindingKind
        /// What it must say, in part.
        let what: String
        let facts: Facts

        init(_ kind: FindingKind, _ what: String, _ change: (inout Facts) -> Void) {
            self.kind = kind
            self.what = what
            facts = .sound.with(change)
        }

        var testDescription: String { "\(kind.rawValue): \(what)" }
    }

    private static let chain = Facts.PacketFilter.Chain(
        family: "ip", table: "filter", name: "FORWARD", drops: true, acceptsMark: false)

    static let examples: [Example] = [
        Example(.controlSocketOff, "no control socket") { $0.daemon = .off },
        Example(.daemonDown, "no such socket") { $0.daemon = .down("no such socket") },
        Example(.controlSocketUnusable, "nonsense") { $0.daemon = .unusable("nonsense") },
        Example(.pluginSocketMissing, "/run/docker/plugins/plugind.sock") { $0.plugin.state = .missing },
        Example(.pluginSocketDead, "nobody listens") { $0.plugin.state = .dead },
        Example(.pluginSocketSilent, "its queue is full") { $0.plugin.state = .silent("its queue is full") },
        Example(.notChecked, "Permission denied") { $0.plugin.state = .unknown("Permission denied") },
        Example(.daemonCapabilities, "process 7, has not CAP_SYS_ADMIN") {
            $0.process?.missingCapabilities = ["CAP_SYS_ADMIN"]
        },
        Example(.doctorRights, "CAP_NET_ADMIN") { $0.mayLook = false },
        Example(.openFilesShort, "839 of 1024") {
            $0.process?.openFiles = 839
            $0.process?.openFilesLimit = 1024
        },
        Example(.openFilesShort, "820 of 1024") {
            $0.process?.openFiles = 820
            $0.process?.openFilesLimit = 1024
        },
        Example(.openFilesLimit, "1024 files") { $0.process?.openFilesLimit = 1024 },
        Example(.stateMissing, "/var/lib/plugind") { $0.state.look = .known(nil) },
        Example(.notChecked, "Permission denied") { $0.state.look = .unknown("Permission denied") },
        Example(.stateReadOnly, "read-only") { $0.changeLook { look in look.isReadOnly = true } },
        Example(.stateSpace, "1024 KiB") {
            $0.changeLook { look in look.freeBytes = 1 << 20 }
        },
        Example(.stateSpace, "3 inodes") {
            $0.changeLook { look in look.freeInodes = 3 }
        },
        Example(.stateOpen, "mode 0755") { $0.changeLook { look in look.mode = 0o755 } },
        Example(.featureMissing, "no veth pairs: Operation not supported") {
            $0.missingFeatures = .known([.init(name: "veth pairs", reason: "Operation not supported")])
        },
        Example(.notChecked, "kernel could not be checked") { $0.missingFeatures = .unknown("not permitted") },
        Example(.sysctlsReadOnly, "/proc/sys/net") { $0.areSysctlsWritable = false },
        Example(.ipv6Off, "no IPv6") {
            $0.isIPv6Enabled = false
            $0.isForwarding["IPv6"] = nil
        },
        Example(.forwardingOff, "forwards no IPv4, and br-1 needs it") { $0.isForwarding["IPv4"] = false },
        Example(.forwardingOff, "forwards no IPv6, and br-1 and 1 more needs it") {
            $0.isForwarding["IPv6"] = false
            $0.bridges = .known([
                .init(name: "br-1", ports: 0, forwards: ["IPv6"]), .init(name: "br-2", ports: 0, forwards: ["IPv6"]),
            ])
        },
        Example(.forwardingNotOn, "neither") {
            $0.isForwarding["IPv4"] = false
            $0.bridges = .known([.init(name: "br-1", ports: 0, forwards: [])])
        },
        Example(.bridgeNetfilterOn, "bridge-nf-call-iptables") { $0.bridgeNetfilter = ["bridge-nf-call-iptables"] },
        Example(.rulesMissing, "no table inet plugind, and bridge br-1 is there") {
            $0.changeFilter { filter in
                filter.hasOwnTable = false
                filter.chains = []
            }
        },
        Example(.notChecked, "firewall could not be checked") { $0.firewall = .unknown("not permitted") },
        Example(.forwardDrop, "policy of ip filter FORWARD is drop") {
            $0.changeFilter { filter in filter.chains = [chain] }
        },
        Example(.forwardDrop, "policy of ip filter FORWARD is drop") {
            $0.bridges = .known([])
            $0.changeFilter { filter in
                filter = .init(hasOwnTable: false, hasEngineChain: false, chains: [chain])
            }
        },
        Example(.forwardChainDrop, "inet host forward") {
            $0.changeFilter { filter in
                filter.chains = [.init(family: "inet", table: "host", name: "forward", drops: true)]
            }
        },
        Example(.forwardChainDrop, "bridge filter FORWARD") {
            $0.changeFilter { filter in
                filter.chains = [.init(family: "bridge", table: "filter", name: "FORWARD", drops: true)]
            }
        },
        Example(.forwardChainRules, "inet firewalld filter_FORWARD") {
            $0.changeFilter { filter in
                filter.chains = [
                    .init(family: "inet", table: "firewalld", name: "filter_FORWARD", drops: false, hasDrops: true)
                ]
            }
        },
        Example(.legacyDrop, "iptables-legacy is DROP") {
            $0.legacyTables = .known([.init(command: "iptables-legacy", drops: true, rules: false)])
        },
        Example(.legacyRules, "ip6tables-legacy has rules") {
            $0.legacyTables = .known([.init(command: "ip6tables-legacy", drops: false, rules: true)])
        },
        Example(.legacyRules, "iptables-legacy has rules") {
            $0.legacyTables = .known([
                .init(command: "iptables-legacy", drops: true, rules: true, acceptsMark: true)
            ])
        },
        Example(.notChecked, "iptables could not be checked") { $0.legacyTables = .unknown("not permitted") },
        Example(.flowsShort, "59000 of 65536") { $0.flows = .known(.init(count: 59_000, limit: 65_536)) },
        Example(.notChecked, "conntrack could not be checked") { $0.flows = .unknown("not told") },
        Example(.poolConflict, "route 10.0.0.0/8 via tun0") {
            $0.daemon = .up(socket: "", conflicts: ["pool a: route 10.0.0.0/8 via tun0 overlaps it"])
        },
        Example(.bridgePortsShort, "br-2 has 1000 of 1023 ports") {
            $0.neighbours = ["IPv4": .init(count: 0, limit: 10_000)]
            $0.bridges = .known([
                .init(name: "br-1", ports: 999, forwards: []), .init(name: "br-2", ports: 1000, forwards: []),
            ])
        },
        Example(.notChecked, "bridges could not be checked") { $0.bridges = .unknown("not told") },
        Example(.neighboursShort, "IPv4 takes 13 neighbours, too few for 7 endpoints") {
            $0.neighbours["IPv4"] = .init(count: 1, limit: 13)
        },
        Example(.neighboursShort, "IPv6 has 990 of 1024 neighbours") {
            $0.neighbours["IPv6"] = .init(count: 990, limit: 1024)
        },
        Example(.notChecked, "neighbours could not be checked") { $0.neighbours = [:] },
        Example(.engineNotFound, "/run/docker.sock: refused") { $0.engine.version = .unknown("refused") },
        Example(.engineUnreachable, "/run/docker.sock: refused") {
            $0.engine.version = .unknown("refused")
            $0.engine.isConfigured = true
        },
        Example(.engineTooOld, "19.03.15") { $0.engine.version = .known("19.03.15") },
        Example(.engineWithoutNames, "20.10.24") { $0.engine.version = .known("20.10.24") },
        Example(.engineWithoutNames, "28.5.2") { $0.engine.version = .known("28.5.2") },
    ]

    @Test(arguments: examples) func `it is found, and nothing worse`(example: Example) throws {
        let findings = Report(example.facts).findings
        let found = try #require(
            findings.first { $0.kind == example.kind && $0.what.contains(example.what) }, "\(findings)")
        // The daemon that is not reached cannot be asked for conflicts.
        #expect(findings.allSatisfy { $0 == found || $0.kind == .notChecked }, "\(findings)")
    }

    @Test func `there is an example of each finding`() {
        #expect(Set(Self.examples.map(\.kind)) == Set(FindingKind.allCases))
    }

    @Test func `a sound host has no findings`() {
        #expect(Report(.sound).findings.isEmpty)
        #expect(Report(.sound).results.allSatisfy { $0.summary?.isEmpty == false })
    }

    private static let fine: [Example] = [
        Example(.forwardDrop, "the engine's policy before there is a network") {
            $0.bridges = .known([])
            $0.changeFilter { filter in
                filter = .init(hasOwnTable: false, hasEngineChain: true, chains: [chain])
            }
        },
        Example(.forwardingOff, "no forwarding without networks") {
            $0.isForwarding = ["IPv4": false, "IPv6": false]
            $0.bridges = .known([])
        },
        Example(.forwardingOff, "no forwarding of IPv6 that no network needs") { $0.isForwarding["IPv6"] = false },
        Example(.openFilesShort, "just under four fifths") { $0.process?.openFiles = 838_860 },
        Example(.stateSpace, "a file system that has no fixed number of inodes") {
            $0.changeLook { look in look.freeInodes = nil }
        },
        Example(.bridgePortsShort, "999 ports") {
            $0.neighbours = ["IPv4": .init(count: 0, limit: 10_000)]
            $0.bridges = .known([.init(name: "br-1", ports: 999, forwards: ["IPv4"])])
        },
        Example(.neighboursShort, "just enough") { $0.neighbours["IPv4"] = .init(count: 1, limit: 14) },
        Example(.legacyRules, "an empty legacy table") {
            $0.legacyTables = .known([.init(command: "iptables-legacy", drops: false, rules: false)])
        },
        Example(.engineWithoutNames, "a build of the development branch") { $0.engine.version = .known("dev") },
        Example(.engineWithoutNames, "a release candidate") { $0.engine.version = .known("29.0.0-rc.1") },
    ]

    @Test(arguments: fine) func `it is no finding`(example: Example) {
        #expect(Report(example.facts).findings.isEmpty, "\(example.what)")
    }
}
