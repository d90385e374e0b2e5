// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import NIOSSL

/// When a certificate is valid.
struct CertificateTime: Hashable, Sendable {
    /// The file that it is in.
    let path: String
    /// Seconds since 1970.
    let begin: Int
    /// The last second, likewise.
    let end: Int

    init(path: String, begin: Int, end: Int) {
        self.path = path
        self.begin = begin
        self.end = end
    }

    init(_ certificate: NIOSSLCertificate, path: String) {
        self.init(path: path, begin: certificate.notValidBefore, end: certificate.notValidAfter)
    }

    private static let day = 24 * 60 * 60
    /// How long before its end somebody is told.
    private static let notice = 14 * day

    /// What somebody should know of it at the time `now`, in words; nil if all is well.
    func concern(at now: Int) -> String? {
        if now < begin { return "is not valid before \(Self.text(begin)); is the clock right?" }
        if now > end { return "has expired on \(Self.text(end))" }
        guard end - now < Self.notice else { return nil }
        let days = max(1, (end - now + Self.day - 1) / Self.day)
        return "expires within \(days == 1 ? "a day" : "\(days) days"), on \(Self.text(end))"
    }

    /// `2026-11-27 11:30:52 UTC`
    private static func text(_ seconds: Int) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(Date.ISO8601FormatStyle(dateTimeSeparator: .space))
            .replacing("Z", with: " UTC")
    }
}
