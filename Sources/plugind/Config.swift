// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FoundationEssentials

/// `plugind config`: what the daemon would be set up with, and having it take that.
struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a configuration file, print what is configured, or have the daemon take it.",
        subcommands: [Check.self, Print.self, ReloadCommand.self]
    )

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a configuration file, and the environment with it. No daemon is asked.",
            discussion: """
                Exits with 1 and a sentence on standard error if the daemon would not start with it, else with 0. A value \
                of the file is checked also where the environment has another one.
                """)

        @Argument(
            help:
                "The file (default: the one in PLUGIND_CONFIG, else \(Configuration.defaultFile), if it is there).")
        var file: String?

        @Flag(help: "Print as JSON what was checked, and what is wrong with it.")
        var json = false

        /// What `--json` prints.
        struct Result: Encodable {
            /// Absent if there is no file.
            let file: String?
            let usable: Bool
            /// Why the daemon would not start with it.
            let error: String?
        }

        func run() throws {
            let environment = ProcessInfo.processInfo.environment
            let named = file ?? environment["PLUGIND_CONFIG"]
            let isThere = FileManager.default.fileExists(atPath: Configuration.defaultFile)
            let path = named ?? (isThere ? Configuration.defaultFile : nil)
            do {
                _ = try Configuration(flags: [:], environment: [:], file: named)
                let whole = try Configuration(flags: [:], environment: environment, file: named)
                if whole.tcpAddress != nil { _ = try whole.serverTLS() }
            } catch {
                if json { print(try Config.encoded(Result(file: path, usable: false, error: error.description))) }
                throw error
            }
            if json {
                print(try Config.encoded(Result(file: path, usable: true, error: nil)))
            } else if let path {
                print("\(path) can be used")
            } else {
                print("there is no \(Configuration.defaultFile); all is as by default or in the environment")
            }
        }
    }

    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the whole configuration, and where each setting comes from. No daemon is asked.",
            usage: "plugind config print [--json] [<settings of plugind serve>]",
            discussion: """
                It takes the flags of plugind serve, and prints what the daemon would have with them: the settings of \
                flags, environment and file, and the defaults of the others. It is a valid configuration file, unless \
                --json is given: then it is an object with each setting's value, source (flag, environment, file or \
                default), place, and whether it is live: whether a daemon that runs can take another value.
                """)

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup(title: "Settings") var settings: Serve

        func run() throws {
            let sources = try ConfigurationSources(
                flags: settings.flags, environment: ProcessInfo.processInfo.environment, file: settings.file)
            let configuration = try Configuration(from: sources)
            if json {
                print(try Config.encoded(configuration.printed(from: sources)))
            } else {
                print(configuration.yaml(from: sources), terminator: "")
            }
        }
    }

    private static func encoded(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
