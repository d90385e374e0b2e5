// SPDX-License-Identifier: Apache-2.0

import HostNetwork

/// A bridge `br-test`, for as long as somebody holds this.
final class TestBridge: Sendable {
    let kernel: RTNetlink
    let spec: BridgeSpec
    /// What is in these groups in the end goes with it.
    private let groups: [UInt32]

    init(mtu: UInt32 = 1500, groups: [UInt32] = []) throws {
        kernel = try RTNetlink()
        spec = try .make(mtu: mtu)
        self.groups = groups
        try kernel.addBridge(spec)
    }

    deinit {
        for group in groups { try? kernel.deleteLinks(in: group) }
        try? kernel.deleteLink(spec.name)
    }
}
