// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// What the engine knows, of everybody's networks: an address is known to it whoever's it is.
public struct EngineView: Hashable, Sendable {
    public var networks: Set<NetworkID> = []
    /// As the user wrote them, or as they were granted: see `mayHave`.
    public var subnets: Set<Prefix> = []
    /// Those of containers that run. A stopped container has none.
    public var endpoints: Set<EndpointID> = []
    /// Addresses of endpoints, gateways where the user named them, and auxiliary addresses.
    public var addresses: Set<IPAddress> = []

    public init() {}

    /// False only if no network can have the pool of that prefix.
    ///
    /// A subnet may be there as the user wrote it: `0.0.0.0/27` or `::/64` asks for any of that size, and whether it is this
    /// one is not said. An address in the pool tells of it, too.
    public func mayHave(_ pool: Prefix) -> Bool {
        subnets.contains(pool)
            || subnets.contains { subnet in
                subnet.overlaps(pool)
                    || subnet.base.isUnspecified && subnet.family == pool.family && subnet.length == pool.length
            }
            || addresses.contains { pool.contains($0) }
    }
}

/// Somebody who can be asked what the engine knows.
public protocol EngineDirectory: Sendable {
    /// Never to be called from a handler: the engine calls handlers while it holds locks that this needs.
    func ask() async throws(EngineError) -> EngineView
    /// The addresses that containers ask for by number, whether they run or not. As `ask()`, never from a handler.
    func fixedAddresses() async throws(EngineError) -> [FixedAddress]
}

/// An address that a container asks for by number.
public struct FixedAddress: Hashable, Sendable {
    public var address: IPAddress
    /// The container's name, without the slash before it. Nil if it has none.
    public var name: String?

    public init(address: IPAddress, name: String?) {
        self.address = address
        self.name = name
    }
}

/// Why the engine could not be asked, in words.
public struct EngineError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// What came of asking.
enum EngineAnswer: Hashable, Sendable {
    /// No socket is configured.
    case notAsked
    case failed(EngineError)
    case view(EngineView)
}
