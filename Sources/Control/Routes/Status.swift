// SPDX-License-Identifier: Apache-2.0

public import IPAM
public import NetDriver

/// What the daemon is and where it has its things.
public struct DaemonFacts: Sendable {
    public var version: String
    public var started: ContinuousClock.Instant
    public var stateDirectory: String
    public var pluginSocket: String
    public var controlSocket: String
    /// Nil if the engine is never asked.
    public var engineSocket: String?

    public init(
        version: String, started: ContinuousClock.Instant, stateDirectory: String, pluginSocket: String,
        controlSocket: String, engineSocket: String?
    ) {
        self.version = version
        self.started = started
        self.stateDirectory = stateDirectory
        self.pluginSocket = pluginSocket
        self.controlSocket = controlSocket
        self.engineSocket = engineSocket
    }
}

/// How the daemon is: the answer to `GET /v1/status`.
public struct DaemonStatus: Codable, Hashable, Sendable {
    /// What could not be finished yet, and is tried again.
    public struct Owed: Codable, Hashable, Sendable {
        /// Networks and endpoints that should be gone.
        public var deletions: Int
        /// Networks and endpoints that could not be put back.
        public var repairs: Int
        /// Pools and addresses whose release the store refused.
        public var releases: Int
        /// The packet filter, or the host's forwarding, is not as it should be.
        public var rules: Bool
        /// The host could not be compared with the state.
        public var reconciliation: Bool
        /// Published ports that another program has.
        public var ports: Int

        /// True if nothing is.
        public var isNothing: Bool {
            deletions == 0 && repairs == 0 && releases == 0 && ports == 0 && !rules && !reconciliation
        }
    }

    public var version: String
    public var uptimeSeconds: Int64
    public var stateDirectory: String
    public var pluginSocket: String
    public var controlSocket: String
    /// Absent if the engine is never asked.
    public var engineSocket: String?
    public var networks: Int
    public var endpoints: Int
    /// Ways by which containers are reached from outside of their networks.
    public var ports: Int
    public var pools: Int
    /// Those that are held.
    public var addresses: Int
    /// Elements of the packet filter's sets and maps.
    public var rules: Int
    /// How often which kind of thing was put back since the daemon started.
    public var repairs: [String: Int]
    public var owed: Owed

    public init(_ facts: DaemonFacts, _ view: DriverView, _ counts: IPAMCounts) {
        version = facts.version
        uptimeSeconds = (ContinuousClock.now - facts.started).components.seconds
        stateDirectory = facts.stateDirectory
        pluginSocket = facts.pluginSocket
        controlSocket = facts.controlSocket
        engineSocket = facts.engineSocket
        networks = view.networks.count
        endpoints = view.endpoints.count
        ports = view.endpoints.reduce(0) { $0 + $1.reaches.count }
        pools = counts.pools
        addresses = counts.addresses
        rules = view.condition.ruleCount
        repairs = view.condition.repairs
        owed = Owed(
            deletions: view.condition.owedDeletions, repairs: view.condition.owedRepairs,
            releases: counts.owedReleases, rules: view.condition.areRulesOwed,
            reconciliation: view.condition.isReconciliationOwed, ports: view.condition.unheldPorts)
    }
}

extension ControlRouter {
    /// How the daemon is.
    public mutating func onStatus(_ facts: @escaping @Sendable () -> DaemonFacts, _ driver: Driver, _ ipam: IPAM) {
        on("GET", "/status") { _ in
            DaemonStatus(facts(), try await driver.view(looksAtLinks: false), await ipam.counts())
        }
    }
}
