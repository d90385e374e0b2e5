// SPDX-License-Identifier: Apache-2.0

import Addressing
import ArgumentParser
import FoundationEssentials
import Glibc
import PluginServer

/// `plugind discovery`: how the engine finds the plugin. No daemon is asked.
struct Discovery: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what tells the engine where plugind is. No daemon is asked.",
        subcommands: [Print.self]
    )

    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a discovery file for /etc/docker/plugins.",
            usage: "plugind discovery print --spec|--json [<options>]",
            discussion: """
                An engine finds the socket /run/docker/plugins/NAME.sock by itself. For every other socket, and for TCP, \
                it reads NAME.spec, one line with the address, or NAME.json, which TLS needs. What goes into the file is \
                printed on standard output, and where to put it on standard error.
                """)

        @Flag(help: "Which kind of file: with the address alone, or with what TLS needs.")
        var form: DiscoveryFile.Form

        @Option(
            name: .customLong("config"),
            help: ArgumentHelp(
                "Configuration file (default: \(Configuration.defaultFile), if it is there).", valueName: "file"))
        var file: String?

        @Option(.name) var name: String?

        @Option(
            help: ArgumentHelp(
                "Where the engine calls plugind: unix:///PATH, tcp://HOST:PORT or https://HOST:PORT (default: the "
                    + "configured socket or TCP address).", valueName: "url"))
        var address: String?

        @Option(
            help: ArgumentHelp(
                "The CA of plugind's certificate, a file where the engine is (default: the one of tls-client-ca).",
                valueName: "file"))
        var ca: String?

        @Option(help: ArgumentHelp("The engine's certificate, a file where the engine is.", valueName: "file"))
        var cert: String?

        @Option(help: ArgumentHelp("The private key of that certificate.", valueName: "file"))
        var key: String?

        func run() throws {
            let flags = name.map { [Configuration.Key.name: $0] } ?? [:]
            let configuration = try Configuration(
                flags: flags, environment: ProcessInfo.processInfo.environment, file: file)
            let wish = DiscoveryWish(
                form: form, address: address, authority: ca, certificate: cert, key: key)
            let made = try wish.file(with: configuration)
            print(made.text, terminator: "")
            let advice = Array(made.advice(with: configuration).map { $0 + "\n" }.joined().utf8)
            write(STDERR_FILENO, advice, advice.count)
        }
    }
}

extension DiscoveryFile.Form: EnumerableFlag {}
