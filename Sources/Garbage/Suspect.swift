// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver

/// Something that plugind holds and that nothing on the host speaks for.
struct Suspect: Hashable, Sendable {
    /// In the order in which they are freed: a network goes after its endpoints.
    enum Object: Hashable, Sendable {
        case endpoint(EndpointID)
        case stray(Inventory.Stray)
        case network(NetworkID)
        case address(IPAddress, PoolID, GrantSerial)
        case pool(PoolID, GrantSerial)
    }

    /// What the engine says about it.
    enum Testimony: Hashable, Sendable {
        case notAsked
        case unavailable(EngineError)
        case knows
        case doesNotKnow
    }

    let object: Object
    /// What speaks against it, in words.
    let reason: String
    let engine: Testimony
    /// False if the host alone gives two proofs: the link is gone, and so is the sandbox.
    let needsEngine: Bool
}

extension Suspect.Object: CustomStringConvertible {
    var description: String {
        switch self {
        case .endpoint(let id): "endpoint \(id)"
        case .stray(let stray): "link \(stray.link)"
        case .network(let id): "network \(id)"
        case .address(let address, let pool, _): "address \(address) of pool \(pool)"
        case .pool(let id, _): "pool \(id)"
        }
    }
}
