// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Garbage
import IPAM
import Logging
import NetDriver
import ServiceLifecycle
import Store

extension Configuration {
    /// What asks the engine, or works without, to free what is lost. It can be asked to look also where it is not to run.
    func garbageService(driver: Driver, ipam: IPAM, store: any StateStore, logger: Logger) -> GarbageService {
        let collector = GarbageCollector(
            policy: garbage, driver: driver, ipam: ipam, engine: engineSocket.map { EngineClient(socket: $0) },
            store: store, timestamp: Self.millisecondsNow, logger: logger)
        return GarbageService(collector: collector, interval: garbage.interval, clock: ContinuousClock())
    }

    /// What is to run of it, and of what else asks the engine.
    func services(with garbageService: GarbageService, ipam: IPAM, logger: Logger) -> [any Service] {
        var services: [any Service] = []
        if let engineSocket {
            services.append(
                ProtectionReview(ipam: ipam, engine: EngineClient(socket: engineSocket), logger: logger))
        }
        if garbage.mode != .off { services.append(garbageService) }
        return services
    }

    /// Since 1970, UTC.
    @Sendable private static func millisecondsNow() -> Int64 {
        Int64(Date.now.timeIntervalSince1970 * 1000)
    }
}
