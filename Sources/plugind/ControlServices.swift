// SPDX-License-Identifier: Apache-2.0

import Addressing
import Control
import Garbage
import IPAM
import Logging
import NetDriver
import PluginKit
import PluginServer
import ServiceLifecycle
import Store

extension ControlServer {
    /// The server of the control socket at `path`; none if that is empty or `off`.
    ///
    /// A socket that cannot be had is logged and done without: containers need the engine's alone.
    static func services(
        at path: String, ipam: IPAM, driver: Driver, store: any StateStore, garbage: GarbageService, facts: DaemonFacts,
        metrics: Metrics, logger: Logger
    ) -> [any Service] {
        if path.isEmpty || path == "off" { return [] }
        var router = ControlRouter(logger: logger, explain: MethodTable.Explanation.init(of:))
        router.onPools(ipam)
        router.onReservations(ipam)
        router.onAudit(store)
        router.onGarbage { try await garbage.look(isDryRun: $0) }
        router.onReconcile(
            look: { try await driver.differences() }, mend: { try await driver.mendDifferences() })
        router.onConflicts(ipam)
        router.onNetworks(driver, ipam)
        router.onStatus(facts, driver, ipam)
        router.onMetrics(metrics)
        do throws(SocketError) {
            return [try ControlServer(path: path, router: router, logger: logger)]
        } catch {
            logger.error(
                "Cannot serve a control socket, going on without", error: error, metadata: ["socket": "\(path)"])
            return []
        }
    }
}

extension MetricsServer {
    /// The server of metrics over TCP at `address`; none if that is nil.
    ///
    /// An address that cannot be had is logged and done without, likewise.
    static func services(at address: MetricsAddress?, metrics: Metrics, logger: Logger) -> [any Service] {
        guard let address else { return [] }
        do throws(SocketError) {
            let server = try MetricsServer(
                address: address, metrics: metrics, logger: logger, explain: MethodTable.Explanation.init(of:))
            if !address.address.isLoopback {
                logger.notice(
                    "Metrics are served to everybody who reaches this address", metadata: ["address": "\(address)"])
            }
            return [server]
        } catch {
            logger.error("Cannot serve metrics, going on without", error: error, metadata: ["address": "\(address)"])
            return []
        }
    }
}
