// SPDX-License-Identifier: Apache-2.0

/// Whether bridges have ports left.
struct BridgeCheck: Check {
    static let name = "bridges"

    /// BR_MAX_PORTS in the kernel's net/bridge/br_private.h is 1024, and the first number is not used.
    static let mostPorts = 1023
    static let many = 1000

    static func summary(of facts: Facts) -> String {
        guard let fullest = facts.bridges.value?.max(by: { $0.ports < $1.ports }) else {
            return "plugind has none"
        }
        return "\(fullest.name), the fullest, has \(fullest.ports) of \(mostPorts) ports"
    }

    static func findings(in facts: Facts) -> [Finding] {
        unknown(facts.bridges)
            + (facts.bridges.value ?? []).filter { $0.ports >= many }.map {
                Finding(.bridgePortsShort, "\($0.name) has \($0.ports) of \(mostPorts) ports")
            }
    }
}
