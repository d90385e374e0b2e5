// SPDX-License-Identifier: Apache-2.0

import Addressing
import CNetlink
import Glibc

/// Tries what networks are made of, in a network namespace of its own, which is gone afterwards.
///
/// There is no list of what a kernel has that can be trusted: modules are loaded when they are asked for, and may be missing
/// for the kernel that runs. A trial loads them, as a network would.
public struct FeatureTrial: Hashable, Sendable {
    public struct Failure: Hashable, Sendable {
        /// Such as `bridges`.
        public let feature: String
        public let reason: String
    }

    public let failures: [Failure]

    /// Throws if there can be no namespace: EPERM without CAP_SYS_ADMIN. Takes some 10 ms.
    public init() throws(KernelError) {
        failures = try Self.onThreadOfItsOwn().get()
    }

    private final class Box {
        var result = Result<[Failure], KernelError>.success([])
    }

    /// A namespace is a thread's, and this one ends with its thread.
    private static func onThreadOfItsOwn() -> Result<[Failure], KernelError> {
        let box = Box()
        let argument = Unmanaged.passRetained(box)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Box>.fromOpaque(argument).takeUnretainedValue().result = FeatureTrial.run()
                return nil
            }, argument.toOpaque())
        defer { argument.release() }
        guard code == 0 else { return .failure(KernelError("start a thread", code: code)) }
        pthread_join(thread, nil)
        return box.result
    }

    private static func run() -> Result<[Failure], KernelError> {
        let code = cnl_unshare_network()
        guard code == 0 else { return .failure(KernelError("make a network namespace", code: -code)) }
        return .success(links() + rules())
    }

    private static func links() -> [Failure] {
        guard let bridge = InterfaceName("trial"), let host = InterfaceName("trial-host"),
            let sandbox = InterfaceName("trial-inside"), let mac = MACAddress("02:00:00:00:00:01")
        else { return [] }
        do throws(KernelError) {
            let socket = try NetlinkSocket(for: .requests)
            try socket.addBridge(bridge, mac: mac, mtu: 1500)
            guard let link = try socket.link(named: bridge) else { return [] }
            do throws(KernelError) {
                try socket.addVethPair(
                    VethSpec(
                        host: host, sandbox: sandbox, bridge: bridge, sandboxMAC: mac, mtu: 1500, alias: ""),
                    bridge: link.index)
            } catch {
                return [Failure(feature: "veth pairs", reason: error.reason)]
            }
            return []
        } catch {
            return [Failure(feature: "bridges", reason: error.reason)]
        }
    }

    /// Each needs those before it.
    private static let steps = [
        ("nftables", "add table inet trial; add chain inet trial forward { type filter hook forward priority 0; }"),
        (
            "translation of addresses",
            """
            add chain inet trial in { type nat hook prerouting priority dstnat; }
            add chain inet trial out { type nat hook postrouting priority srcnat; }
            add rule inet trial in tcp dport 80 dnat ip to 192.0.2.1:80
            add rule inet trial out masquerade
            """
        ),
        ("tracking of connections", "add rule inet trial forward ct state established accept"),
        (
            "nftables for bridges",
            "add table bridge trial; add chain bridge trial forward { type filter hook forward priority 0; }"
        ),
    ]

    private static func rules() -> [Failure] {
        do throws(FirewallError) {
            let context = try NFTablesContext()
            for (feature, commands) in steps {
                do throws(FirewallError) {
                    try context.run(commands, operation: "try \(feature)")
                } catch {
                    return [Failure(feature: feature, reason: error.description)]
                }
            }
            return []
        } catch {
            return [Failure(feature: "nftables", reason: error.description)]
        }
    }
}
