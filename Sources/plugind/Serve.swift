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
            A flag wins over the environment, the environment over the file.

            SIGTERM and SIGINT finish the requests in hand, for at most 10 seconds, then exit 0. Containers keep \
            their network meanwhile.
            """
    )

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "Configuration file (default: \(Configuration.defaultFile), if it is there).", valueName: "file"))
    var file: String?

    @Option(help: ArgumentHelp("The plugin's name, given to --driver (default: plugind).", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp("Directory of the plugin's socket (default: /run/docker/plugins).", valueName: "dir"))
    var pluginDir: String?

    @Option(help: ArgumentHelp("Directory of the durable state (default: /var/lib/plugind).", valueName: "dir"))
    var stateDir: String?

    @Option(
        help: ArgumentHelp(
            "Least level that is logged: trace, debug, info, notice, warning, error, critical (default: info).",
            valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("How lines are logged: text or json (default: text).", valueName: "format"))
    var logFormat: String?

    func run() async throws {
        let flags: [Configuration.Key: String?] = [
            .name: name, .pluginDirectory: pluginDir, .stateDirectory: stateDir, .logLevel: logLevel,
            .logFormat: logFormat,
        ]
        let configuration = try Configuration(
            flags: flags.compactMapValues(\.self), environment: ProcessInfo.processInfo.environment, file: file)
        let logger = configuration.logFormat.makeLogger(level: configuration.logLevel)
        do {
            try await Daemon(configuration, logger: logger).run()
        } catch {
            logger.critical("Cannot serve", error: error)
            throw ExitCode.failure
        }
    }
}
