// SPDX-License-Identifier: Apache-2.0

import PluginKit

extension Configuration {
    /// All settings as a configuration file, each with what `sources` say it comes from, as a comment.
    func yaml(from sources: ConfigurationSources) -> String {
        Key.allCases.map { key in
            let origin = sources[key].map { "from \($0.words)" } ?? "default"
            // A path may have anything in it but zero.
            let comment = String(origin.map { $0.isNewline ? " " : $0 })
            switch written(key) {
            case .text(let text): return "\(key.rawValue): \(text.yamlScalar)  # \(comment)\n"
            case .list(let entries) where entries.isEmpty: return "\(key.rawValue): []  # \(comment)\n"
            case .list(let entries):
                return "\(key.rawValue):  # \(comment)\n" + entries.map { "- \($0.yaml)\n" }.joined()
            }
        }.joined()
    }
}

extension WrittenSetting.Entry {
    /// `10.0.0.0/8`, `{base: 10.0.0.0/8, size: 24}`
    var yaml: String {
        switch self {
        case .text(let text): text.yamlScalar
        case .mapping(let members):
            "{" + members.map { "\($0.name): \($0.value.yamlScalar)" }.joined(separator: ", ") + "}"
        }
    }
}

extension JSONValue {
    fileprivate var yamlScalar: String {
        switch self {
        case .integer(let number): "\(number)"
        case .string(let text): text.yamlScalar
        default: preconditionFailure("entries have texts and whole numbers alone")
        }
    }
}

extension String {
    /// As it is where that can only be read as this text, else between double quotes.
    fileprivate var yamlScalar: String {
        let isPlain = utf8.allSatisfy { byte in
            switch UnicodeScalar(byte) {
            case "a"..."z", "A"..."Z", "0"..."9", "/", ".", "_", "-": true
            default: false
            }
        }
        guard !isPlain || isEmpty || hasPrefix("-") || hasPrefix(".") else { return self }
        return "\""
            + unicodeScalars.map { scalar in
                switch scalar {
                case "\"", "\\": "\\\(scalar)"
                case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                    "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
                default: "\(scalar)"
                }
            }.joined() + "\""
    }
}
