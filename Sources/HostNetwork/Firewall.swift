// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// What plugind asks of the host's packet filter.
public protocol Firewall: Sendable {
    /// Lets frames pass from port to port of `bridge`, where the engine would drop them.
    ///
    /// With br_netfilter, frames inside a bridge pass the FORWARD hook, and an engine that manages iptables sets the
    /// policy there to DROP. An accept in a table of our own does not undo a drop in another (each base chain of a
    /// hook has its say), so the rule goes where the engine leaves room for others: the chain DOCKER-USER. Where
    /// there is no such chain there is nothing to undo. A rule that is there already is success.
    ///
    /// Returns true if a rule was made.
    @discardableResult
    func acceptInside(_ bridge: InterfaceName) throws(FirewallError) -> Bool

    /// Takes back what `acceptInside` did. A rule that is gone is success.
    func forgetInside(_ bridge: InterfaceName) throws(FirewallError)
}

/// A refusal of the packet filter, in its own words.
public struct FirewallError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ operation: String, reason: String) {
        description = "cannot \(operation): \(reason)"
    }
}
