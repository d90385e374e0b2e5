// SPDX-License-Identifier: Apache-2.0

import IPAM
import ArgumentParser
import Foundation
import Testing
import Yams

@testable import plugind

/// What people read about the settings says what the daemon does.
@Suite("Documents of the configuration")
struct ConfigurationDocumentsTests {
    private static let documents = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs")

    private static func read(_ name: String) throws -> String {
        try String(contentsOf: documents.appending(path: name), encoding: .utf8)
    }

    /// The example's settings, which have no space after their “#”.
    private static func uncommented() throws -> String {
        try read("config.example.yaml").split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix("#") && !$0.hasPrefix("# ") ? $0.dropFirst() : $0 }.joined(separator: "\n")
    }

    @Test func `the example as it is changes nothing`() throws {
        #expect(try configuration(of: Self.read("config.example.yaml")) == Configuration())
    }

    @Test func `the example has every setting, with its default`() throws {
        let text = try Self.uncommented()
        #expect(try configuration(of: text) == Configuration())
        let keys = try #require(Yams.compose(yaml: text)?.mapping).keys.compactMap(\.scalar?.string)
        #expect(Set(keys) == Set(Configuration.Key.allCases.map(\.rawValue)))
    }

    @Test func `what the example shows of reservations can be used`() throws {
        let lines = try Self.read("config.example.yaml").split(separator: "\n").filter { $0.hasPrefix("#   ") }
        let shown = lines.map { $0.dropFirst(4) }.joined(separator: "\n")
        #expect(try configuration(of: shown).reservations.count == 4)
    }

    @Test func `what the manual page shows of the file can be used`() throws {
        let section = try #require(Self.read("plugind.8").split(separator: ".SH CONFIGURATION FILE\n").last)
        let shown = try #require(section.split(separator: ".EX\n").dropFirst().first?.split(separator: ".EE\n").first)
        let configuration = try configuration(of: String(shown))
        #expect(configuration.reservations.count == 4)
        #expect(configuration.forbiddenPools.count == 2)
        #expect(configuration.defaultPools.ipv4.count == 1)
    }

    @Test(arguments: Configuration.Key.allCases) func `the manual page has every setting`(key: Configuration.Key) throws
    {
        let page = try Self.read("plugind.8").replacing("\\-", with: "-")
        #expect(page.contains(" File: \(key.rawValue).") || page.contains(".B \(key.rawValue)\n"))
        if !key.isFileOnly {
            #expect(page.contains("--\(key.rawValue) ") && page.contains("--\(key.rawValue)\n"))
            #expect(page.contains("Environment: \(key.variable)."))
        }
    }

    @Test(arguments: Configuration.Key.allCases) func `the table of options is right about every setting`(
        key: Configuration.Key
    ) throws {
        let row = try #require(
            Self.read("options.md").split(separator: "\n").first { $0.hasPrefix("| `\(key.rawValue)` | ") })
        let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        try #require(cells.count == 6)
        #expect(cells[1] == (key.isFileOnly ? "file" : "all"))
        #expect(cells[4] == (key.isLive ? "yes" : "no"))
        // Blocks are too long for a table.
        if key != .defaultPools {
            #expect(try configuration(of: "\(key.rawValue): \(Self.code(cells[3]))") == Configuration())
        }
        // The files of TLS, and whether it is of use, go together.
        if key.rawValue.hasPrefix("tls-") { return }
        #expect(try configuration(of: "\(key.rawValue): \(Self.code(cells[5]))") != Configuration())
    }

    private static func code(_ cell: String) -> String { cell.trimmingCharacters(in: ["`"]) }

    @Test func `the example says what waits for the next start`() throws {
        let text = try Self.read("config.example.yaml").replacing("\n# ", with: " ")
        let keys = Configuration.Key.allCases.filter { !$0.isLive }.map(\.rawValue)
        let list = keys.dropLast().joined(separator: ", ") + " and " + (keys.last ?? "")
        #expect(text.contains("\(list) wait for the next start"))
    }

    @Test(arguments: Configuration.Key.allCases) func `all settings but lists of mappings are flags`(
        key: Configuration.Key
    ) throws {
        let arguments = ["--\(key.rawValue)", "some"]
        guard !key.isFileOnly else {
            #expect(throws: (any Error).self) { try Serve.parse(arguments) }
            return
        }
        #expect(try Serve.parse(arguments).flags == [key: "some"])
        #expect(Serve.helpMessage().contains("--\(key.rawValue) <"))
    }
}
