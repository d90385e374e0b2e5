// SPDX-License-Identifier: Apache-2.0

/// Whether the state can be written, and who can read it.
struct StateCheck: Check {
    static let name = "state"

    /// The database and its journal take a few megabytes; a copy is made before its form is changed.
    static let leastBytes: UInt64 = 16 << 20
    static let leastInodes: UInt64 = 16

    static func summary(of facts: Facts) -> String {
        let free = facts.state.look.value.flatMap { $0 }.map { ", \($0.freeBytes >> 20) MiB free" }
        return facts.state.path + (free ?? "")
    }

    static func findings(in facts: Facts) -> [Finding] {
        let path = facts.state.path
        switch facts.state.look {
        case .unknown(let reason):
            return [Finding(.notChecked, "\(path) could not be checked: \(reason)")]
        case .known(nil):
            return [Finding(.stateMissing, "there is no directory \(path)")]
        case .known(.some(let look)):
            var findings: [Finding] = []
            if look.isReadOnly { findings.append(Finding(.stateReadOnly, "\(path) is on a read-only file system")) }
            if look.freeBytes < leastBytes {
                findings.append(Finding(.stateSpace, "\(look.freeBytes >> 10) KiB are free at \(path)"))
            } else if let inodes = look.freeInodes, inodes < leastInodes {
                findings.append(Finding(.stateSpace, "\(inodes) inodes are free at \(path)"))
            }
            if look.mode & 0o077 != 0 {
                let mode = String(look.mode & 0o777, radix: 8)
                findings.append(Finding(.stateOpen, "\(path) has mode 0\(mode), not 0700"))
            }
            return findings
        }
    }
}
