// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// Something that happened, once it had happened.
public struct Event: Hashable, Sendable {
    /// 1 for the first since the daemon started, without gaps.
    public let serial: UInt64
    /// Milliseconds since 1970, UTC.
    public let time: Int64
    public let what: Occurrence

    public init(serial: UInt64, time: Int64, what: Occurrence) {
        self.serial = serial
        self.time = time
        self.what = what
    }

    /// `time` as RFC 3339 has it: `2026-11-27T12:00:00.123Z`.
    public var timestamp: String {
        Date(timeIntervalSince1970: Double(time) / 1000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
