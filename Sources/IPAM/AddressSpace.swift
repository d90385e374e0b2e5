// SPDX-License-Identifier: Apache-2.0

/// A world of pools of its own: pools of one space must not overlap, pools of two may be equal.
///
/// A node of a swarm needs this: as a manager it hands out a network's pool in the global space, and as a
/// worker it is asked for the same pool in the local one.
public enum AddressSpace: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case local = "plugind-local"
    case global = "plugind-global"

    /// The name on the wire.
    public var description: String { rawValue }
}
