// SPDX-License-Identifier: Apache-2.0

import Addressing
public import IPAM
public import HostNetwork
public import NetDriver
import Store

/// Everything that is measured. What has not been counted on the way is gathered when somebody asks.
public struct Metrics: Sendable {
    private let version: String
    private let ipam: IPAM
    private let driver: Driver
    private let requests: RequestTally
    private let store: MeasuredStore
    private let host: HostTally
    /// For how long the owners are waited for.
    private let patience: Duration

    public init(
        version: String, ipam: IPAM, driver: Driver, requests: RequestTally, store: MeasuredStore, host: HostTally
    ) {
        self.init(
            version: version, ipam: ipam, driver: driver, requests: requests, store: store, host: host,
            patience: .seconds(5))
    }

    init(
        version: String, ipam: IPAM, driver: Driver, requests: RequestTally, store: MeasuredStore, host: HostTally,
        patience: Duration
    ) {
        self.version = version
        self.ipam = ipam
        self.driver = driver
        self.requests = requests
        self.store = store
        self.host = host
        self.patience = patience
    }

    func health() async -> Health {
        async let pools = within(patience) { [ipam] in await ipam.owedCounts() }
        async let host = within(patience) { [driver] in await driver.figures() }
        return Health(isIPAMAlive: await pools != nil, await host, failure: store.failure())
    }

    /// All of it, in Prometheus's text format. What an owner that does not answer would have told is left out.
    func text() async -> String {
        async let figures = within(patience) { [ipam] in (await ipam.report(), await ipam.owedCounts()) }
        async let inventory = within(patience) { [driver] in await driver.figures() }
        let (pools, host) = (await figures, await inventory)
        var text = MetricText()
        text.add(.buildInfo, .init(1, version))
        text.add(.ready, .init(Health(isIPAMAlive: pools != nil, host, failure: store.failure()).ready ? 1 : 0))
        text.add(.requests, requests.all)
        text.add(.commits, store.commits)
        text.add(.auditEntries, store.decisions.map { .init($0.count, $0.decision) })
        if let pools { Self.add(pools.0, to: &text) }
        if let host { Self.add(host, to: &text) }
        Self.add(self.host.figures, to: &text)
        text.add(.owed, Self.owed(pools?.1, host))
        if let process = ProcessFigures() { Self.add(process, to: &text) }
        return text.text
    }

    private static func add(_ pools: [PoolReport], to text: inout MetricText) {
        text.add(.pools, .init(pools.count))
        text.add(.poolSize, pools.map { .init($0.size, $0.id.description) })
        text.add(.poolAllocatable, pools.map { .init($0.allocatable, $0.id.description) })
        text.add(
            .poolAddresses,
            pools.flatMap { pool in
                let id = pool.id.description
                return [
                    MetricText.Sample(pool.used, id, "used"), .init(pool.sticky, id, "sticky"),
                    .init(pool.quarantined, id, "quarantined"), .init(pool.reserved, id, "reserved"),
                    .init(pool.excluded, id, "excluded"), .init(pool.free, id, "free"),
                ]
            })
        text.add(
            .poolExhaustion,
            pools.compactMap { pool in
                pool.exhaustedIn.map { .init($0.components.seconds, pool.id.description) }
            })
    }

    private static func add(_ host: DriverFigures, to text: inout MetricText) {
        text.add(.networks, .init(host.networks.count))
        text.add(.endpoints, .init(host.endpoints))
        text.add(
            .networkEndpoints,
            host.networks.map { .init($0.endpoints, $0.id.description, $0.bridge.description) })
        text.add(
            .bridgePortsLeft,
            host.networks.map { .init($0.portsLeft, $0.id.description, $0.bridge.description) })
        text.add(
            .publishedPorts,
            host.publishedPorts.sorted { $0.key.description < $1.key.description }
                .map { .init($0.value, $0.key.description) })
        text.add(.portsNotHeld, .init(host.portsNotHeld))
        text.add(.repairs, host.repairs.sorted { $0.key < $1.key }.map { .init($0.value, $0.key) })
        text.add(.reconciliations, .init(host.reconciliations))
        text.add(.reconciliationTime, .init(host.lastReconciliation / .seconds(1)))
    }

    private static func add(_ host: HostTally.Figures, to text: inout MetricText) {
        text.add(.linksMade, [.init(host.bridgesMade, "bridge"), .init(host.vethPairsMade, "veth")])
        text.add(.linksDeleted, .init(host.linksDeleted))
        text.add(.kernelRefusals, host.refusals.sorted { $0.key < $1.key }.map { .init($0.value, $0.key) })
        text.add(.transactions, [.init(host.transactions, "ok"), .init(host.failedTransactions, "failed")])
    }

    private static func owed(
        _ pools: (addresses: Int, pools: Int)?, _ host: DriverFigures?
    ) -> [MetricText.Sample] {
        var samples: [MetricText.Sample] = []
        if let pools { samples += [.init(pools.addresses, "address"), .init(pools.pools, "pool")] }
        if let host {
            samples += [
                .init(host.owedEndpoints, "endpoint"), .init(host.owedNetworks, "network"),
                .init(host.owedRepairs, "repair"), .init(host.isReconciliationOwed ? 1 : 0, "reconciliation"),
                .init(host.areRulesOwed ? 1 : 0, "rules"),
            ]
        }
        return samples
    }

    private static func add(_ process: ProcessFigures, to text: inout MetricText) {
        text.add(.processorTime, .init(process.processorTime))
        text.add(.residentMemory, .init(process.residentMemory))
        text.add(.virtualMemory, .init(process.virtualMemory))
        text.add(.openFiles, process.openFiles.map { [.init($0)] } ?? [])
        text.add(.mostFiles, process.mostFiles.map { [.init($0)] } ?? [])
        text.add(.startTime, process.startTime.map { [.init($0)] } ?? [])
    }
}

extension Health {
    /// `host` is what the driver says, nil if it does not answer; `failure` is why the last change could not be stored.
    init(isIPAMAlive: Bool, _ host: DriverFigures?, failure: StoreError?) {
        reasons = []
        if !isIPAMAlive { reasons.append("the owner of pools and addresses does not answer") }
        if host == nil { reasons.append("the owner of networks and endpoints does not answer") }
        live = reasons.isEmpty
        if host?.isReconciliationOwed == true {
            reasons.append("the host could not be compared with the state, which is tried again")
        }
        if host?.areRulesOwed == true {
            reasons.append(
                "the packet filter's rules or the host's forwarding could not be set, which is tried again")
        }
        if let failure { reasons.append("\(failure)") }
        ready = reasons.isEmpty
    }
}

/// What `work` gives; nil if that takes longer than `limit`. The work is cancelled then, and not waited for.
func within<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async -> Value
) async -> Value? {
    let (answers, answer) = AsyncStream.makeStream(of: Value?.self)
    let working = Task { answer.yield(await work()) }
    let waiting = Task {
        try? await Task.sleep(for: limit)
        answer.yield(nil)
    }
    defer {
        working.cancel()
        waiting.cancel()
    }
    for await first in answers { return first }
    return nil
}
