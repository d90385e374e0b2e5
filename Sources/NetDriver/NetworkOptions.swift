// SPDX-License-Identifier: Apache-2.0

import Addressing

/// The `-o key=value` options of a network, parsed. What cannot be meant is refused here, before anything is made.
struct NetworkOptions: Hashable, Sendable {
    /// `com.docker.network.bridge.name`; nil means `br-` and the first twelve of the network's id.
    var bridge: InterfaceName?
    /// `com.docker.network.driver.mtu`, bytes.
    var mtu: UInt32 = 1500
    /// `com.docker.network.container_iface_prefix`: the container's link is called this plus a number.
    var linkPrefix = "eth"
    /// What enters and leaves the network.
    var edge = EdgeOptions()

    /// `minimumMTU`, in bytes, is 68 for IPv4 (RFC 791) and 1280 where the network has IPv6 (RFC 8200).
    init(_ options: [String: String], minimumMTU: UInt32 = 68) throws(DriverError) {
        // In order, so that the same mistake is always reported first.
        for (key, value) in options.sorted(by: { $0.key < $1.key }) {
            switch key {
            case Key.bridgeName:
                bridge = try Self.bridge(value)
            case Key.mtu:
                mtu = try Self.mtu(value, minimum: minimumMTU)
            case Key.linkPrefix:
                linkPrefix = try Self.linkPrefix(value)
            case Key.defaultBridge:
                guard try OptionValue(key, value).boolean() == false else { throw .unservedOption(key, value: value) }
            case let key where try edge.take(OptionValue(key, value)):
                continue
            case let key where Self.isOurs(key):
                throw .unknownOption(key, known: Self.known)
            default:
                // Other drivers' options, and those that the engine acts on itself, are not ours to judge.
                continue
            }
        }
    }

    /// True for a key that only a bridge driver can mean, so that one that is not known is a mistake.
    static func isOurs(_ key: String) -> Bool {
        key.hasPrefix("plugind.") || key.hasPrefix("com.docker.network.bridge.")
    }

    enum Key {
        static let bridgeName = "com.docker.network.bridge.name"
        static let mtu = "com.docker.network.driver.mtu"
        static let linkPrefix = "com.docker.network.container_iface_prefix"
        /// True for the engine's own `docker0` alone.
        static let defaultBridge = "com.docker.network.bridge.default_bridge"
    }

    static let known =
        ([Key.bridgeName, Key.mtu, Key.linkPrefix, Key.defaultBridge] + EdgeOptions.Key.allCases.map(\.rawValue))
        .sorted()

    /// A bridge's name also stands in rules of the packet filter, where quotes and stars have a meaning.
    private static func bridge(_ value: String) throws(DriverError) -> InterfaceName {
        guard value.utf8.count <= 15 else {
            throw .invalidOption(
                Key.bridgeName, value: value,
                reason: "a link's name has at most 15 bytes, this one has \(value.utf8.count)")
        }
        // The kernel keeps two names for itself: conf/all and conf/default are not links.
        guard let name = InterfaceName(value), OptionValue.isPlain(value), value != "all", value != "default" else {
            throw .invalidOption(
                Key.bridgeName, value: value, reason: "not a bridge's name (letters, digits, ‘-’, ‘_’, ‘.’)")
        }
        return name
    }

    private static func mtu(_ value: String, minimum: UInt32) throws(DriverError) -> UInt32 {
        guard let mtu = UInt32(value), value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .invalidOption(Key.mtu, value: value, reason: "not a number of bytes")
        }
        guard (minimum...65535).contains(mtu) else {
            throw .invalidOption(
                Key.mtu, value: value,
                reason: "out of range, \(minimum) to 65535 bytes" + (minimum > 68 ? " on a network with IPv6" : ""))
        }
        return mtu
    }

    private static func linkPrefix(_ value: String) throws(DriverError) -> String {
        // The engine appends a number of up to three digits as a matter of fact.
        guard value.utf8.count <= 12, InterfaceName(value) != nil, OptionValue.isPlain(value) else {
            throw .invalidOption(
                Key.linkPrefix, value: value,
                reason: "not the beginning of a link's name (1 to 12 letters, digits, ‘-’, ‘_’, ‘.’)")
        }
        return value
    }
}
