// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PluginServer

@Suite("Files of TLS")
struct TLSFilesTests {
    /// What is written over one of the files of a server, which file that is, and what is said of it.
    private static let mistakes: [(part: TLSFiles.Part, text: String?, words: String)] = [
        (.certificate, nil, "cannot read FILE: No such file or directory"),
        (.key, nil, "cannot read FILE: No such file or directory"),
        (.clientCA, nil, "cannot read FILE: No such file or directory"),
        (.certificate, "", "FILE holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"),
        (.clientCA, "text\n", "FILE holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"),
        (.key, "", "FILE holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)"),
        (.key, "text\n", "FILE holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)"),
        (
            .key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
            "FILE is encrypted, and nobody is there to type its passphrase"
        ),
        (.key, String(repeating: " ", count: 1 << 20 + 1), "cannot read FILE: File too large"),
    ]

    @Test(arguments: mistakes.indices) func `a file that cannot be used is named, with the reason`(number: Int)
        async throws
    {
        let mistake = Self.mistakes[number]
        try await withDirectory { directory in
            let certificates = try Certificates(in: directory)
            var files = certificates.files()
            let path = "\(directory)/mistake"
            switch mistake.part {
            case .certificate: files.certificate = path
            case .key: files.key = path
            case .clientCA: files.clientCA = path
            }
            try mistake.text?.write(toFile: path, atomically: true, encoding: .utf8)
            let error = #expect(throws: TLSError.self) { try ServerTLS(files) }
            #expect(error?.part == mistake.part)
            #expect(error?.description == mistake.words.replacing("FILE", with: path))
        }
    }

    @Test func `a key of another certificate is refused`() async throws {
        try await withDirectory { directory in
            let certificates = try Certificates(in: directory)
            var files = certificates.files()
            files.key = certificates.key("ca")
            let error = #expect(throws: TLSError.self) { try ServerTLS(files) }
            #expect(error?.part == .key)
            #expect(error?.description == "\(files.key) is not the key of the certificate in \(files.certificate)")
        }
    }

    @Test func `a directory is no file`() async throws {
        try await withDirectory { directory in
            let files = TLSFiles(certificate: directory, key: directory, clientCA: nil)
            let error = #expect(throws: TLSError.self) { try ServerTLS(files) }
            #expect(error?.description == "cannot read \(directory): Is a directory")
        }
    }

    private static let day = 24 * 60 * 60
    private static let end = "on 2027-04-25 08:00:00 UTC"

    /// The age of a certificate that is valid for 100 days, in days and seconds, and what is said of it.
    private static let ages: [(days: Int, seconds: Int, words: String?)] = [
        (0, -1, "is not valid before 2027-01-15 08:00:00 UTC; is the clock right?"),
        (0, 0, nil),
        (86, 0, nil),
        (86, 1, "expires within 14 days, \(end)"),
        (98, 0, "expires within 2 days, \(end)"),
        (99, 0, "expires within a day, \(end)"),
        (100, 0, "expires within a day, \(end)"),
        (100, 1, "has expired \(end)"),
    ]

    @Test(arguments: ages) func `somebody is told of a certificate that will soon be of no use`(
        days: Int, seconds: Int, words: String?
    ) {
        let begin = 1_800_000_000
        let certificate = CertificateTime(path: "", begin: begin, end: begin + 100 * Self.day)
        #expect(certificate.concern(at: begin + days * Self.day + seconds) == words)
    }

    @Test(arguments: [(100, 0), (13, 1), (-1, 1)])
    func `each certificate that needs it is warned of`(days: Int, warnings: Int) async throws {
        try await withDirectory { directory in
            let certificates = try Certificates(in: directory)
            try certificates.make("short", for: .server, days: days)
            let now = Int(Date.now.timeIntervalSince1970)
            let concerns = try ServerTLS(certificates.files("short")).concerns(at: now)
            #expect(concerns.count == warnings)
            #expect(concerns.allSatisfy { $0.hasPrefix(certificates.path("short")) })
        }
    }
}
