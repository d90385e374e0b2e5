// SPDX-License-Identifier: Apache-2.0

import Events
import FoundationEssentials
import Garbage
import IPAM
import Logging
import NetDriver
import ServiceLifecycle
import Store
import Synchronization

extension Configuration {
    /// What asks the engine, or works without, to free what is lost.
    func garbageService(
        driver: Driver, ipam: IPAM, engine: CurrentEngine, store: any StateStore, events: EventLog, logger: Logger
    ) -> GarbageService {
        let collector = GarbageCollector(
            policy: garbage, driver: driver, ipam: ipam, engine: engine.directory, store: store,
            timestamp: Self.millisecondsNow, events: events, logger: logger)
        return GarbageService(collector: collector, clock: ContinuousClock())
    }

    /// Since 1970, UTC.
    @Sendable private static func millisecondsNow() -> Int64 {
        Int64(Date.now.timeIntervalSince1970 * 1000)
    }
}

/// The engine's socket, which may be another one after a reload.
final class CurrentEngine: Sendable {
    private let current: Mutex<String?>

    /// Nil: nobody is to be asked.
    init(_ socket: String?) {
        current = Mutex(socket)
    }

    var socket: String? {
        get { current.withLock(\.self) }
        set { current.withLock { $0 = newValue } }
    }

    var directory: (any EngineDirectory)? { socket.map { EngineClient(socket: $0) } }
}
