// SPDX-License-Identifier: Apache-2.0

import Addressing
import PluginKit

/// The user's `--network name=…,driver-opt=key=value` for one endpoint.
struct EndpointWishes: Hashable, Sendable {
    /// The only clients of its published ports; nil leaves it to the network.
    var clients: [Prefix]?
    /// What its link shall be called in the sandbox.
    var linkName: InterfaceName?
    /// What shall be set in the sandbox for the link.
    var settings: [LinkSetting] = []

    enum Key {
        static let clients = EdgeOptions.Key.clients.rawValue
        static let linkName = "com.docker.network.endpoint.ifname"
        static let settings = "com.docker.network.endpoint.sysctls"
    }
}

extension EndpointOptions {
    /// Those that plugind has; others' it leaves alone.
    func wishes() throws(DriverError) -> EndpointWishes {
        if let unknown = others.keys.filter({ NetworkOptions.isOurs($0) && $0 != EndpointWishes.Key.clients }).min() {
            throw .unknownOption(unknown, known: [EndpointWishes.Key.clients])
        }
        var wishes = EndpointWishes()
        wishes.clients = try option(EndpointWishes.Key.clients)?.prefixes()
        if let option = try option(EndpointWishes.Key.linkName) {
            guard let name = InterfaceName(option.text), OptionValue.isPlain(option.text) else {
                throw option.refusal("not a link's name (1 to 15 letters, digits, ‘-’, ‘_’, ‘.’)")
            }
            wishes.linkName = name
        }
        if let option = try option(EndpointWishes.Key.settings) {
            wishes.settings = try option.parts(separatedBy: ",", "settings").map { part throws(DriverError) in
                guard let setting = LinkSetting(part) else {
                    throw option.refusal("‘\(part)’ is not of the form net.ipv4.conf.IFNAME.KEY=VALUE")
                }
                return setting
            }
        }
        return wishes
    }

    private func option(_ key: String) throws(DriverError) -> OptionValue? {
        guard let value = others[key] else { return nil }
        guard case .string(let text) = value else { throw .invalidOption(key, value: "\(value)", reason: "not a text") }
        return OptionValue(key, text)
    }
}
