// SPDX-License-Identifier: Apache-2.0

/// The name of a link: what the kernel accepts, less what nobody could type or read.
public struct InterfaceName: Hashable, Sendable {
    public let description: String
}

extension InterfaceName: Comparable {
    public static func < (lhs: InterfaceName, rhs: InterfaceName) -> Bool { lhs.description < rhs.description }
}

extension InterfaceName: StringCodable {
    /// The most bytes in a name: IFNAMSIZ less the terminator.
    public static let maximumLength = 15

    /// Accepts 1 to 15 printable ASCII characters other than space, `/`, `:` and `%`, but not `.` or `..`.
    ///
    /// The kernel's rule is dev_valid_name() in net/core/dev.c. A `%` is refused as well because the kernel takes
    /// such a name for a pattern (dev_alloc_name) and makes a link of another name.
    public init?(_ description: String) {
        let bytes = description.utf8
        guard (1...Self.maximumLength).contains(bytes.count), description != ".", description != "..",
            bytes.allSatisfy({ (0x21...0x7e).contains($0) && !Self.refused.contains($0) })
        else { return nil }
        self.description = description
    }

    private static let refused = Array("/:%".utf8)
}
