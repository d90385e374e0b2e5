// SPDX-License-Identifier: Apache-2.0

/// All that the doctor can find. `docs/doctor.md` has the same list, which a test compares with this one.
public enum FindingKind: String, CaseIterable, Sendable {
    case daemonDown = "daemon-down"
    case controlSocketOff = "control-socket-off"
    case controlSocketUnusable = "control-socket-unusable"
    case pluginSocketMissing = "plugin-socket-missing"
    case pluginSocketDead = "plugin-socket-dead"
    case pluginSocketSilent = "plugin-socket-silent"
    case daemonCapabilities = "daemon-capabilities"
    case doctorRights = "doctor-rights"
    case openFilesShort = "open-files-short"
    case openFilesLimit = "open-files-limit"
    case stateMissing = "state-missing"
    case stateReadOnly = "state-read-only"
    case stateSpace = "state-space"
    case stateOpen = "state-open"
    case featureMissing = "feature-missing"
    case sysctlsReadOnly = "sysctls-read-only"
    case ipv6Off = "ipv6-off"
    case forwardingOff = "forwarding-off"
    case forwardingNotOn = "forwarding-not-on"
    case bridgeNetfilterOn = "br-netfilter-on"
    case rulesMissing = "rules-missing"
    case forwardDrop = "forward-drop"
    case forwardChainDrop = "forward-chain-drop"
    case forwardChainRules = "forward-chain-rules"
    case legacyDrop = "legacy-iptables-drop"
    case legacyRules = "legacy-iptables-rules"
    case flowsShort = "flows-short"
    case poolConflict = "pool-conflict"
    case bridgePortsShort = "bridge-ports-short"
    case neighboursShort = "neighbours-short"
    case engineUnreachable = "engine-unreachable"
    case engineNotFound = "engine-not-found"
    case engineTooOld = "engine-too-old"
    case engineWithoutNames = "engine-without-names"
    case notChecked = "not-checked"

    public var severity: Severity {
        switch self {
        case .controlSocketOff, .doctorRights, .openFilesLimit, .stateOpen, .ipv6Off, .forwardingNotOn,
            .bridgeNetfilterOn, .forwardChainRules, .legacyRules, .engineNotFound, .engineWithoutNames, .notChecked:
            .note
        case .daemonDown, .controlSocketUnusable, .pluginSocketMissing, .pluginSocketDead, .pluginSocketSilent,
            .daemonCapabilities, .openFilesShort, .stateMissing, .stateReadOnly, .stateSpace, .featureMissing,
            .sysctlsReadOnly, .forwardingOff, .rulesMissing, .forwardDrop, .forwardChainDrop, .legacyDrop, .flowsShort,
            .poolConflict, .bridgePortsShort, .neighboursShort, .engineUnreachable, .engineTooOld:
            .problem
        }
    }

    /// Why it matters.
    public var why: String { words.why }
    /// What to do about it.
    public var remedy: String { words.remedy }

    private var words: (why: String, remedy: String) {
        switch self {
        case .daemonDown:
            (
                "Containers that run keep their network, but none can be started, stopped or connected, and nothing "
                    + "that somebody else changes on the host is put back.",
                "Start it (systemctl start plugind) and read why it ended (journalctl -u plugind). If it runs with "
                    + "another control socket, name that: --control-socket."
            )
        case .controlSocketOff:
            (
                "The daemon cannot be asked what only it knows: conflicts of pools, and its own settings.",
                "Nothing, if that is wanted; else remove control-socket: off from the configuration, and restart plugind."
            )
        case .controlSocketUnusable:
            (
                "Commands do not work, and what only the daemon knows was not checked.",
                "Look whether the path is plugind's socket, and of the same version as this command; restart plugind."
            )
        case .pluginSocketMissing:
            (
                "The engine finds plugind by this file. Without it, networks of plugind cannot be used.",
                "Start plugind.socket or plugind.service. If the engine runs elsewhere or looks elsewhere, set plugin-dir."
            )
        case .pluginSocketDead:
            (
                "The engine connects there, is refused, and tries for 15 seconds before it gives up, at each call.",
                "Start plugind, which replaces the file; or remove it, if plugind is not used any more."
            )
        case .pluginSocketSilent:
            (
                "The engine waits for an answer without limit, while it holds locks: docker commands hang.",
                "Read plugind's log for what it waits for. Restart it; if the file is another program's, remove that."
            )
        case .daemonCapabilities:
            (
                "Without CAP_NET_ADMIN no link, address or rule can be made; without CAP_SYS_ADMIN a lost link is not "
                    + "put back in its container; without CAP_NET_BIND_SERVICE ports below 1024 are not published.",
                "Give them to it: CapabilityBoundingSet= in the unit (systemctl cat plugind), or cap-add for a container."
            )
        case .doctorRights:
            (
                "Packet filter and kernel features can be seen by root alone, so they were not checked, or not in full.",
                "Run it as root: sudo plugind doctor."
            )
        case .openFilesShort:
            (
                "Each published port is held by a socket or two. When none is left, ports cannot be published, and the "
                    + "engine cannot connect.",
                "Raise LimitNOFILE= in the unit (systemctl edit plugind), and restart plugind."
            )
        case .openFilesLimit:
            (
                "Each published port is held by a socket or two, and each connection that plugind forwards by two.",
                "Set LimitNOFILE=1048576 in the unit, as plugind's own unit has it."
            )
        case .stateMissing:
            (
                "What plugind knows of networks and addresses is there. Without it a restart knows nothing of them.",
                "If plugind has another one, name it: --state-dir. If it was deleted, stop plugind, put a copy back, start."
            )
        case .stateReadOnly:
            (
                "Each change is stored before it is made, so nothing can be created or deleted.",
                "Mount the file system writable again; look into the kernel's log for why it became read-only."
            )
        case .stateSpace:
            (
                "Each change is stored before it is made. On a full disk nothing can be created, and what is deleted "
                    + "is finished only later.",
                "Free space or inodes on that file system, or move the state: state-dir."
            )
        case .stateOpen:
            (
                "The state has the names and addresses of containers. It is meant for plugind's user alone.",
                "Run chmod 0700 on the directory."
            )
        case .featureMissing:
            (
                "plugind makes a network of bridges, veth pairs and nftables rules that translate addresses and "
                    + "know connections. Without one of them networks or containers cannot be made.",
                "Load or build it: modules bridge, veth, nf_tables, nft_nat, nft_masq, nft_ct, nf_conntrack. After an "
                    + "update of the kernel, reboot: modules of the running one may be gone."
            )
        case .sysctlsReadOnly:
            (
                "Each bridge needs settings below /proc/sys/net (forwarding, IPv6), so no network can be made.",
                "In a container, run it with a writable /proc/sys/net; in a unit, without ProtectKernelTunables=."
            )
        case .ipv6Off:
            (
                "Networks with --ipv6 cannot be created; others are not affected.",
                "Nothing, if there are none. Else set net.ipv6.conf.all.disable_ipv6=0, or boot without ipv6.disable=1."
            )
        case .forwardingOff:
            (
                "Answers from outside to containers are not let in, nor what others send to published ports: the host "
                    + "does not forward what comes in by its other links.",
                "kill -USR1 the daemon, which switches it on; find out what switches it off (sysctl.d, a script), and "
                    + "set net.ipv4.ip_forward=1 and net.ipv6.conf.all.forwarding=1 there."
            )
        case .forwardingNotOn:
            (
                "Internal networks need none. Others do, and plugind switches it on when one is created, or when it starts.",
                "Nothing, if all networks are internal; else kill -USR1 the daemon, or start it."
            )
        case .bridgeNetfilterOn:
            (
                "Frames between containers of one network pass the host's IP rules, too. plugind's rules let them pass; "
                    + "rules of others may drop them, and each frame costs more.",
                "Nothing, if Kubernetes or the like needs it; else set net.bridge.bridge-nf-call-iptables=0 and "
                    + "net.bridge.bridge-nf-call-ip6tables=0."
            )
        case .rulesMissing:
            (
                "Networks are neither isolated nor translated: containers do not reach the outside, published ports lead "
                    + "nowhere, and who routes to the host may reach containers.",
                "Start plugind, which makes its table anew, or kill -USR1 it. Find out what flushes the packet filter."
            )
        case .forwardDrop:
            (
                "An accept of plugind's own table does not undo a drop of another. Containers reach neither the outside "
                    + "nor, where br_netfilter is on, each other, and published ports do not work.",
                "kill -USR1 the daemon, which puts its rule into DOCKER-USER. Where no engine makes that chain, let pass "
                    + "what plugind marks, with iptables and ip6tables: "
                    + "iptables -I FORWARD -m mark --mark 0x20000000/0x20000000 -j ACCEPT"
            )
        case .forwardChainDrop:
            (
                "Each chain of the forward hook has its say, and this one drops what plugind's lets pass: containers are "
                    + "cut off from the outside.",
                "Add to that chain, before its end: meta mark & 0x20000000 == 0x20000000 accept. In the family bridge, "
                    + "where nothing is marked, accept the ports of br-*."
            )
        case .forwardChainRules:
            (
                "What these rules drop does not reach containers, whatever plugind's table says.",
                "Nothing, if networks work. With firewalld, put the bridges of networks into the zone trusted."
            )
        case .legacyDrop:
            (
                "plugind cannot put its rule there: tables of legacy iptables cannot be reached through nftables. What "
                    + "containers send out is dropped.",
                "Change to iptables-nft (update-alternatives --set iptables /usr/sbin/iptables-nft, the same for ip6tables, "
                    + "reboot), or run iptables-legacy -I FORWARD -m mark --mark 0x20000000/0x20000000 -j ACCEPT"
            )
        case .legacyRules:
            (
                "They are judged beside those of nftables, where neither nft nor plugind sees them.",
                "Nothing, if networks work; else look at them: iptables-legacy-save, ip6tables-legacy-save."
            )
        case .flowsShort:
            (
                "When the table of connections is full, the kernel drops the first packet of each new one, for the "
                    + "whole host.",
                "Raise net.netfilter.nf_conntrack_max, or find out who opens so many: conntrack -L."
            )
        case .poolConflict:
            (
                "What is sent to one may end at the other: containers do not reach that part of the outside, or the host "
                    + "does not reach its containers.",
                "Create the network anew with another --subnet, or change the route; keep plugind from choosing it again: "
                    + "forbidden-pools."
            )
        case .bridgePortsShort:
            (
                "A bridge takes 1023 ports, one for each container. After that containers of this network do not start.",
                "Spread the containers over several networks."
            )
        case .neighboursShort:
            (
                "Host and containers share one table of neighbours, and each container takes two entries or more. When it "
                    + "is full, new connections fail at random (“neighbour table overflow”).",
                "Set net.ipv4.neigh.default.gc_thresh3 and net.ipv6.neigh.default.gc_thresh3 to four times the number of "
                    + "containers or more, gc_thresh2 to half of that."
            )
        case .engineUnreachable:
            (
                "plugind was told to ask this engine before it frees something. While it cannot, most garbage is kept.",
                "Start the engine, or correct engine-socket."
            )
        case .engineNotFound:
            (
                "Its version was not checked, nor does this command know names of containers.",
                "Nothing, if the engine is stopped; if it has another socket, name it: --engine-socket."
            )
        case .engineTooOld:
            (
                "plugind is tested with engines from 20.10 on.",
                "Update the engine."
            )
        case .engineWithoutNames:
            (
                "Engines send names of containers from 29 on. Without them an address that was chosen does not stay with "
                    + "its container, unless that has a MAC address of its own and mac-claims is on.",
                "Update the engine to 29, or use --ip or reservations by MAC address where addresses have to stay."
            )
        case .notChecked:
            (
                "What could not be looked at may be in order, or not.",
                "See the reason."
            )
        }
    }
}
