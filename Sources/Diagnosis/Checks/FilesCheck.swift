// SPDX-License-Identifier: Apache-2.0

/// How many files and sockets the daemon may have open: LimitNOFILE of its unit.
struct FilesCheck: Check {
    static let name = "files"

    /// Less is little: the unit has a million.
    static let least = 65_536

    static func summary(of facts: Facts) -> String {
        guard let process = facts.process else { return "not checked, as the daemon's process is not seen" }
        return "\(process.openFiles) of \(process.openFilesLimit) open files"
    }

    static func findings(in facts: Facts) -> [Finding] {
        guard let process = facts.process else { return [] }
        if process.openFiles * 5 >= process.openFilesLimit * 4 {
            return [
                Finding(
                    .openFilesShort, "the daemon has \(process.openFiles) of \(process.openFilesLimit) files open")
            ]
        }
        guard process.openFilesLimit < least else { return [] }
        return [Finding(.openFilesLimit, "the daemon may have no more than \(process.openFilesLimit) files open")]
    }
}
