// SPDX-License-Identifier: Apache-2.0

import Diagnosis
import FoundationEssentials
import Glibc

/// What a process may do, of that which plugind needs.
struct Capabilities: OptionSet {
    let rawValue: UInt64

    // Numbers of linux/capability.h.
    static let netBindService = Capabilities(rawValue: 1 << 10)
    static let netAdmin = Capabilities(rawValue: 1 << 12)
    static let sysAdmin = Capabilities(rawValue: 1 << 21)

    static var ofThisProcess: Capabilities { Capabilities(status: Facts.text(of: "/proc/self/status") ?? "") }

    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Those that are effective, as /proc/PID/status has them.
    init(status: String) {
        let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let digits = line?.split(whereSeparator: { $0 == "\t" || $0 == " " }).last
        self.init(rawValue: digits.flatMap { UInt64($0, radix: 16) } ?? 0)
    }

    /// Those that plugind needs and that are not among these.
    var missing: [String] {
        let needed: [(Capabilities, String)] = [
            (.netAdmin, "CAP_NET_ADMIN"), (.sysAdmin, "CAP_SYS_ADMIN"), (.netBindService, "CAP_NET_BIND_SERVICE"),
        ]
        return needed.filter { !contains($0.0) }.map(\.1)
    }
}

extension Facts.DaemonProcess {
    /// Nil if it cannot be seen: without rights, or from another process namespace.
    init?(id: Int32) {
        guard let status = Facts.text(of: "/proc/\(id)/status"), let limits = Facts.text(of: "/proc/\(id)/limits"),
            let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/fd"),
            let limit = Self.openFilesLimit(in: limits)
        else { return nil }
        self.init(
            id: id, missingCapabilities: Capabilities(status: status).missing, openFiles: files.count,
            openFilesLimit: limit)
    }

    /// The hard one: the daemon raises the other to it. `Max open files  1024  1048576  files`.
    private static func openFilesLimit(in limits: String) -> Int? {
        let name = "Max open files"
        guard let line = limits.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        let words = line.dropFirst(name.count).split(separator: " ")
        guard words.count > 1 else { return nil }
        return words[1] == "unlimited" ? Int.max / 8 : Int(words[1])
    }
}
