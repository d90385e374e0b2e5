// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FoundationEssentials
import Logging

/// `plugind serve`: the daemon.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the engine's network and IPAM calls on a unix socket, and over TCP if wanted.",
        discussion: """
            Each option can also be given in the environment, as PLUGIND_ and its name in capitals \
            (PLUGIND_STATE_DIR), and all but --config in the configuration file, under its name (state-dir). \
            A flag wins over the environment, the environment over the file. The file alone takes \
            default-address-pools and reservations; docs/config.example.yaml has every setting.

            A listening socket that a service manager passes (LISTEN_FDS, LISTEN_PID) is served in place of one in \
            --plugin-dir.

            SIGTERM and SIGINT finish the requests in hand, for at most 10 seconds, then exit 0. Containers keep \
            their network meanwhile. SIGHUP reads the configuration anew, takes what can change while it runs, and \
            logs what waits for the next start. SIGUSR1 compares the host with the state and mends the difference.
            """
    )

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "Configuration file (default: \(Configuration.defaultFile), if it is there).", valueName: "file"))
    var file: String?

    // What each says is with the keys.
    @Option(.name) var name: String?
    @Option(.pluginDirectory) var pluginDir: String?
    @Option(.tcpAddress) var tcpAddress: String?
    @Option(.tlsCertificate) var tlsCertificate: String?
    @Option(.tlsKey) var tlsKey: String?
    @Option(.tlsClientCA) var tlsClientCA: String?
    @Option(.tlsClientAuth) var tlsClientAuth: String?
    @Option(.stateDirectory) var stateDir: String?
    @Option(.controlSocket) var controlSocket: String?
    @Option(.metricsAddress) var metricsAddress: String?
    @Option(.logLevel) var logLevel: String?
    @Option(.logFormat) var logFormat: String?
    @Option(.garbageMode) var gc: String?
    @Option(.garbageGrace) var gcGrace: String?
    @Option(.engineSocket) var engineSocket: String?
    @Option(.attach) var attach: String?
    @Option(.publish) var publish: String?
    @Option(.forbiddenPools) var forbiddenPools: String?
    @Option(.sticky) var sticky: String?
    @Option(.quarantine) var quarantine: String?
    @Option(.order) var order: String?
    @Option(.macClaims) var macClaims: String?

    func run() async throws {
        let read = { @Sendable [flags, file] in
            try Configuration(flags: flags, environment: ProcessInfo.processInfo.environment, file: file)
        }
        let configuration = try read()
        let log = LogSettings(level: configuration.logLevel, format: configuration.logFormat)
        let logger = log.makeLogger()
        do {
            try await Daemon(configuration, read: read, log: log, logger: logger).run()
        } catch {
            logger.critical("Cannot serve", error: error)
            throw ExitCode.failure
        }
    }

    /// What the command line gives.
    var flags: [Configuration.Key: String] {
        let flags: [Configuration.Key: String?] = [
            .name: name, .pluginDirectory: pluginDir, .stateDirectory: stateDir, .controlSocket: controlSocket,
            .tcpAddress: tcpAddress, .tlsCertificate: tlsCertificate, .tlsKey: tlsKey, .tlsClientCA: tlsClientCA,
            .tlsClientAuth: tlsClientAuth, .metricsAddress: metricsAddress,
            .logLevel: logLevel, .logFormat: logFormat, .garbageMode: gc, .garbageGrace: gcGrace,
            .engineSocket: engineSocket, .attach: attach, .publish: publish, .forbiddenPools: forbiddenPools,
            .sticky: sticky,
            .quarantine: quarantine, .order: order, .macClaims: macClaims,
        ]
        return flags.compactMapValues(\.self)
    }
}
