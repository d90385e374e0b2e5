// SPDX-License-Identifier: Apache-2.0

import Addressing
import Control
import IPAM
import PluginServer

/// The text of a setting, and where it was said.
struct ConfigurationText {
    let text: String
    /// A flag, a variable, or a line of the file and what stands there.
    let source: String

    init(_ text: String, source: String) {
        self.text = text
        self.source = source
    }

    /// `reason` goes on after the text: “is not an absolute path”.
    func refused(_ reason: String) -> ConfigurationError {
        ConfigurationError("\(source): ‘\(text)’ \(reason)")
    }

    /// One of a few words. `kind` is what one of them is called, `all` what they are called together.
    func word<Word: RawRepresentable<String> & CaseIterable>(
        of kind: String, all: String
    ) throws(ConfigurationError) -> Word {
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw refused("is not \(kind); \(all) are \(words)")
        }
        return word
    }

    func pluginName() throws(ConfigurationError) -> String {
        // It becomes a file name and part of a path of at most 107 bytes.
        guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy(\.isNameByte), text.first != "." else {
            throw refused("is not a plugin name (letters, digits, ‘-’, ‘_’, ‘.’)")
        }
        return text
    }

    func directory() throws(ConfigurationError) -> String {
        guard text.hasPrefix("/") else { throw refused("is not an absolute path") }
        return text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    /// Nil for `off` and nothing.
    func directoryOrOff() throws(ConfigurationError) -> String? {
        if text.isEmpty || text == "off" { return nil }
        guard text.hasPrefix("/") else { throw refused("is not an absolute path, nor off") }
        return try directory()
    }

    /// The path of a file, such as `example`; nil for `off` and nothing.
    func file(such example: String) throws(ConfigurationError) -> String? {
        if text.isEmpty || text == "off" { return nil }
        guard text.hasPrefix("/") else { throw refused("is not an absolute path such as \(example), nor off") }
        return text
    }

    /// The path of a unix socket, such as `example`; nil for `off` and nothing.
    func socket(such example: String) throws(ConfigurationError) -> String? {
        if text.isEmpty || text == "off" { return nil }
        guard text.hasPrefix("/") else { throw refused("is not an absolute path such as \(example), nor off") }
        // unix(7): sun_path has 108 bytes, the last of which is zero.
        guard text.utf8.count <= 107 else { throw refused("is longer than the 107 bytes of a socket's path") }
        return text
    }

    /// Where something is served over TCP, as a rule at `port`; nil for `off` and nothing.
    func listenAddress(port: UInt16) throws(ConfigurationError) -> ListenAddress? {
        if text.isEmpty || text == "off" { return nil }
        guard let address = ListenAddress(text) else {
            throw refused("is not an address and a port such as 127.0.0.1:\(port) or [::1]:\(port), nor off")
        }
        return address
    }

    /// For how long an object must have been garbage.
    func grace() throws(ConfigurationError) -> Duration {
        guard let grace = Duration(text: text), grace >= .seconds(1) else {
            throw refused("is not a duration of at least a second, such as 90s, 10m, 1h or 7d")
        }
        return grace
    }

    /// For how long an address is kept for whom it was released by.
    func retention() throws(ConfigurationError) -> PoolOptions.Retention {
        guard let retention = PoolOptions.Retention(text) else {
            throw refused("is not a duration such as 90s, 10m, 24h or 7d, nor off, nor forever")
        }
        return retention
    }

    /// For how long nobody gets an address; zero is not at all.
    func quarantine() throws(ConfigurationError) -> Duration {
        guard let time = PoolOptions.quarantine(text) else {
            throw refused("is not a duration such as 90s, 10m, 24h or 7d, nor off")
        }
        return time
    }

    /// A whole number without sign or leading zeros; nil if it is none.
    var number: Int? {
        guard let number = Int(text), text == "\(number)" else { return nil }
        return number
    }

    /// Prefixes with commas between; none in an empty text.
    func prefixes() throws(ConfigurationError) -> [Prefix] {
        if text.isEmpty { return [] }
        return try text.split(separator: ",", omittingEmptySubsequences: false).map {
            part throws(ConfigurationError) in try ConfigurationText(part.trimming(), source: source).prefix()
        }
    }

    func prefix() throws(ConfigurationError) -> Prefix {
        guard let given = InterfaceAddress(text) else {
            throw refused("is not a subnet such as 10.0.0.0/8 or fd00::/8")
        }
        guard given.prefix.base == given.address else {
            throw refused("is an address in a subnet, not a subnet; did you mean \(given.prefix)?")
        }
        return given.prefix
    }
}

extension Substring {
    /// Without the spaces around it.
    fileprivate func trimming() -> String {
        let start = drop { $0 == " " }
        guard let last = start.lastIndex(where: { $0 != " " }) else { return "" }
        return String(start[...last])
    }
}

extension UInt8 {
    fileprivate var isNameByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default:
            false
        }
    }
}
