// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Prometheus's text format, read strictly: whatever the format leaves open and plugind does not use is an error.
struct Exposition {
    struct Family {
        var help: String
        var type: String
        var samples: [Sample] = []
    }

    struct Sample: Hashable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    private(set) var families: [String: Family] = [:]

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Mistake(description: "the last line has no end") }
        var current: String?
        var seen: Set<[String: String]> = []
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()[...]
        while let line = lines.popFirst() {
            if line.hasPrefix("# HELP ") {
                let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
                let name = String(words[2])
                let next = (lines.popFirst() ?? "").split(separator: " ", omittingEmptySubsequences: false)
                guard words.count == 4, !words[3].isEmpty, next.count == 4, next[0] == "#", next[1] == "TYPE",
                    next[2] == words[2], ["counter", "gauge", "histogram"].contains(next[3]),
                    name.wholeMatch(of: /[a-z_][a-z0-9_]*/) != nil, families[name] == nil
                else { throw Mistake(description: "a head that is none, or is there twice: \(line)") }
                families[name] = Family(help: String(words[3]), type: String(next[3]))
                current = name
                seen = []
                continue
            }
            let sample = try Self.sample(line)
            guard let current, let type = families[current]?.type else {
                throw Mistake(description: "a sample before its head: \(line)")
            }
            let names =
                type == "histogram" ? ["\(current)_bucket", "\(current)_sum", "\(current)_count"] : [current]
            guard names.contains(sample.name) else {
                throw Mistake(description: "a sample of another metric than \(current): \(line)")
            }
            var key = sample.labels
            key[""] = sample.name
            guard seen.insert(key).inserted else { throw Mistake(description: "a sample twice: \(line)") }
            families[current]?.samples.append(sample)
        }
    }

    /// The value of the only sample with these labels.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        families.values.lazy.flatMap(\.samples).first { $0.name == name && $0.labels == labels }?.value
    }

    private static func unescaped(_ text: Substring) -> String {
        var plain = ""
        var rest = text
        while let character = rest.popFirst() {
            guard character == "\\", let next = rest.popFirst() else {
                plain.append(character)
                continue
            }
            plain.append(next == "n" ? "\n" : next)
        }
        return plain
    }

    private static func sample(_ line: Substring) throws -> Sample {
        let mistake = Mistake(description: "a line that is no sample: \(line)")
        guard let match = line.wholeMatch(of: /([a-z_][a-z0-9_]*)(?:\{(.+)\})? (\S+)/),
            let value = match.3 == "+Inf" ? .infinity : Double(match.3)
        else { throw mistake }
        var labels: [String: String] = [:]
        var rest = match.2 ?? ""
        while !rest.isEmpty {
            guard let label = rest.prefixMatch(of: /([a-z_]+)="((?:[^"\\]|\\["\\n])*)"(,(?=[a-z])|$)/),
                labels[String(label.1)] == nil
            else { throw mistake }
            labels[String(label.1)] = Self.unescaped(label.2)
            rest = rest[label.range.upperBound...]
        }
        return Sample(name: String(match.1), labels: labels, value: value)
    }
}
