// SPDX-License-Identifier: Apache-2.0

import Addressing
import PluginServer

/// How the listener over TCP is guarded.
struct TLSSettings: Hashable, Sendable {
    /// Paths of files; nil is `off`.
    var certificate: String?
    var key: String?
    var clientCA: String?
    var clientAuth = ClientAuth.required

    /// Whether a client needs a certificate.
    enum ClientAuth: String, CaseIterable {
        case required
        /// Whoever reaches the address is answered.
        case off
    }

    /// The files to serve with; nil is plain TCP.
    var files: TLSFiles? {
        guard let certificate, let key else { return nil }
        return TLSFiles(certificate: certificate, key: key, clientCA: clientCA)
    }

    /// Throws unless the settings go together, and are enough for `address`. `sources` is where they come from.
    func check(for address: ListenAddress?, from sources: ConfigurationSources) throws(ConfigurationError) {
        try checkPairs(from: sources)
        guard let address, !address.address.isLoopback else { return }
        if certificate == nil {
            throw sources.refused(
                .tcpAddress,
                "is not an address of the loopback, and only those are served without TLS: set tls-certificate, tls-key "
                    + "and tls-client-ca, or an address such as 127.0.0.1:\(address.port)")
        }
        if clientAuth == .off {
            throw sources.refused(
                .tlsClientAuth,
                "is for the loopback alone: whoever reaches \(address) could change the host's network; set "
                    + "tls-client-ca, or an address such as 127.0.0.1:\(address.port)")
        }
    }

    private func checkPairs(from sources: ConfigurationSources) throws(ConfigurationError) {
        switch (certificate, key) {
        case (_?, nil): throw sources.refused(.tlsCertificate, "has no key: set tls-key, too")
        case (nil, _?): throw sources.refused(.tlsKey, "has no certificate: set tls-certificate, too")
        case (nil, nil):
            guard clientCA == nil else {
                throw sources.refused(.tlsClientCA, "is of no use without TLS: set tls-certificate and tls-key, too")
            }
        case (_?, _?): try checkClients(from: sources)
        }
    }

    private func checkClients(from sources: ConfigurationSources) throws(ConfigurationError) {
        switch clientAuth {
        case .required where clientCA == nil:
            throw sources.refused(
                .tlsCertificate,
                "is not enough: set tls-client-ca, by which the engine is known, or tls-client-auth to off, which "
                    + "answers whoever reaches the address")
        case .off where clientCA != nil:
            throw sources.refused(
                .tlsClientAuth, "asks no client for a certificate, and tls-client-ca is set: leave out one of them")
        case .required, .off: break
        }
    }
}

extension TLSError {
    /// The error with the setting that names the file.
    var configurationError: ConfigurationError {
        let key: Configuration.Key =
            switch part {
            case .certificate: .tlsCertificate
            case .key: .tlsKey
            case .clientCA: .tlsClientCA
            }
        return ConfigurationError("\(key.rawValue): \(self)")
    }
}

extension ConfigurationSources {
    /// The refusal of what is said of a setting; `reason` goes on after it.
    fileprivate func refused(_ key: Configuration.Key, _ reason: String) -> ConfigurationError {
        self[key]?.refused(reason) ?? ConfigurationError("\(key.rawValue) \(reason)")
    }
}
