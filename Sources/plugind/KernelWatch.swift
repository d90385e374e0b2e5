// SPDX-License-Identifier: Apache-2.0

import HostNetwork
import Logging
import NetDriver
import PluginKit
import ServiceLifecycle

/// Passes on to the driver what the kernel tells of what others change.
struct KernelWatch<Monitor: KernelMonitor>: Service {
    /// Of what, for people.
    let subject: String
    /// Opened before the host was looked at for the first time, so that no change falls in between.
    let monitor: Monitor
    let logger: Logger
    let open: @Sendable () throws -> Monitor
    let pass: @Sendable ([Monitor.Notice]) async -> Void
    /// Makes good what was not told.
    let catchUp: @Sendable () async throws -> Void

    func run() async throws {
        await follow(monitor)
        var backoff = Backoff()
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            // The socket broke. What happened until the next one listens is found by looking at everything.
            do {
                let monitor = try open()
                logger.warning("Lost the kernel's notices of \(subject) and began anew")
                try await catchUp()
                backoff.reset()
                await follow(monitor)
                continue
            } catch {
                logger.error("Cannot follow the kernel's notices of \(subject), trying again later", error: error)
            }
            try? await cancelWhenGracefulShutdown { [backoff] in try await Task.sleep(for: backoff.pause) }
            backoff.fail()
        }
    }

    private func follow(_ monitor: Monitor) async {
        for await notices in monitor.notices.cancelOnGracefulShutdown() { await pass(notices) }
    }
}

/// A source of the kernel's notices.
protocol KernelMonitor: Sendable {
    associatedtype Notice: Sendable
    var notices: AsyncStream<[Notice]> { get }
}

extension LinkMonitor: KernelMonitor {
    /// Changes within so many milliseconds are looked at together. What is put back is put back within a second.
    private static let gathering = Duration.milliseconds(20)

    static func open() throws(KernelError) -> LinkMonitor { try LinkMonitor(gathering: gathering) }

    func watch(for driver: Driver, and pools: PoolWatch, _ logger: Logger) -> KernelWatch<LinkMonitor> {
        KernelWatch(
            subject: "links", monitor: self, logger: logger, open: { try LinkMonitor.open() },
            pass: { notices in
                pools.notice(notices)
                await driver.notice(notices)
            },
            catchUp: {
                pools.lookSoon()
                try await driver.reconcile()
            })
    }
}

extension FirewallMonitor: KernelMonitor {
    /// An engine that starts, or a firewall that is loaded, makes hundreds of changes.
    private static let gathering = Duration.milliseconds(20)

    static func open() throws(KernelError) -> FirewallMonitor {
        try FirewallMonitor(gathering: gathering, ignoringOwn: true)
    }

    func watch(for driver: Driver, _ logger: Logger) -> KernelWatch<FirewallMonitor> {
        KernelWatch(
            subject: "rules", monitor: self, logger: logger, open: { try FirewallMonitor.open() },
            pass: { await driver.noticeRules($0) }, catchUp: { await driver.noticeRules([.init(.overrun)]) })
    }
}
