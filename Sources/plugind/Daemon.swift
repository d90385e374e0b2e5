// SPDX-License-Identifier: Apache-2.0

import Addressing
import CFootprint
import Control
import Events
import FoundationEssentials
import Garbage
import Glibc
import HostNetwork
import IPAM
import Logging
import NetDriver
import PluginKit
import PluginServer
import PortForwarding
import ServiceLifecycle
import Store
import UnixSignals

/// Puts the parts together and runs them. Order is dependency: state, host, owners, socket.
struct Daemon {
    private let configuration: Configuration
    private let read: @Sendable () throws -> Configuration
    private let log: LogSettings
    private let logger: Logger

    /// `read` reads the configuration again, as at a start. `log` is what `logger` follows.
    init(
        _ configuration: Configuration, read: @escaping @Sendable () throws -> Configuration, log: LogSettings,
        logger: Logger
    ) {
        self.configuration = configuration
        self.read = read
        self.log = log
        self.logger = logger
    }

    func run() async throws {
        cfp_keep_heap_small()
        // By themselves they would end the process. Settings and certificates are read from here on, so a signal to read them
        // anew must not be lost.
        let users = await UnixSignalsSequence(trapping: .sigusr1)
        let hangUps = await UnixSignalsSequence(trapping: .sighup)
        Self.allowManyDescriptors()
        // First of all: it looks for the descriptor at a fixed number.
        let inherited = try InheritedListener()
        let database = try SQLiteStore(directory: configuration.stateDirectory)
        let store = MeasuredStore(database)
        let tally = HostTally()
        let kernel = try RTNetlink(tally: tally)
        let state = try store.load()
        let events = EventLog()
        events.emit(.daemonStarted(version: Plugind.version))
        // Claimed before the host is touched, so that a second daemon of that name touches nothing. Calls that come
        // meanwhile wait in its queue for the few milliseconds that the rest takes.
        let listeners = try PluginListeners(configuration, inherited: inherited)
        let ipam = try IPAM(
            state: state, store: store, defaultPools: configuration.defaultPools,
            forbidden: configuration.forbiddenPools,
            occupied: { [logger] in kernel.occupiedPrefixes(orLogTo: logger) },
            reservations: configuration.reservations, defaults: configuration.poolDefaults,
            macClaims: configuration.macClaims, random: SystemRandomNumberGenerator(),
            now: SteadyClock(notBefore: state.newestTime).callAsFunction, events: events, logger: logger)
        for words in await ipam.reservationConflicts() { Reloader.warn(of: words, logger) }
        // Each plugin of a host has tables of its own.
        let firewall = try NFTables(
            table: configuration.name == "plugind" ? "plugind" : "plugind-\(configuration.name)", tally: tally)
        let ruleMonitor = try FirewallMonitor.open()
        let driver = Driver(
            state: state, store: store, kernel: kernel, firewall: firewall, hostPorts: HeldPorts(logger: logger),
            publishMode: configuration.publishMode, attachMode: configuration.attachMode, boot: Self.boot,
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            },
            events: events, logger: logger)
        let linkMonitor = try LinkMonitor.open()
        try await StartDeadline.run(within: Self.longestStart, logger: logger) { try await driver.reconcile() }

        let requests = RequestTally()
        var methods = MethodTable(
            logger: logger, observe: requests.add, explain: MethodTable.Explanation.init(of:))
        methods.on(Activation.self) { _ in Activation.Reply() }
        ipam.register(in: &methods)
        driver.register(in: &methods)

        let pools = PoolWatch(ipam: ipam, kernel: kernel, logger: logger)
        let metrics = Metrics(
            version: Plugind.version, ipam: ipam, driver: driver, requests: requests, store: store, host: tally)
        let engine = CurrentEngine(configuration.engineSocket)
        let garbage = configuration.garbageService(
            driver: driver, ipam: ipam, engine: engine, store: store, events: events, logger: logger)
        let metricsListener = MetricsListener(metrics: metrics, logger: logger)
        // What could not be had is tried again by a reload.
        var current = configuration
        current.metricsAddress = metricsListener.start(at: configuration.metricsAddress)
        let reloader = Reloader(
            current, read: read, log: log,
            steps: [
                .ipam(ipam), .driver(driver), .garbage(garbage, ipam: ipam, engine: engine),
                .certificates(listeners, logger: logger), .metrics(metricsListener),
            ],
            remarks: { await ipam.reservationConflicts() }, events: events, logger: logger)
        let facts = configuration.facts(pluginSocket: listeners.addresses[0], engine: engine)
        let control =
            ControlServer.services(
                at: configuration.controlSocket, ipam: ipam, driver: driver, store: store, garbage: garbage,
                facts: facts, metrics: metrics, reloader: reloader, events: events, logger: logger)
        logger.info(
            "Serving",
            metadata: [
                "socket": "\(listeners.addresses.joined(separator: ", "))", "version": "\(Plugind.version)",
                "networks": "\(state.networks.count)", "endpoints": "\(state.endpoints.count)",
            ])
        cfp_release_startup_pages()
        var group = ServiceGroupConfiguration(
            services: control
                + [
                    garbage, metricsListener, pools,
                    ProtectionReview(ipam: ipam, engine: { engine.directory }, logger: logger),
                    Upkeep(signals: driver.upkeepSignals) { await driver.upkeep() },
                    Upkeep(signals: ipam.upkeepSignals) { await ipam.upkeep() },
                    linkMonitor.watch(for: driver, and: pools, logger),
                    ruleMonitor.watch(for: driver, logger),
                    OnSignal(users) { await driver.reconcile(orLogTo: logger) },
                    OnSignal(hangUps) { _ = try? await reloader.reload() },
                ] + listeners.services(methods: methods, logger: logger),
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        // A client that never sends the rest of its request shall not keep the daemon from its end.
        group.maximumGracefulShutdownDuration = .seconds(10)
        defer { database.close() }
        // The services touch most of what they need only once, while they start.
        let settled = Task {
            try await Task.sleep(for: .seconds(1))
            cfp_release_startup_pages()
        }
        defer { settled.cancel() }
        try await ServiceGroup(configuration: group).run()
        await driver.settle()
        logger.info("Stopped")
    }

    /// Calls that come during start-up are answered after reconciling, but they do not wait longer than 2 s for it.
    private static let longestStart = Duration.milliseconds(1500)

    /// The kernel's own name for the time since it was booted.
    private static var boot: String {
        let id = FileManager.default.contents(atPath: "/proc/sys/kernel/random/boot_id")
        return id.map { String(decoding: $0, as: UTF8.self).filter { !$0.isNewline } } ?? "unknown"
    }

    /// Each published port is held by a socket or two, which soon are more than the 1024 that a process has by default.
    private static func allowManyDescriptors() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 1 << 20)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// The library's own lines print whole services; below trace only its warnings are of use.
    private var quiet: Logger {
        var logger = logger
        if logger.logLevel > .trace { logger.logLevel = max(logger.logLevel, .warning) }
        return logger
    }
}
