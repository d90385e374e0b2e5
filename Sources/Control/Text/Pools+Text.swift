// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM

extension PoolList {
    /// A table for people, 80 columns wide: `#` is used, `+` sticky, quarantined or reserved, `.` free.
    public func text(isColoured: Bool) -> String {
        guard !pools.isEmpty else { return "no pools\n" }
        let rows = pools.map { pool in
            let bar = UseBar(pool, width: 10)
            return [
                TextTable.Cell(pool.id.description), TextTable.Cell(bar.text, ink: bar.ink), "\(pool.used.short)",
                "\(pool.free.short)", "\(pool.exhaustedInSeconds.map { Duration.seconds($0).short } ?? "-")",
            ]
        }
        return TextTable(
            columns: [
                .init(title: "POOL", limit: 35), .init(title: "USE"), .init(title: "USED", isNumber: true),
                .init(title: "FREE", isNumber: true), .init(title: "FULL IN", isNumber: true),
            ], rows: rows
        ).text(isColoured: isColoured)
    }
}

extension PoolStatus {
    /// All about it for people, a line each.
    public func text(isColoured: Bool) -> String {
        let bar = UseBar(self, width: 40)
        var lines: [(String, String)] = [("subnet", subnet.description)]
        if let ipRange { lines.append(("ip range", ipRange.description)) }
        lines += [
            ("use", isColoured ? bar.ink.applied(to: bar.text) : bar.text),
            ("addresses", "\(size)"),
            ("allocatable", "\(allocatable)"),
            ("used", "\(used)"),
            ("used outside", "\(usedOutside)"),
            ("sticky", "\(sticky)"),
            ("quarantined", "\(quarantined)"),
            ("reserved", "\(reserved)"),
            ("free", "\(free)"),
            ("excluded", "\(excluded)"),
        ]
        // A line each: there may be many.
        lines += exclusions.map { ("by command", $0) } + excludedByOption.map { ("by option", $0) }
        if let growthPerHour { lines.append(("growth", "\((growthPerHour * 10).rounded() / 10) an hour")) }
        if let exhaustedInSeconds { lines.append(("full in", Duration.seconds(exhaustedInSeconds).short)) }
        let name = isColoured ? Ink.bold.applied(to: id.description) : id.description
        return name + "\n"
            + lines.map { "  \($0)\(String(repeating: " ", count: 14 - $0.count))\($1)\n" }.joined()
    }
}
