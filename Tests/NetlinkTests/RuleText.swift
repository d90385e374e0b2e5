// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import Testing

/// What the packet filter has, as `nft` prints it, so that it can be compared.
enum RuleText {
    /// A table, a line each, without counts. nft wraps elements and prints them in the order of their hashes: here each is
    /// a line of its own, and they are sorted. No lines if there is no such table.
    static func table(_ name: String) throws -> [String] {
        guard try HostCommand.lines("nft list tables").contains("table \(name)") else { return [] }
        var lines: [String] = []
        var elements: String?
        for line in try HostCommand.lines("nft --stateless list table \(name)") {
            if let open = elements {
                elements = open + " " + line
            } else if line.hasPrefix("elements = {") {
                elements = line
            } else {
                lines.append(line)
            }
            if let whole = elements, whole.hasSuffix("}") {
                lines += sorted(whole)
                elements = nil
            }
        }
        return lines
    }

    /// The elements of a set, sorted.
    static func elements(of set: String, in table: String = "inet plugind") throws -> [String] {
        let lines = try Self.table(table)
        guard let begin = lines.firstIndex(where: { $0 == "set \(set) {" || $0 == "map \(set) {" }),
            let end = lines[begin...].firstIndex(of: "}")
        else { return [] }
        return lines[begin..<end].filter { $0.hasPrefix("element ") }.map { String($0.dropFirst("element ".count)) }
    }

    private static func sorted(_ elements: String) -> [String] {
        elements.drop { $0 != "{" }.dropFirst().dropLast().split(separator: ",")
            .map { "element " + $0.trimmingCharacters(in: .whitespaces) }.sorted()
    }

    // MARK: What was written down

    private static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/rules")

    /// Writes a table down, without its elements.
    static func write(_ table: String, to name: String) throws {
        let text = String(decoding: try HostCommand.run("nft --stateless list table \(table)"), as: UTF8.self)
        try "# SPDX-License-Identifier: Apache-2.0\n\(text.replacing(/\n\t\telements = \{[^}]*\}/, with: ""))"
            .write(to: directory.appending(path: name + ".nft"), atomically: true, encoding: .utf8)
    }

    /// Gives the packet filter what is in files of `Tests/Fixtures/rules`.
    static func load(_ names: [String]) throws {
        let files = names.map { "'\(directory.appending(path: $0 + ".nft").path())'" }
        try HostCommand.run("cat \(files.joined(separator: " ")) | nft --file /dev/stdin")
    }
}
