// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// Why a TLS handshake failed, in words about the client.
struct HandshakeFailure: CustomStringConvertible {
    let description: String

    init(_ error: BoringSSLError) {
        guard case .sslError(let stack) = error, let last = stack.last else {
            description = "\(error)"
            return
        }
        let name = Self.name(in: last.description)
        description = Self.words[name] ?? name
    }

    /// The library's name for it, without numbers and the place in its source: the library has no other way to say it.
    private static func name(in text: String) -> String {
        let end = text.split(separator: "OPENSSL_internal:").last ?? text[...]
        return String(end.split(separator: " at ").first ?? end)
    }

    private static let distrust = "it does not accept this certificate of plugind"

    private static let words = [
        "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it has shown no certificate",
        "CERTIFICATE_VERIFY_FAILED":
            "its certificate is not signed by the CA for clients, not valid now, or not for clients",
        "HTTP_REQUEST": "it speaks HTTP without TLS",
        "WRONG_VERSION_NUMBER": "it does not speak TLS",
        "UNSUPPORTED_PROTOCOL": "it does not speak TLS 1.2 or newer",
        "NO_SHARED_CIPHER": "it has no cipher that is still good",
        "TLSV1_ALERT_UNKNOWN_CA": distrust,
        "SSLV3_ALERT_BAD_CERTIFICATE": distrust,
        "SSLV3_ALERT_CERTIFICATE_EXPIRED": distrust,
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN": distrust,
        "Error:  EOF during handshake": "it went away during the handshake",
    ]
}
