// SPDX-License-Identifier: Apache-2.0

/// The files that a listener with TLS needs, in PEM form.
public struct TLSFiles: Hashable, Sendable {
    /// The listener's own certificate, and after it those between it and its CA, if there are any.
    public var certificate: String
    /// The private key of the first certificate, not encrypted.
    public var key: String
    /// The CAs one of which must have signed a client's certificate; nil asks no client for one.
    public var clientCA: String?

    public init(certificate: String, key: String, clientCA: String?) {
        self.certificate = certificate
        self.key = key
        self.clientCA = clientCA
    }

    /// Which of the files.
    public enum Part: Hashable, Sendable {
        case certificate
        case key
        case clientCA
    }
}

/// Why one of the files of TLS cannot be used.
public struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    public let part: TLSFiles.Part
    /// For people: the path, and what is wrong with the file.
    public let description: String

    init(_ part: TLSFiles.Part, _ description: String) {
        self.part = part
        self.description = description
    }
}
