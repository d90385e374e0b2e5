// SPDX-License-Identifier: Apache-2.0

/// One request of the plugin protocol: its name, its JSON body and the reply that goes with it.
public protocol PluginMethod: Decodable, Sendable {
    associatedtype Reply: Encodable & Sendable

    /// The path without its slash, such as `NetworkDriver.Join`.
    static var name: String { get }

    /// False for a method whose body is always empty, such as `NetworkDriver.GetCapabilities`.
    static var hasArguments: Bool { get }
}

extension PluginMethod {
    public static var hasArguments: Bool { true }
}

/// The reply `{}`.
public struct EmptyReply: Codable, Hashable, Sendable {
    public init() {}
}
