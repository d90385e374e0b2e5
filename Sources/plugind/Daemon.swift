// SPDX-License-Identifier: Apache-2.0

import Addressing
import CFootprint
import HostNetwork
import IPAM
import Logging
import NetDriver
import PluginKit
import PluginServer
import ServiceLifecycle
import Store
import UnixSignals

/// Puts the parts together and runs them. Order is dependency: state, host, owners, socket.
struct Daemon {
    private let configuration: Configuration
    private let logger: Logger

    init(_ configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    func run() async throws {
        let store = try SQLiteStore(directory: configuration.stateDirectory)
        let kernel = try RTNetlink()
        let state = try store.load()
        // Claimed before the host is touched, so that a second daemon of that name touches nothing. Calls that come
        // meanwhile wait in its queue for the few milliseconds that the rest takes.
        let socket = try UnixSocket(directory: configuration.pluginDirectory, name: configuration.name)
        let ipam = try IPAM(
            state: state, store: store, defaultPools: .standard,
            occupied: { [logger] in kernel.occupiedPrefixes(logger) }, random: SystemRandomNumberGenerator(),
            logger: logger)
        let driver = Driver(
            state: state, store: store, kernel: kernel, firewall: try NFTables(),
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            },
            logger: logger)
        try await driver.restore()

        var methods = MethodTable(logger: logger, explain: MethodTable.Explanation.init(of:))
        methods.on(Activation.self) { _ in Activation.Reply() }
        ipam.register(in: &methods)
        driver.register(in: &methods)

        logger.info(
            "Serving",
            metadata: [
                "socket": "\(socket.path)", "version": "\(Plugind.version)", "networks": "\(state.networks.count)",
                "endpoints": "\(state.endpoints.count)",
            ])
        cfp_release_startup_pages()
        var group = ServiceGroupConfiguration(
            services: [PluginServer(socket: socket, methods: methods, logger: logger)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        // A client that never sends the rest of its request shall not keep the daemon from its end.
        group.maximumGracefulShutdownDuration = .seconds(10)
        try await ServiceGroup(configuration: group).run()
        logger.info("Stopped")
    }

    /// The library's own lines print whole services; below trace only its warnings are of use.
    private var quiet: Logger {
        var logger = logger
        if logger.logLevel > .trace { logger.logLevel = max(logger.logLevel, .warning) }
        return logger
    }
}

extension RTNetlink {
    /// What a pool must not overlap: addresses and routes of the host, without default routes.
    ///
    /// The engine makes the same check for pools that a plugin chooses, and asks again and again while it fails.
    fileprivate func occupiedPrefixes(_ logger: Logger) -> [Prefix] {
        do {
            let prefixes = try routes().map(\.destination) + addresses().map(\.address.prefix)
            // 0.0.0.0/1 and 128.0.0.0/1 are how a VPN takes the default route.
            return Array(Set(prefixes.filter { $0.length > 1 }))
        } catch {
            logger.warning("Cannot see which addresses the host uses", error: error)
            return []
        }
    }
}
