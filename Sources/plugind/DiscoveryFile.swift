// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import PluginServer

/// A file that tells the engine where the plugin is: `NAME.spec` or `NAME.json` in `/etc/docker/plugins`.
struct DiscoveryFile: Hashable {
    enum Form: String, CaseIterable {
        /// One line with the address.
        case spec
        /// The address, and what TLS needs.
        case json
    }

    let form: Form
    let name: String
    let address: PluginAddress
    /// For an address with `https` alone.
    let tls: EngineFiles?

    /// What the file has in it.
    var text: String {
        switch form {
        case .spec: "\(address)\n"
        case .json: document + "\n"
        }
    }

    private var document: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let document = Document(name: name, address: "\(address)", tls: tls.map { Document.TLS($0) })
        // Texts and truth values are all that is in it.
        guard let data = try? encoder.encode(document) else { preconditionFailure("a document cannot be encoded") }
        return String(decoding: data, as: UTF8.self)
    }

    /// In the engine's own words.
    private struct Document: Encodable {
        let name: String
        let address: String
        let tls: TLS?

        enum CodingKeys: String, CodingKey {
            case name = "Name"
            case address = "Addr"
            case tls = "TLSConfig"
        }

        struct TLS: Encodable {
            let skipsVerification = false
            let authority: String
            let certificate: String?
            let key: String?

            init(_ files: EngineFiles) {
                authority = files.authority
                certificate = files.own?.certificate
                key = files.own?.key
            }

            enum CodingKeys: String, CodingKey {
                case skipsVerification = "InsecureSkipVerify"
                case authority = "CAFile"
                case certificate = "CertFile"
                case key = "KeyFile"
            }
        }
    }
}

/// Files of TLS where the engine is, by their absolute paths.
struct EngineFiles: Hashable {
    struct Own: Hashable {
        let certificate: String
        let key: String
    }

    /// The CA of the listener's certificate. Without one the engine would not look at that certificate at all.
    let authority: String
    /// What the engine shows, if it is asked for a certificate.
    let own: Own?
}

/// Where the engine calls a plugin: `unix:///run/plugind/plugind.sock`, `tcp://127.0.0.1:9478`, `https://host:9478`.
///
/// The engine speaks TLS only where it reads `https`.
struct PluginAddress: Hashable, LosslessStringConvertible {
    enum Scheme: String {
        case unix
        case tcp
        case https
    }

    let scheme: Scheme
    /// An absolute path, or a host and a port.
    let rest: String

    init(path: String) {
        scheme = .unix
        rest = path
    }

    init(_ address: ListenAddress, isGuarded: Bool) {
        scheme = isGuarded ? .https : .tcp
        rest = address.description
    }

    init?(_ text: String) {
        let parts = text.split(separator: "://", maxSplits: 1).map(String.init)
        guard parts.count == 2, let scheme = Scheme(rawValue: parts[0]) else { return nil }
        switch scheme {
        case .unix: guard parts[1].hasPrefix("/") else { return nil }
        case .tcp, .https: guard Self.isHostAndPort(parts[1]) else { return nil }
        }
        self.scheme = scheme
        rest = parts[1]
    }

    var description: String { "\(scheme.rawValue)://\(rest)" }

    private static func isHostAndPort(_ text: String) -> Bool {
        if ListenAddress(text) != nil { return true }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let port = UInt16(parts[1]), port > 0, parts[1] == "\(port)" else { return false }
        return !parts[0].isEmpty
            && parts[0].utf8.allSatisfy { byte in
                switch UnicodeScalar(byte) {
                case "a"..."z", "A"..."Z", "0"..."9", "-", ".": true
                default: false
                }
            }
    }
}
