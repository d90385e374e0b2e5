// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import IPAM
import NetDriver
import PluginKit
import PluginServer
import Store
import TestSupport
import Testing

@testable import Control

@Suite("Metrics")
struct MetricsTests {
    @Test func `every metric is told in Prometheus's format, with its own labels`() async throws {
        let ipam = try IPAM.make()
        let id = try await ipam.pool("10.0.0.0/29")
        try await ipam.address(in: id)
        let store = MeasuredStore(FakeStore())
        try await store.commit([.audit(AuditRecord(time: 1, subject: "a", decision: "given", reason: "b"))])
        let requests = RequestTally()
        requests.add(.init(method: "NetworkDriver.Join", status: 200, duration: .milliseconds(3)))
        let metrics = Metrics.make(ipam, state: try .make(endpoints: 2), store: store, requests: requests)
        let told = try Exposition(await metrics.text())
        // Those that only what happens in time has.
        let absent: Set<Metric> = [.poolExhaustion, .repairs, .kernelRefusals]
        #expect(Set(told.families.keys) == Set(Metric.allCases.filter { !absent.contains($0) }.map(\.rawValue)))
        for metric in Metric.allCases {
            guard let family = told.families[metric.rawValue] else { continue }
            #expect(family.type == metric.kind.rawValue)
            #expect(family.help == metric.help)
            #expect(!family.samples.isEmpty)
            for sample in family.samples {
                #expect(Set(sample.labels.keys).subtracting(["le"]) == Set(metric.labels), "\(sample)")
                #expect(sample.labels.keys.contains("le") == sample.name.hasSuffix("_bucket"))
            }
        }
    }

    @Test func `names are as Prometheus wants them`() {
        for metric in Metric.allCases {
            #expect(metric.rawValue.hasSuffix("_total") == (metric.kind == .counter), "\(metric.rawValue)")
            #expect(metric.rawValue.hasPrefix("plugind_") || metric.rawValue.hasPrefix("process_"))
            #expect(metric.help.hasSuffix(".") && !metric.help.contains("\\") && !metric.help.contains("\n"))
        }
    }

    @Test func `a pool is told by the states of its addresses`() async throws {
        let ipam = try IPAM.make(reservations: [.make("db", "10.0.0.6")])
        let id = try await ipam.pool("10.0.0.0/29")
        try await ipam.address(in: id, name: "web")
        try await ipam.address(in: id)
        _ = try await ipam.exclude([try AddressRange("10.0.0.5")], from: id)
        let told = try Exposition(await Metrics.make(ipam).text())
        let pool = ["pool": "plugind-local/10.0.0.0/29"]
        #expect(told.value("plugind_pools") == 1)
        #expect(told.value("plugind_pool_size_addresses", pool) == 8)
        #expect(told.value("plugind_pool_allocatable_addresses", pool) == 5)
        let states = ["used": 2.0, "sticky": 0, "quarantined": 0, "reserved": 1, "excluded": 1, "free": 2]
        for (state, count) in states {
            let labels = pool.merging(["state": state]) { $1 }
            #expect(told.value("plugind_pool_addresses", labels) == count, "\(state)")
        }
    }

    @Test func `a large pool is told as well as a double can`() async throws {
        let ipam = try IPAM.make()
        try await ipam.pool("fd00::/64")
        let told = try Exposition(await Metrics.make(ipam).text())
        #expect(
            told.value("plugind_pool_size_addresses", ["pool": "plugind-local/fd00::/64"]) == 18_446_744_073_709_551_616
        )
    }

    @Test func `networks are told with their endpoints, their ports, and what their bridge still takes`() async throws {
        let told = try Exposition(await Metrics.make(.make(), state: .make(endpoints: 3)).text())
        let network = ["network": "09dff9c378bc2a0e5bfce0e5", "bridge": "br-09dff9c378bc"]
        #expect(told.value("plugind_networks") == 1)
        #expect(told.value("plugind_endpoints") == 3)
        #expect(told.value("plugind_network_endpoints", network) == 3)
        #expect(told.value("plugind_bridge_ports_left", network) == 1020)
        #expect(told.value("plugind_published_ports", ["protocol": "tcp"]) == 1)
        #expect(told.value("plugind_published_ports", ["protocol": "udp"]) == 0)
    }

    @Test func `repairs are told by kind`() async throws {
        let driver = Driver.make(try .make(endpoints: 1))
        try await driver.reconcile()
        let told = try Exposition(await Metrics.make(.make(), driver: driver).text())
        #expect(told.value("plugind_repairs_total", ["kind": "bridge"]) == 1)
        #expect(told.value("plugind_published_ports_not_held") == 0)
        #expect(told.value("plugind_reconciliations_total") == 1)
        #expect((told.value("plugind_last_reconciliation_seconds") ?? 0) > 0)
    }

    @Test func `calls are told by method and outcome, those of unknown methods as one`() throws {
        let requests = RequestTally()
        for milliseconds in [1, 3, 20_000] {
            requests.add(.init(method: "NetworkDriver.Join", status: 200, duration: .milliseconds(milliseconds)))
        }
        requests.add(.init(method: "NetworkDriver.Join", status: 409, duration: .milliseconds(1)))
        requests.add(.init(method: "NetworkDriver.Join", status: 500, duration: .milliseconds(1)))
        for _ in 0..<2 { requests.add(.init(method: nil, status: 404, duration: .zero)) }
        var text = MetricText()
        text.add(.requests, requests.all)
        let told = try Exposition(text.text)
        func bucket(_ bound: String) -> Double? {
            told.value(
                "plugind_request_duration_seconds_bucket",
                ["method": "NetworkDriver.Join", "outcome": "ok", "le": bound])
        }
        #expect(bucket("0.0005") == 0)
        #expect(bucket("0.001") == 1)
        #expect(bucket("0.005") == 2)
        #expect(bucket("10") == 2)
        #expect(bucket("+Inf") == 3)
        func count(_ method: String, _ outcome: String) -> Double? {
            told.value("plugind_request_duration_seconds_count", ["method": method, "outcome": outcome])
        }
        #expect(count("NetworkDriver.Join", "ok") == 3)
        #expect(count("NetworkDriver.Join", "refused") == 1)
        #expect(count("NetworkDriver.Join", "failed") == 1)
        #expect(count("unknown", "refused") == 2)
        let sum = told.value(
            "plugind_request_duration_seconds_sum", ["method": "NetworkDriver.Join", "outcome": "ok"])
        #expect(abs((sum ?? 0) - 20.004) < 0.000_001)
    }

    @Test func `commits and lines of the audit log are counted, failures apart`() async throws {
        let fake = FakeStore()
        let store = MeasuredStore(fake)
        let line = Change.audit(AuditRecord(time: 1, subject: "a", decision: "given", reason: "b"))
        try await store.commit([line, line])
        fake.failNext()
        await #expect(throws: StoreError.self) { try await store.commit([line]) }
        let told = try Exposition(await Metrics.make(.make(), store: store).text())
        #expect(told.value("plugind_store_commit_duration_seconds_count", ["outcome": "ok"]) == 1)
        #expect(told.value("plugind_store_commit_duration_seconds_count", ["outcome": "failed"]) == 1)
        #expect(told.value("plugind_audit_entries_total", ["decision": "given"]) == 2)
        #expect(fake.commits.count == 1)
        #expect(try store.auditLog(last: 10).count == 2)
    }

    @Test func `what is owed is told by kind`() async throws {
        let fake = FakeStore()
        let ipam = try IPAM.make(store: fake)
        let id = try await ipam.pool("10.0.0.0/29")
        let address = try #require(InterfaceAddress(try await ipam.address(in: id))).address
        fake.failNext()
        await #expect(throws: StoreError.self) { try await ipam.releaseAddress(address, in: id) }
        let told = try Exposition(await Metrics.make(ipam).text())
        #expect(told.value("plugind_owed", ["what": "address"]) == 1)
        for what in ["pool", "endpoint", "network", "repair", "reconciliation", "rules"] {
            #expect(told.value("plugind_owed", ["what": what]) == 0, "\(what)")
        }
    }

    @Test func `the process is told as the kernel sees it`() throws {
        let figures = try #require(ProcessFigures())
        #expect(figures.residentMemory > 1 << 20 && figures.residentMemory < figures.virtualMemory)
        #expect(figures.processorTime >= 0)
        #expect(try #require(figures.openFiles) > 2)
        #expect(try #require(figures.mostFiles) > 2)
        let start = try #require(figures.startTime)
        #expect(start > 1_600_000_000 && start < Date().timeIntervalSince1970 + 2)
    }

    @Test func `a label's value may have any character`() throws {
        var text = MetricText()
        let value = "a\\b\"c\nd\\n,e=\"f\"}é"
        text.add(.buildInfo, .init(1, value))
        #expect(text.text.contains(#"version="a\\b\"c\nd\\n,e=\"f\"}é""#))
        #expect(try Exposition(text.text).value("plugind_build_info", ["version": value]) == 1)
    }

    // MARK: What shows them

    private static let documents = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../docs")

    /// Every name that a query can have: of a histogram, those of its three parts.
    private static let names = Set(
        Metric.allCases.flatMap { metric in
            metric.kind == .histogram
                ? ["_bucket", "_sum", "_count"].map { metric.rawValue + $0 } : [metric.rawValue]
        })

    @Test func `the dashboard asks for metrics that there are, and for each of plugind's own`() throws {
        let data = try Data(contentsOf: Self.documents.appendingPathComponent("grafana-dashboard.json"))
        let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let panels = try #require(dashboard["panels"] as? [[String: Any]])
        var asked: Set<String> = []
        for panel in panels where panel["type"] as? String != "row" {
            let title = try #require(panel["title"] as? String)
            let targets = try #require(panel["targets"] as? [[String: Any]], "\(title)")
            for target in targets {
                let query = try #require(target["expr"] as? String, "\(title)")
                let found = query.matches(of: /(?:plugind|process)_[a-z_]+/).map { String($0.output) }
                #expect(!found.isEmpty, "\(title)")
                #expect(Set(found).subtracting(Self.names).isEmpty, "\(title): \(query)")
                asked.formUnion(found)
                let labels = query.matches(of: /by \(([a-z, ]+)\)/).flatMap { match in
                    match.1.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
                }
                let known = Set(Metric.allCases.flatMap(\.labels)).union(["le", "instance"])
                #expect(Set(labels).isSubset(of: known), "\(title): \(query)")
            }
        }
        let own = Metric.allCases.filter { $0.rawValue.hasPrefix("plugind_") }
        for metric in own {
            #expect(asked.contains { $0.hasPrefix(metric.rawValue) }, "\(metric.rawValue) is not on the dashboard")
        }
        let ids = panels.compactMap { $0["id"] as? Int }
        #expect(Set(ids).count == panels.count)
    }

    @Test func `the table of the metrics has each with its type and labels, and no other`() throws {
        let text = try String(contentsOf: Self.documents.appendingPathComponent("metrics.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.contains(/^\| `[a-z]+_/) }.map { row in
            row.split(separator: "|").prefix(3).map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let expected = Metric.allCases.map { metric in
            ["`\(metric.rawValue)`", metric.kind.rawValue, metric.labels.map { "`\($0)`" }.joined(separator: ", ")]
        }
        #expect(rows.map { $0.prefix(3).map { String($0) } } == expected)
    }
}
