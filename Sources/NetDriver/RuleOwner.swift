// SPDX-License-Identifier: Apache-2.0

import Addressing

/// On whose account the packet filter has an element.
enum RuleOwner: Hashable, Sendable {
    case network(NetworkID)
    case endpoint(EndpointID)
    /// The engine has networks of its own.
    case engine
    /// The host forwards because plugind made it.
    case host
}
