// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FoundationEssentials

/// `plugind config`: what the daemon would be set up with. No daemon is asked.
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a configuration file, or print what is configured. No daemon is asked.",
        subcommands: [Check.self, Print.self]
    )

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a configuration file, and the environment with it.",
            discussion: """
                Exits with 1 and a sentence on standard error if the daemon would not start with it, else with 0. A value \
                of the file is checked also where the environment has another one.
                """)

        @Argument(
            help:
                "The file (default: the one in PLUGIND_CONFIG, else \(Configuration.defaultFile), if it is there).")
        var file: String?

        func run() throws {
            let environment = ProcessInfo.processInfo.environment
            let file = file ?? environment["PLUGIND_CONFIG"]
            _ = try Configuration(flags: [:], environment: [:], file: file)
            _ = try Configuration(flags: [:], environment: environment, file: file)
            guard file != nil || FileManager.default.fileExists(atPath: Configuration.defaultFile) else {
                print("there is no \(Configuration.defaultFile); all is as by default or in the environment")
                return
            }
            print("\(file ?? Configuration.defaultFile) can be used")
        }
    }

    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the whole configuration, and where each setting comes from.",
            discussion: """
                It takes the flags of plugind serve, and prints what the daemon would have with them: the settings of \
                flags, environment and file, and the defaults of the others. It is a valid configuration file.
                """)

        @OptionGroup(title: "Settings") var settings: Serve

        func run() throws {
            let sources = try ConfigurationSources(
                flags: settings.flags, environment: ProcessInfo.processInfo.environment, file: settings.file)
            print(try Configuration(from: sources).yaml(from: sources), terminator: "")
        }
    }
}
