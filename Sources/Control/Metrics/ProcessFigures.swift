// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc

/// What the kernel says about this process.
struct ProcessFigures {
    /// In seconds.
    let processorTime: Double
    /// In bytes.
    let residentMemory: Int
    let virtualMemory: Int
    let openFiles: Int?
    let mostFiles: UInt64?
    /// In seconds since 1970. Nil if the kernel does not tell when it was booted.
    let startTime: Double?

    /// Reads `/proc/self/stat`, proc_pid_stat(5). Nil if that is not there.
    init?() {
        guard let stat = Self.text("/proc/self/stat"), let name = stat.lastIndex(of: ")") else { return nil }
        // From field 3, the state; before it is the program's name, which may have spaces in it.
        let fields = stat[stat.index(after: name)...].split(separator: " ")
        let ticks = Double(sysconf(CInt(_SC_CLK_TCK)))
        guard fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let start = Double(fields[19]), let size = Int(fields[20]), let pages = Int(fields[21]), ticks > 0
        else { return nil }
        processorTime = (user + system) / ticks
        virtualMemory = size
        residentMemory = pages * sysconf(CInt(_SC_PAGESIZE))
        startTime = Self.bootTime.map { $0 + start / ticks }
        // The directory itself is open while it is read.
        openFiles = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { $0.count - 1 }
        var limit = rlimit()
        mostFiles =
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? UInt64(limit.rlim_cur) : nil
    }

    /// Read once: it moves with the wall clock, and the start of the process should not.
    private static let bootTime: Double? = text("/proc/stat")?.split(separator: "\n")
        .first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst("btime ".count)) }

    private static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
