// SPDX-License-Identifier: Apache-2.0

/// What plugind asks of the host's packet filter: tables of its own, and one rule where the engine looks.
///
/// It remembers what it was told, so that all of it can be put back when somebody else has changed it.
public protocol Firewall: Sendable {
    /// The name of its tables.
    var table: String { get }

    /// Adds and removes elements, in one transaction. What is there already, or gone already, is success.
    func update(adding: Set<RulesetElement>, removing: Set<RulesetElement>) throws(FirewallError)

    /// Makes the tables anew with all that was told, in one transaction, whatever somebody else did to them.
    func restore() throws(FirewallError)

    /// Lets what plugind's own table lets pass also pass the engine's rules, or ends that.
    ///
    /// An accept in a table of our own does not undo a drop in another (each base chain of a hook has its say), and an
    /// engine that manages iptables sets the policy of FORWARD to DROP. So one rule goes where the engine leaves room for
    /// others, the chain DOCKER-USER. Where there is no such chain there is nothing to undo.
    ///
    /// Returns true if a rule was made.
    @discardableResult
    func acceptAtEngine(_ accepts: Bool) throws(FirewallError) -> Bool

    /// The bridges of the engine's own networks, as its rules name them.
    func engineBridges() throws(FirewallError) -> Set<String>
}

/// A refusal of the packet filter, in its own words.
public struct FirewallError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ operation: String, reason: String) {
        description = "cannot \(operation): \(reason)"
    }
}
