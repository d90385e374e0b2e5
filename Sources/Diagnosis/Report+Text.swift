// SPDX-License-Identifier: Apache-2.0

extension Report {
    private static let width = 80
    private static let indent = 23

    /// For people, 80 columns wide.
    public func text(isColoured: Bool) -> String {
        let told = results.flatMap { result -> [String] in
            guard let summary = result.summary else {
                return result.findings.flatMap { lines($0, of: result.check, isColoured) }
            }
            return Self.lines(summary, after: Self.head(.ok, result.check, isColoured))
        }
        return (told + ["", total]).map { $0 + "\n" }.joined()
    }

    private var total: String {
        if problems + notes == 0 { return "no problems" }
        return [(problems, "problem"), (notes, "note")].filter { $0.0 > 0 }
            .map { "\($0) \($1)\($0 == 1 ? "" : "s")" }.joined(separator: ", ")
    }

    private func lines(_ finding: Finding, of check: String, _ isColoured: Bool) -> [String] {
        let kind = finding.kind
        let blank = String(repeating: " ", count: Self.indent)
        return Self.lines(finding.what, after: Self.head(kind.severity, check, isColoured))
            + Self.lines("Why: \(kind.why)", after: blank) + Self.lines("To do: \(kind.remedy)", after: blank)
    }

    private static func head(_ severity: Severity, _ check: String, _ isColoured: Bool) -> String {
        let word = severity == .problem ? "PROBLEM" : severity.rawValue
        let padded = word + String(repeating: " ", count: max(1, 9 - word.count))
        let colour =
            switch severity {
            case .ok: 32
            case .note: 33
            case .problem: 31
            }
        return (isColoured ? "\u{1B}[\(colour)m\(padded)\u{1B}[0m" : padded)
            + check + String(repeating: " ", count: max(1, indent - 9 - check.count))
    }

    /// The text in lines; a word that is too long has one of its own.
    private static func lines(_ text: String, after head: String) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if line.count + 1 + word.count <= width - indent {
                line += " \(word)"
            } else {
                lines.append(line)
                line = String(word)
            }
        }
        lines.append(line)
        return lines.enumerated().map { ($0 == 0 ? head : String(repeating: " ", count: indent)) + $1 }
    }
}
