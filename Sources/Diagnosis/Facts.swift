// SPDX-License-Identifier: Apache-2.0

/// All that the checks look at. Gathered before, so that a check asks nobody.
public struct Facts: Hashable, Sendable {
    public var daemon = Daemon.off
    /// Nil if there is none, or it cannot be seen.
    public var process: DaemonProcess?
    /// Whether this command may look at all: CAP_NET_ADMIN and CAP_SYS_ADMIN.
    public var mayLook = true
    public var plugin = PluginSocket(path: "/run/docker/plugins/plugind.sock", state: .answering)
    public var state = StateDirectory(path: "/var/lib/plugind", look: .unknown("not looked at"))
    /// What of the kernel's could not be used when it was tried, with the reason.
    public var missingFeatures = Fact<[MissingFeature]>.known([])
    public var areSysctlsWritable = true
    public var isIPv6Enabled = true
    /// By family, `IPv4` and `IPv6`.
    public var isForwarding: [String: Bool] = [:]
    /// The switches of br_netfilter that are on, such as `bridge-nf-call-iptables`.
    public var bridgeNetfilter: [String] = []
    public var firewall = Fact<PacketFilter>.known(PacketFilter())
    public var legacyTables = Fact<[LegacyTable]>.known([])
    public var flows = Fact<Fill>.unknown("not looked at")
    public var bridges = Fact<[Bridge]>.known([])
    /// By family; without an entry where the kernel does not show it.
    public var neighbours: [String: Fill] = [:]
    public var engine = Engine(path: "/run/docker.sock", isConfigured: false, version: .unknown("not asked"))

    public init() {}

    /// What came of asking the daemon.
    public enum Daemon: Hashable, Sendable {
        /// There is no control socket, by configuration.
        case off
        case down(String)
        case unusable(String)
        /// `conflicts` are sentences.
        case up(socket: String, conflicts: [String])
    }

    /// The daemon's process, as /proc has it.
    public struct DaemonProcess: Hashable, Sendable {
        public var id: Int32
        /// Names of those that it needs and has not.
        public var missingCapabilities: [String]
        public var openFiles: Int
        /// The most that it may have.
        public var openFilesLimit: Int

        public init(id: Int32, missingCapabilities: [String], openFiles: Int, openFilesLimit: Int) {
            self.id = id
            self.missingCapabilities = missingCapabilities
            self.openFiles = openFiles
            self.openFilesLimit = openFilesLimit
        }
    }

    public struct PluginSocket: Hashable, Sendable {
        public enum State: Hashable, Sendable {
            case answering
            case missing
            /// Nobody listens.
            case dead
            /// Somebody listens, and does not answer as a plugin.
            case silent(String)
            case unknown(String)
        }

        public var path: String
        public var state: State

        public init(path: String, state: State) {
            self.path = path
            self.state = state
        }
    }

    public struct StateDirectory: Hashable, Sendable {
        public struct Look: Hashable, Sendable {
            /// The bits of permission.
            public var mode: UInt32
            public var isReadOnly: Bool
            public var freeBytes: UInt64
            /// Nil on file systems that have no fixed number.
            public var freeInodes: UInt64?

            public init(mode: UInt32, isReadOnly: Bool, freeBytes: UInt64, freeInodes: UInt64?) {
                self.mode = mode
                self.isReadOnly = isReadOnly
                self.freeBytes = freeBytes
                self.freeInodes = freeInodes
            }
        }

        public var path: String
        /// Nil if there is no such directory.
        public var look: Fact<Look?>

        public init(path: String, look: Fact<Look?>) {
            self.path = path
            self.look = look
        }
    }

    public struct MissingFeature: Hashable, Sendable {
        public var name: String
        public var reason: String

        public init(name: String, reason: String) {
            self.name = name
            self.reason = reason
        }
    }

    /// A bridge of plugind's.
    public struct Bridge: Hashable, Sendable {
        public var name: String
        public var ports: Int
        /// The families for which what comes out of it may be routed on.
        public var forwards: [String]

        public init(name: String, ports: Int, forwards: [String]) {
            self.name = name
            self.ports = ports
            self.forwards = forwards
        }
    }

    /// How full a table is.
    public struct Fill: Hashable, Sendable {
        public var count: Int
        public var limit: Int

        public init(count: Int, limit: Int) {
            self.count = count
            self.limit = limit
        }
    }

    /// The packet filter, as far as it decides about what is forwarded.
    public struct PacketFilter: Hashable, Sendable {
        /// A base chain of the hook, of somebody else's.
        public struct Chain: Hashable, Sendable {
            public var family: String
            public var table: String
            public var name: String
            /// The policy.
            public var drops: Bool
            /// Whether a rule in it drops or rejects.
            public var hasDrops: Bool
            /// Whether a rule, in it or in a chain that it jumps to, accepts what plugind marks.
            public var acceptsMark: Bool

            public init(
                family: String, table: String, name: String, drops: Bool, hasDrops: Bool = false,
                acceptsMark: Bool = false
            ) {
                self.family = family
                self.table = table
                self.name = name
                self.drops = drops
                self.hasDrops = hasDrops
                self.acceptsMark = acceptsMark
            }
        }

        /// Such as `inet plugind`, whether it is there or not.
        public var ownTable: String
        public var hasOwnTable: Bool
        public var hasEngineChain: Bool
        public var chains: [Chain]

        public init(
            ownTable: String = "inet plugind", hasOwnTable: Bool = false, hasEngineChain: Bool = false,
            chains: [Chain] = []
        ) {
            self.ownTable = ownTable
            self.hasOwnTable = hasOwnTable
            self.hasEngineChain = hasEngineChain
            self.chains = chains
        }
    }

    /// The table `filter` of legacy iptables.
    public struct LegacyTable: Hashable, Sendable {
        /// `iptables-legacy` or `ip6tables-legacy`.
        public var command: String
        /// The policy of FORWARD.
        public var drops: Bool
        /// In FORWARD.
        public var rules: Bool
        /// Whether one of them accepts what plugind marks.
        public var acceptsMark: Bool

        public init(command: String, drops: Bool, rules: Bool, acceptsMark: Bool = false) {
            self.command = command
            self.drops = drops
            self.rules = rules
            self.acceptsMark = acceptsMark
        }
    }

    public struct Engine: Hashable, Sendable {
        public var path: String
        /// Whether the daemon was told to ask it.
        public var isConfigured: Bool
        /// As it says it, such as `29.1.0`.
        public var version: Fact<String>

        public init(path: String, isConfigured: Bool, version: Fact<String>) {
            self.path = path
            self.isConfigured = isConfigured
            self.version = version
        }
    }
}
