// SPDX-License-Identifier: Apache-2.0

import Addressing
import Control
import Events
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
        at path: String, ipam: IPAM, driver: Driver, store: any StateStore, garbage: GarbageService,
        facts: @escaping @Sendable () -> DaemonFacts, metrics: Metrics, reloader: Reloader, events: EventLog,
        logger: Logger
    ) -> [any Service] {
        if path.isEmpty || path == "off" { return [] }
        var router = ControlRouter(logger: logger) { error in
            // Of a reload; no call of the engine reads the configuration.
            (error as? ConfigurationError).map { .init(status: 409, text: $0.description) } ?? .init(of: error)
        }
        router.onPools(ipam)
        router.onExclusions(ipam)
        router.onReservations(ipam)
        router.onAudit(store)
        router.onEvents(events)
        router.onGarbage { try await garbage.look(isDryRun: $0) }
        router.onReconcile(
            look: { try await driver.differences() }, mend: { try await driver.mendDifferences() })
        router.onConflicts(ipam)
        router.onNetworks(driver, ipam)
        router.onTopology(driver, ipam)
        router.onStatus(facts, driver, ipam)
        router.onReload { try await reloader.reload() }
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
