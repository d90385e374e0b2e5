// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Testing

extension LosslessStringConvertible {
    /// The value of a text that is known to be good.
    static func make(_ text: String) throws -> Self { try #require(Self(text)) }
}

extension BridgeSpec {
    static func make(
        _ text: String = "br-test", mtu: UInt32 = 1500, alias: String = "plugind:network:test",
        addresses: [String] = [], isIPv6Enabled: Bool = false
    ) throws -> BridgeSpec {
        BridgeSpec(
            name: try .make(text), mac: try .make("02:11:22:33:44:55"), mtu: mtu, alias: alias,
            addresses: try addresses.map { try .make($0) }, isIPv6Enabled: isIPv6Enabled, isForwarding: true)
    }
}

extension VethSpec {
    static func make(
        _ host: String = "veth0", _ sandbox: String = "sandbox0", bridge: String = "br-test", mtu: UInt32 = 1500,
        alias: String = "plugind:endpoint:test"
    ) throws -> VethSpec {
        VethSpec(
            host: try .make(host), sandbox: try .make(sandbox), bridge: try .make(bridge),
            sandboxMAC: try .make("02:11:22:33:44:66"), mtu: mtu, alias: alias)
    }
}

/// Runs a call that must be refused, checks that it left the links as they were, and returns the refusal.
func refusal(_ call: () throws(KernelError) -> Void) throws -> KernelError {
    let before = try IPCommand.links()
    var refusal: KernelError?
    do throws(KernelError) {
        try call()
    } catch {
        refusal = error
    }
    #expect(try IPCommand.links() == before, "a refused call leaves nothing")
    return try #require(refusal, "the call was not refused")
}
