// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Diagnosis
import FoundationEssentials

/// `plugind doctor`: looks for what keeps networks from working.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look for what keeps networks from working, and say what to do about it.",
        discussion: """
            Looks at the host by itself, from the network namespace that it is called in, and asks the daemon what only that \
            knows. docs/doctor.md lists all that it can find. To be run as root.

            Changes nothing. Whether the kernel can make networks is tried in a namespace of its own; whether the plugin's \
            socket answers is asked there, which starts a daemon that is started by its socket.

            Exits with 0 if there is no problem, with 1 if there is one, with 64 if it is used wrongly.
            """
    )

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "The daemon's configuration file (default: \(Configuration.defaultFile), if it is there).",
            valueName: "file"))
    var file: String?

    @Option(help: ArgumentHelp("The plugin's name, if the daemon does not answer.", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp("Directory of the plugin's socket, if the daemon does not answer.", valueName: "dir"))
    var pluginDir: String?

    @Option(
        help: ArgumentHelp("Directory of the durable state, if the daemon does not answer.", valueName: "dir"))
    var stateDir: String?

    @Option(
        help: ArgumentHelp(
            "The engine's socket (default: the one that the daemon asks, else /run/docker.sock).", valueName: "path"))
    var engineSocket: String?

    @OptionGroup var control: ControlOptions

    func run() async throws {
        let configuration: Configuration
        do {
            configuration = try Configuration(
                flags: flags, environment: ProcessInfo.processInfo.environment, file: file)
        } catch {
            throw ControlOptions.complain(.refused(status: 400, text: "\(error)"))
        }
        let report = Report(
            await Patience.waiting(for: "Looking at this host") {
                await Facts.gathered(with: configuration, engineSocket: engineSocket)
            })
        if control.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            print(report.text(isColoured: ControlOptions.isColoured), terminator: "")
        }
        guard report.problems == 0 else { throw ExitCode.failure }
    }

    private var flags: [Configuration.Key: String] {
        let flags: [Configuration.Key: String?] = [
            .name: name, .pluginDirectory: pluginDir, .stateDirectory: stateDir,
            .controlSocket: control.controlSocket, .engineSocket: engineSocket,
        ]
        return flags.compactMapValues(\.self)
    }
}
