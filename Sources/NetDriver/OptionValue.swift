// SPDX-License-Identifier: Apache-2.0

import Addressing

/// The text of one `-o key=value`, and the ways to read it. Each that cannot be meant is refused with its reason.
struct OptionValue {
    let key: String
    let text: String

    init(_ key: String, _ text: String) {
        self.key = key
        self.text = text
    }

    func refusal(_ reason: String) -> DriverError { .invalidOption(key, value: text, reason: reason) }

    /// As the engine reads it (Go's strconv.ParseBool).
    func boolean() throws(DriverError) -> Bool {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: throw refusal("neither true nor false")
        }
    }

    /// An address of a host or of a link, of that family.
    func address(_ family: AddressFamily) throws(DriverError) -> IPAddress {
        guard let address = IPAddress(text), address.family == family else {
            throw refusal("not an \(family == .v4 ? "IPv4" : "IPv6") address")
        }
        guard !address.isMulticast else { throw refusal("that is a group's address") }
        return address
    }

    /// An address that what leaves the host can have.
    func sourceAddress(_ family: AddressFamily) throws(DriverError) -> IPAddress {
        let address = try address(family)
        guard !address.isUnspecified, !address.isLoopback else {
            throw refusal("nothing leaves the host with that address")
        }
        return address
    }

    /// Parts between separators, none of them empty.
    func parts(separatedBy separator: Character, _ what: String) throws(DriverError) -> [String] {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false).map {
            String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        guard !parts.contains("") else { throw refusal("not a list of \(what) separated by ‘\(separator)’") }
        return parts
    }

    /// `10.0.0.0/8,192.168.1.7`: an address stands for itself alone.
    func prefixes() throws(DriverError) -> [Prefix] {
        try parts(separatedBy: ",", "addresses or prefixes").map { part throws(DriverError) in try prefix(part) }
    }

    func prefix(_ part: String) throws(DriverError) -> Prefix {
        if let address = IPAddress(part), let prefix = Prefix(base: address, length: address.family.width) {
            return prefix
        }
        guard let prefix = Prefix(part) else {
            if let address = InterfaceAddress(part) {
                throw refusal("‘\(part)’ has host bits set; the prefix is \(address.prefix)")
            }
            throw refusal("‘\(part)’ is neither an address nor a prefix")
        }
        return prefix
    }

    /// Names of links, which also stand in rules of the packet filter, where quotes and stars have a meaning.
    func linkNames(separatedBy separator: Character) throws(DriverError) -> [InterfaceName] {
        try parts(separatedBy: separator, "links’ names").map { part throws(DriverError) in
            guard let name = InterfaceName(part), Self.isPlain(part) else {
                throw refusal("‘\(part)’ is not a link's name (letters, digits, ‘-’, ‘_’, ‘.’)")
            }
            return name
        }
    }

    static func isPlain(_ value: String) -> Bool {
        value.utf8.allSatisfy { byte in
            switch UnicodeScalar(byte) {
            case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".": true
            default: false
            }
        }
    }
}
