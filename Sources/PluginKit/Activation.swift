// SPDX-License-Identifier: Apache-2.0

/// The engine's first request: which kinds of plugin answer on this socket.
///
/// Answer it only when the capability calls can be answered: if one of them fails after this succeeded, the engine
/// does not ask again until it is restarted.
public struct Activation: PluginMethod, Codable, Hashable {
    public static let name = "Plugin.Activate"
    public static let hasArguments = false

    public init() {}

    public struct Reply: Codable, Hashable, Sendable {
        /// The engine asks for the capabilities of each kind, in this order.
        public var implements: [String]

        public init(implements: [String] = ["NetworkDriver", "IpamDriver"]) {
            self.implements = implements
        }

        enum CodingKeys: String, CodingKey {
            case implements = "Implements"
        }
    }
}
