// SPDX-License-Identifier: Apache-2.0

import HostNetwork
import IPAM
import Logging
import PluginKit
import ServiceLifecycle
import Synchronization

/// Compares pools with what the host uses, once at start and after changes of it that the kernel tells of.
///
/// The kernel is asked on a queue of its own, because it takes its time where there are many routes.
actor PoolWatch: Service {
    private nonisolated let executor = QueueExecutor(label: "plugind.pool-watch")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let ipam: IPAM
    private let kernel: RTNetlink
    private let logger: Logger
    private let reminder = Reminder()

    /// Changes within a second are looked at together: a network or a VPN that comes up is several. Where a look takes long,
    /// because there are many routes, it is rarer, so that it never takes more than a part of the time.
    private static let shortestPause = Duration.seconds(1)
    private static let pauseForLook = 50
    private let pause = Mutex(shortestPause)

    init(ipam: IPAM, kernel: RTNetlink, logger: Logger) {
        self.ipam = ipam
        self.kernel = kernel
        self.logger = logger
    }

    func run() async throws {
        await look()
        for await _ in reminder.signals.cancelOnGracefulShutdown() { await look() }
    }

    /// To be called with what the kernel tells of.
    nonisolated func notice(_ notices: [LinkMonitor.Notice]) {
        if notices.contains(where: \.change.concernsAddresses) { lookSoon() }
    }

    /// To be called when something may not have been told.
    nonisolated func lookSoon() {
        reminder.after(pause.withLock(\.self))
    }

    private func look() async {
        let begin = ContinuousClock.now
        defer {
            let took = ContinuousClock.now - begin
            pause.withLock { $0 = max(Self.shortestPause, took * Self.pauseForLook) }
        }
        do {
            await ipam.noteOccupied(try kernel.occupiedPrefixes())
        } catch {
            // As far as is known, the conflicts are what they were.
            logger.warning("Cannot compare the pools with what the host uses", error: error)
        }
    }
}

extension LinkMonitor.Change {
    /// A link that goes takes addresses and routes with it, and of IPv4 routes the kernel does not tell that they went.
    fileprivate var concernsAddresses: Bool {
        switch self {
        case .settings: false
        case .link, .linkGone, .address, .addressGone, .route, .routeGone, .overrun: true
        }
    }
}
