// SPDX-License-Identifier: Apache-2.0

import Addressing
import FoundationEssentials
import Glibc

extension RTNetlink {
    public func hasSettings(of bridge: BridgeSpec) -> Bool {
        Self.settings(of: bridge).allSatisfy { setting in
            guard let value = FileManager.default.contents(atPath: "/proc/sys/\(setting.path)") else {
                return setting.mayBeMissing
            }
            return String(decoding: value, as: UTF8.self) == setting.value + "\n"
        }
    }

    public func writeSettings(of bridge: BridgeSpec) throws(KernelError) {
        for setting in Self.settings(of: bridge) {
            do throws(KernelError) {
                try writeSysctl(setting.path, setting.value)
            } catch {
                guard error.code == ENOENT, setting.mayBeMissing else { throw error }
            }
        }
    }

    private struct Setting {
        let path: String
        let value: String
        var mayBeMissing = false
    }

    /// IPv6 off means off. On means without router advertisements, by which a container could become the host's
    /// gateway (CVE-2020-13401).
    private static func settings(of bridge: BridgeSpec) -> [Setting] {
        let (ipv4, ipv6) = ("net/ipv4/conf/\(bridge.name)", "net/ipv6/conf/\(bridge.name)")
        // A host without IPv6 has none to turn off.
        let mayBeMissing = !bridge.isIPv6Enabled
        let forwardsIPv6 = bridge.isForwarding && bridge.isIPv6Enabled
        return [
            Setting(path: "\(ipv6)/disable_ipv6", value: bridge.isIPv6Enabled ? "0" : "1", mayBeMissing: mayBeMissing),
            Setting(path: "\(ipv6)/accept_ra", value: "0", mayBeMissing: mayBeMissing),
            Setting(path: "\(ipv6)/forwarding", value: forwardsIPv6 ? "1" : "0", mayBeMissing: mayBeMissing),
            Setting(path: "\(ipv4)/forwarding", value: bridge.isForwarding ? "1" : "0"),
            Setting(path: "\(ipv4)/route_localnet", value: bridge.isReachedFromLoopback ? "1" : "0"),
        ]
    }
}
