// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOSSL

/// What the files of TLS hold.
struct TLSMaterial: Sendable {
    let context: NIOSSLContext
    let certificates: [CertificateTime]

    init(_ files: TLSFiles) throws(TLSError) {
        let chain = try Self.certificates(.certificate, files.certificate)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try Self.key(files.key)))
        configuration.minimumTLSVersion = .tlsv12
        // Only what keeps a recorded connection secret when the key is stolen later. Those of TLS 1.3 all do.
        configuration.cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"
        // A client that is gone does not take part in the end of its connection; the daemon's end has 10 seconds.
        configuration.shutdownTimeout = .seconds(1)
        var authorities: [NIOSSLCertificate] = []
        if let clientCA = files.clientCA {
            authorities = try Self.certificates(.clientCA, clientCA)
            configuration.trustRoots = .certificates(authorities)
            // A client has no name that it could be checked for.
            configuration.certificateVerification = .noHostnameVerification
        } else {
            configuration.certificateVerification = .none
        }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            // Both were read, so all that is left to go wrong is that they do not go together.
            throw TLSError(
                .key, "\(files.key) is not the key of the certificate in \(files.certificate)")
        }
        certificates =
            chain.map { CertificateTime($0, path: files.certificate) }
            + authorities.map { CertificateTime($0, path: files.clientCA ?? "") }
    }

    private static func certificates(_ part: TLSFiles.Part, _ path: String) throws(TLSError) -> [NIOSSLCertificate] {
        let bytes = try contents(part, path)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw TLSError(part, "\(path) holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
        }
        return certificates
    }

    private static func key(_ path: String) throws(TLSError) -> NIOSSLPrivateKey {
        let bytes = try contents(.key, path)
        guard !String(decoding: bytes, as: UTF8.self).contains("ENCRYPTED") else {
            throw TLSError(.key, "\(path) is encrypted, and nobody is there to type its passphrase")
        }
        guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw TLSError(.key, "\(path) holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)")
        }
        return key
    }

    /// More bytes than any of these files has.
    private static let longest = 1 << 20

    private static func contents(_ part: TLSFiles.Part, _ path: String) throws(TLSError) -> [UInt8] {
        do throws(SocketError) {
            // A named pipe would else be waited for.
            let file = try FileDescriptor(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), "read \(path)")
            return try file.contents(atMost: longest, of: path)
        } catch {
            throw TLSError(part, "\(error)")
        }
    }
}
