// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// What the driver has, and what the host says about it, at one moment.
public struct Inventory: Hashable, Sendable {
    /// Those that are neither being made nor being deleted, in ascending order.
    public var networks: [Network] = []
    /// Likewise.
    public var endpoints: [Endpoint] = []
    /// In ascending order of their links.
    public var strays: [Stray] = []
    /// Every address that a link of the host has.
    public var hostAddresses: Set<IPAddress> = []
    /// Every address that an endpoint has, be it being made or being deleted.
    public var endpointAddresses: Set<IPAddress> = []
    /// Every prefix of a network, be it being made or being deleted.
    public var prefixes: Set<Prefix> = []

    public init() {}

    public struct Network: Hashable, Sendable {
        public var id: NetworkID
        /// True if there is an endpoint in it that is in use, being made or being deleted, or if somebody has put a port of
        /// their own into its bridge.
        public var isInUse: Bool

        public init(id: NetworkID, isInUse: Bool) {
            self.id = id
            self.isInUse = isInUse
        }
    }

    public struct Endpoint: Hashable, Sendable {
        public var id: EndpointID
        public var network: NetworkID
        public var link: LinkState
        public var sandbox: SandboxState

        public init(id: EndpointID, network: NetworkID, link: LinkState, sandbox: SandboxState) {
            self.id = id
            self.network = network
            self.link = link
            self.sandbox = sandbox
        }

        /// True if a sandbox has the endpoint's link, or can still be given it.
        ///
        /// A pair whose other end is in another namespace is in use also if nothing can be seen at the sandbox's path, which
        /// may be in a mount namespace that is not this one's: a namespace that ends takes its links, and their peers,
        /// with it.
        public var isInUse: Bool {
            switch link {
            case .gone: false
            case .reachesElsewhere: true
            case .here: sandbox == .alive
            }
        }
    }

    /// Where an endpoint's veth pair is.
    public enum LinkState: Hashable, Sendable {
        case gone
        /// Both ends are in this namespace.
        case here
        /// The other end is in another namespace.
        case reachesElsewhere
    }

    public enum SandboxState: Hashable, Sendable {
        /// The endpoint was not joined, or has left.
        case none
        /// There is no namespace at its path.
        case gone
        case alive
    }

    /// A link with plugind's tag, not in use, whose network or endpoint the driver does not know. A pair has the name, too,
    /// that plugind gives; a bridge may have been named by the user.
    public struct Stray: Hashable, Sendable {
        public enum Owner: Hashable, Sendable {
            case network(NetworkID)
            case endpoint(EndpointID)
        }

        public var link: InterfaceName
        public var owner: Owner

        public init(link: InterfaceName, owner: Owner) {
            self.link = link
            self.owner = owner
        }
    }
}
