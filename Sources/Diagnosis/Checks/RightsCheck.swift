// SPDX-License-Identifier: Apache-2.0

/// Whether the daemon may do what it has to, and this command look at it.
struct RightsCheck: Check {
    static let name = "rights"

    static func summary(of facts: Facts) -> String {
        facts.process == nil ? "this command may look at everything" : "the daemon has the capabilities that it needs"
    }

    static func findings(in facts: Facts) -> [Finding] {
        var findings: [Finding] = []
        if let process = facts.process, !process.missingCapabilities.isEmpty {
            let list = process.missingCapabilities.joined(separator: ", ")
            findings.append(Finding(.daemonCapabilities, "the daemon, process \(process.id), has not \(list)"))
        }
        if !facts.mayLook {
            findings.append(
                Finding(.doctorRights, "this command has not both of CAP_NET_ADMIN and CAP_SYS_ADMIN"))
        }
        return findings
    }
}
