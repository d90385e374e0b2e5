// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FoundationEssentials
import Logging

/// `plugind serve`: the daemon.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the engine's network and IPAM calls on a unix socket.",
        discussion: """
            Each option can also be given in the environment, as PLUGIND_ and its name in capitals \
            (PLUGIND_STATE_DIR), and all but --config in the configuration file, under its name (state-dir). \
            A flag wins over the environment, the environment over the file. The file alone takes \
            default-address-pools and reservations; docs/config.example.yaml has every setting.

            A listening socket that a service manager passes (LISTEN_FDS, LISTEN_PID) is served in place of one in \
            --plugin-dir.

            SIGTERM and SIGINT finish the requests in hand, for at most 10 seconds, then exit 0. Containers keep \
            their network meanwhile. SIGUSR1 compares the host with the state and mends the difference.
            """
    )

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "Configuration file (default: \(Configuration.defaultFile), if it is there).", valueName: "file"))
    var file: String?

    @Option(
        help: ArgumentHelp(
            "The plugin's name, given to --driver (default: plugind).", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Directory of the plugin's socket (default: /run/docker/plugins).", valueName: "dir"))
    var pluginDir: String?

    @Option(
        help: ArgumentHelp(
            "Directory of the durable state (default: /var/lib/plugind).", valueName: "dir"))
    var stateDir: String?

    @Option(
        help: ArgumentHelp(
            "Socket of the commands and other tools, or off (default: /run/plugind/control.sock).", valueName: "path"))
    var controlSocket: String?

    @Option(
        help: ArgumentHelp(
            "Address and port where metrics are served over TCP, such as 127.0.0.1:9477 (default: off; on the control "
                + "socket alone).", valueName: "address"))
    var metricsAddress: String?

    @Option(
        help: ArgumentHelp(
            "Least level that is logged: trace, debug, info, notice, warning, error, critical (default: info).",
            valueName: "level"))
    var logLevel: String?

    @Option(
        help: ArgumentHelp(
            "How lines are logged: text or json (default: text).", valueName: "format"))
    var logFormat: String?

    @Option(
        help: ArgumentHelp(
            "What is done about endpoints, addresses, pools, networks and links that the engine has lost: off, report "
                + "or on (default: report).", valueName: "mode"))
    var gc: String?

    @Option(
        help: ArgumentHelp(
            "For how long something must have been lost before it is freed: 90s, 10m, 1h, 7d (default: 10m).",
            valueName: "duration"))
    var gcGrace: String?

    @Option(
        help: ArgumentHelp(
            "The engine's socket, usually /run/docker.sock, to ask it what it knows before something is freed "
                + "(default: off; it is not asked, and most garbage is kept).", valueName: "path"))
    var engineSocket: String?

    @Option(
        help: ArgumentHelp(
            "How ports are published on networks without the option plugind.publish: direct, past the host's input "
                + "rules, or respect-host, as those allow (default: direct).", valueName: "way"))
    var publish: String?

    @Option(
        help: ArgumentHelp(
            "Subnets that no pool which plugind chooses may overlap, with commas between: 10.0.0.0/8,fd00::/8 "
                + "(default: none).", valueName: "subnets"))
    var forbiddenPools: String?

    @Option(
        help: ArgumentHelp(
            "For how long after its release an address is kept for the container that had it, in pools without the "
                + "option plugind.sticky: off, forever, or 90s, 10m, 24h, 7d (default: 24h).", valueName: "duration"))
    var sticky: String?

    @Option(
        help: ArgumentHelp(
            "For how long after its release nobody else gets an address, in pools without the option "
                + "plugind.quarantine: off, or 90s, 10m, 24h, 7d (default: 60s).", valueName: "duration"))
    var quarantine: String?

    @Option(
        help: ArgumentHelp(
            "In which order addresses are chosen, in pools without the option plugind.order: lru, the least recently "
                + "used first, random or sequential (default: lru).", valueName: "order"))
    var order: String?

    @Option(
        help: ArgumentHelp(
            "Whether the engine is asked for MAC addresses, so that one that the user chose keeps its IP address "
                + "on engines before 29: on or off (default: off).", valueName: "mode"))
    var macClaims: String?

    func run() async throws {
        let configuration = try Configuration(
            flags: flags, environment: ProcessInfo.processInfo.environment, file: file)
        let logger = configuration.logFormat.makeLogger(level: configuration.logLevel)
        do {
            try await Daemon(configuration, logger: logger).run()
        } catch {
            logger.critical("Cannot serve", error: error)
            throw ExitCode.failure
        }
    }

    /// What the command line gives.
    var flags: [Configuration.Key: String] {
        let flags: [Configuration.Key: String?] = [
            .name: name, .pluginDirectory: pluginDir, .stateDirectory: stateDir, .controlSocket: controlSocket,
            .metricsAddress: metricsAddress,
            .logLevel: logLevel, .logFormat: logFormat, .garbageMode: gc, .garbageGrace: gcGrace,
            .engineSocket: engineSocket, .publish: publish, .forbiddenPools: forbiddenPools, .sticky: sticky,
            .quarantine: quarantine, .order: order, .macClaims: macClaims,
        ]
        return flags.compactMapValues(\.self)
    }
}
