// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import PluginKit
import TestSupport

/// The recorded sessions, as inputs to begin with.
enum Seeds {
    /// No input is longer: see `scripts/fuzz.sh`.
    private static let longest = 1536

    static func write(into directory: String) throws {
        for (name, body) in extremes {
            let input = Data("/NetworkDriver.CreateNetwork \(body)\n/NetworkDriver.Join \(body)\n".utf8)
            try input.write(to: URL(filePath: directory).appending(path: name))
        }
        for recording in try Recording.all.get() {
            var input = Data()
            var known: Set<String> = []
            for exchange in recording.exchanges {
                var lines = Data()
                for line in try preparations(for: exchange, besides: &known) + [line(of: exchange)] { lines += line }
                guard input.count + lines.count <= longest else { break }
                input += lines
            }
            try input.write(to: URL(filePath: directory).appending(path: recording.name))
        }
    }

    /// What no engine sends and no small change comes to.
    private static let extremes = [
        "deep-lists": #"{"NetworkID":"n","Options":{"o":"# + String(repeating: "[", count: 600),
        "deep-lists-closed": #"{"NetworkID":"n","Options":{"o":"# + String(repeating: "[", count: 300)
            + String(repeating: "]", count: 300) + "}}",
        "deep-objects": #"{"NetworkID":"n","Options":"# + String(repeating: #"{"":"#, count: 150) + "1e999",
        "long-number": #"{"NetworkID":"n","Options":{"com.docker.network.portmap":[{"Proto":6,"Port":"#
            + String(repeating: "9", count: 500) + "}]}}",
        "equal-keys": #"{"NetworkID":"n","Options":{"\u00e9":1,"e\u0301":2,"\u00e9":3},"NetworkID":"m"}"#,
    ]

    private static func line(of exchange: Recording.Exchange) throws -> Data {
        guard case .object(var members)? = exchange.request else { return Data("\(exchange.path)\n".utf8) }
        // A pool that the recording plugin chose is asked for by its name, so that the rest of the session is about it.
        if members["Pool"] == .string(""), case .object(let reply)? = exchange.response, let pool = reply["Pool"] {
            members["Pool"] = pool
        }
        return try line(exchange.path, members)
    }

    private static func line(_ path: String, _ members: [String: JSONValue]) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let body = String(decoding: try encoder.encode(members), as: UTF8.self)
        // The recording plugin's address spaces are `recorder-local` and `recorder-global`. Of an id, only the first twelve
        // digits go into names; the rest would be most of the session.
        let text = body.replacing("recorder-", with: "plugind-").replacing(/([0-9a-f]{12})[0-9a-f]{52}/) { $0.1 }
        return Data("\(path) \(text)\n".utf8)
    }

    /// What was there before the recording began: the pool, and a network that takes any address.
    private static func preparations(
        for exchange: Recording.Exchange, besides known: inout Set<String>
    ) throws -> [Data] {
        guard case .object(let members)? = exchange.request else { return [] }
        var lines: [Data] = []
        if exchange.path == "/IpamDriver.RequestPool", case .object(let reply)? = exchange.response,
            case .string(let id)? = reply["PoolID"]
        {
            known.insert(id)
        }
        if case .string(let id)? = members["PoolID"], known.insert(id).inserted {
            let parts = id.split(separator: "/", maxSplits: 1).map(String.init)
            if parts.count == 2 {
                lines.append(
                    try line(
                        "/IpamDriver.RequestPool",
                        [
                            "AddressSpace": .string(parts[0]), "Pool": .string(parts[1]),
                            "V6": .bool(parts[1].contains(":")),
                        ]))
            }
        }
        if case .string(let id)? = members["NetworkID"], known.insert(id).inserted,
            exchange.path != "/NetworkDriver.CreateNetwork"
        {
            lines.append(try line("/NetworkDriver.CreateNetwork", ["NetworkID": .string(id)]))
        }
        return lines
    }
}
