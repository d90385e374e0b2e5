// SPDX-License-Identifier: Apache-2.0

import Foundation
import PluginServer

/// Certificates of a directory, made by openssl.
struct Certificates {
    let directory: String
    /// The CA that signs all but what is said otherwise.
    static let authority = "ca"

    /// Makes a CA, another one, and a certificate for the server at the loopback.
    init(in directory: String) throws {
        self.directory = directory
        for name in [Self.authority, "other-ca"] { try makeAuthority(name) }
        try make("server", for: .server)
    }

    enum Purpose: String {
        case server = "extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,IP:::1\n"
        case client = "extendedKeyUsage=clientAuth\n"
    }

    func makeAuthority(_ name: String) throws {
        try openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "100", "-subj",
            "/CN=\(name)", "-keyout", key(name), "-out", path(name))
    }

    /// Makes a certificate that is valid for `days` from now. It has expired if they are negative.
    func make(_ name: String, for purpose: Purpose, by authority: String = authority, days: Int = 100) throws {
        let extensions = "\(directory)/\(name).ext"
        try purpose.rawValue.write(toFile: extensions, atomically: true, encoding: .utf8)
        try openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)",
            "-keyout", key(name), "-out", "\(directory)/\(name).csr")
        try openssl(
            "x509", "-req", "-in", "\(directory)/\(name).csr", "-CA", path(authority), "-CAkey", key(authority),
            "-days",
            "\(days)", "-extfile", extensions, "-out", path(name))
    }

    func path(_ name: String) -> String { "\(directory)/\(name).pem" }

    func key(_ name: String) -> String { "\(directory)/\(name)-key.pem" }

    /// What a server takes that has the certificate `name` and knows clients by `clientCA`.
    func files(_ name: String = "server", clientCA: String? = authority) -> TLSFiles {
        TLSFiles(certificate: path(name), key: key(name), clientCA: clientCA.map(path))
    }

    private func openssl(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let words = Pipe()
        process.standardError = words
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let said = words.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ConnectionError(description: "openssl \(arguments): \(String(decoding: said, as: UTF8.self))")
        }
    }
}
