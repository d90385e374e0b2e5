// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// What an address is kept for: a container, by its name, or a link, by its MAC address.
public enum Identity: Hashable, Sendable, CustomStringConvertible {
    case name(String)
    case mac(MACAddress)

    /// Takes a MAC address, or else a container's name: letters, digits, `_`, `.` and `-`, of which the first is a
    /// letter or a digit (moby `daemon/names`). No text is both, since a name has no colon.
    ///
    /// Fails for the MAC addresses that no link can have: zero, and those of groups.
    public init?(_ text: String) {
        if let mac = MACAddress(text) {
            guard !mac.isMulticast, mac.bytes.contains(where: { $0 != 0 }) else { return nil }
            self = .mac(mac)
        } else {
            guard text.isContainerName else { return nil }
            self = .name(text)
        }
    }

    /// The name or the MAC address alone, as `init` takes it.
    public var text: String {
        switch self {
        case .name(let name): name
        case .mac(let mac): mac.description
        }
    }

    /// `container web` or `MAC address 02:11:22:33:44:55`, for sentences.
    public var description: String {
        switch self {
        case .name(let name): "container \(name)"
        case .mac(let mac): "MAC address \(mac)"
        }
    }
}

extension String {
    fileprivate var isContainerName: Bool {
        guard let first = utf8.first, first.isLetterOrDigit else { return false }
        return utf8.allSatisfy { $0.isLetterOrDigit || "_.-".utf8.contains($0) }
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        switch UnicodeScalar(self) {
        case "a"..."z", "A"..."Z", "0"..."9": true
        default: false
        }
    }
}
