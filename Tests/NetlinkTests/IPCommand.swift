// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A link in the output of `ip -d -j link`.
struct IPLink: Decodable, Equatable {
    struct Info: Decodable, Equatable {
        struct Data: Decodable, Equatable {
            var stpState: Int?
            var groupAddr: String?
        }
        var infoKind: String?
        var infoData: Data?
    }
    var ifindex: Int32
    var ifname: String
    var mtu: UInt32
    var address: String?
    var master: String?
    var link: String?
    var ifalias: String?
    var group: String
    var flags: [String]
    var linkinfo: Info?
}

/// An address in the output of `ip -j address`.
struct IPAddressInfo: Decodable, Equatable {
    var local: String
    var prefixlen: Int
    var nodad: Bool?
    var tentative: Bool?
}

private struct IPAddresses: Decodable {
    var addrInfo: [IPAddressInfo]
}

/// A route in the output of `ip -j route`.
struct IPRoute: Decodable, Equatable {
    var dst: String
    var gateway: String?
    var dev: String?
    var protocolName: String?

    enum CodingKeys: String, CodingKey {
        case dst, gateway, dev
        case protocolName = "protocol"
    }
}

/// The host's own view of the kernel, to check ours against.
enum IPCommand {
    static func links() throws -> [IPLink] {
        var links: [IPLink] = try decode(["-d", "-j", "link", "show"])
        for index in links.indices {
            // The kernel finds out about carriers in its own time.
            links[index].flags.removeAll { ["NO-CARRIER", "LOWER_UP", "M-DOWN"].contains($0) }
        }
        return links
    }

    static func link(_ name: String) throws -> IPLink? { try links().first { $0.ifname == name } }

    /// The global addresses of a link; those that the kernel makes itself are left out.
    static func addresses(of name: String) throws -> [IPAddressInfo] {
        let links: [IPAddresses] = try decode(["-j", "address", "show", "dev", name, "scope", "global"])
        // ip prints an empty object for what it leaves out.
        return links.flatMap(\.addrInfo)
    }

    static func routes(_ family: String, table: String = "main") throws -> [IPRoute] {
        try decode([family, "-j", "route", "show", "table", table])
    }

    @discardableResult
    static func run(_ arguments: [String]) throws -> Data {
        try HostCommand.run("ip \(arguments.joined(separator: " "))")
    }

    private static func decode<Element: Decodable>(_ arguments: [String]) throws -> [Element] {
        let data = try run(arguments)
        // ip prints nothing at all for an empty routing table.
        guard !data.allSatisfy({ $0 == UInt8(ascii: "\n") }) else { return [] }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode([Element].self, from: data)
    }
}
