// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// A moment, in words for people.
enum Moment {
    /// `milliseconds` since 1970 as a date and time in UTC, to the second: `2026-11-27 11:30:52 UTC`.
    static func text(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds / 1000)).formatted(style).replacing("Z", with: " UTC")
    }

    private static let style = Date.ISO8601FormatStyle(dateTimeSeparator: .space)
}

extension Duration {
    /// Whole milliseconds.
    var wholeMilliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
