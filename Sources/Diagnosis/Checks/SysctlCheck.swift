// SPDX-License-Identifier: Apache-2.0

/// The host's settings that are about no network in particular.
struct SysctlCheck: Check {
    static let name = "sysctls"

    static func summary(of facts: Facts) -> String { "/proc/sys/net is writable, IPv6 is on" }

    static func findings(in facts: Facts) -> [Finding] {
        var findings: [Finding] = []
        if !facts.areSysctlsWritable {
            findings.append(Finding(.sysctlsReadOnly, "/proc/sys/net cannot be written"))
        }
        if !facts.isIPv6Enabled { findings.append(Finding(.ipv6Off, "the host has no IPv6")) }
        return findings
    }
}
