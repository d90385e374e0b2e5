// SPDX-License-Identifier: Apache-2.0

extension String {
    /// In lines of at most `TextTable.width` characters, each with its end; all but the first begin with `indent` spaces
    /// more than the first does. A word that is longer than a line stays whole.
    func wrapped(from start: Int = 0, indent: Int = 0) -> String {
        var lines: [String] = []
        var line = String(repeating: " ", count: start)
        var isEmpty = true
        for word in split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > TextTable.width {
                lines.append(line)
                line = String(repeating: " ", count: start + indent)
                isEmpty = true
            }
            line += isEmpty ? word : " " + word
            isEmpty = false
        }
        return (lines + [line]).map { $0 + "\n" }.joined()
    }

    /// As far as it is for people: ids of 64 hexadecimal digits are cut to twelve, as the engine shows them.
    var withShortIDs: String {
        split(separator: " ", omittingEmptySubsequences: false)
            .map { $0.count == 64 && $0.allSatisfy(\.isHexDigit) ? $0.prefix(12) : $0 }.joined(separator: " ")
    }
}
