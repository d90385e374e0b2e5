// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Logging
import PluginKit
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Wire types")
struct WireTests {
    private static let isOfIPAM: @Sendable (Recording.Exchange) -> Bool = { $0.path.hasPrefix("/IpamDriver.") }
    /// Recordings whose plugin gave, on purpose, a value that the engine refused.
    private static let spoiled = [
        "fail-requestpool-bad-cidr", "fail-requestaddress-gateway-empty", "fail-requestaddress-no-prefix",
    ]

    /// What real engines and a plugin said about addresses, scenario by scenario.
    private static func recordings() throws -> [Recording] {
        try Recording.all.get().filter { $0.exchanges.contains(where: isOfIPAM) }
    }

    @Test func `there are recordings of every method`() throws {
        #expect(try Self.recordings().count > 300)
        let paths = try Recording.exchanges().filter(Self.isOfIPAM).map(\.path)
        #expect(
            Set(paths.map { String($0.dropFirst()) }) == [
                GetCapabilities.name, GetDefaultAddressSpaces.name, RequestPool.name, ReleasePool.name,
                RequestAddress.name, ReleaseAddress.name,
            ])
    }

    @Test(arguments: try recordings())
    func `what an engine sent and accepted is decoded and encoded without loss`(recording: Recording) throws {
        for exchange in recording.exchanges.filter(Self.isOfIPAM) {
            switch exchange.path.dropFirst() {
            case GetCapabilities.name: try check(GetCapabilities.self, exchange)
            case GetDefaultAddressSpaces.name: try check(GetDefaultAddressSpaces.self, exchange)
            case RequestPool.name: try check(RequestPool.self, exchange)
            case ReleasePool.name: try check(ReleasePool.self, exchange)
            case RequestAddress.name: try check(RequestAddress.self, exchange)
            case ReleaseAddress.name: try check(ReleaseAddress.self, exchange)
            default: Issue.record("\(exchange.path) is not served")
            }
        }
    }

    private func check<Method: PluginMethod & Encodable>(_ method: Method.Type, _ exchange: Recording.Exchange) throws
    where Method.Reply: Codable {
        if let request = exchange.request {
            let again = try JSONValue(encoding: request.decoded(as: method))
            #expect(again.withoutEmpty == request.withoutEmpty)
        }
        guard exchange.isSuccess, let reply = exchange.response,
            !Self.spoiled.contains(where: { exchange.scenario.hasSuffix("-\($0)") })
        else { return }
        let again = try JSONValue(encoding: reply.decoded(as: Method.Reply.self))
        #expect(again.withoutEmpty == reply.withoutEmpty)
    }

    @Test(arguments: [
        (RequestPool.name, "", "the request body is empty"),
        (RequestPool.name, "{}", "AddressSpace"),
        (RequestPool.name, #"{"AddressSpace": 1}"#, "AddressSpace"),
        (RequestPool.name, #"{"AddressSpace": ""}"#, "address space ‘’"),
        (RequestPool.name, #"{"AddressSpace": "plugind-local", "Pool": "10.0.0.0"}"#, "Pool: ‘10.0.0.0’"),
        (RequestPool.name, #"{"AddressSpace": "plugind-local", "Pool": "10.0.0.0/33"}"#, "Pool: ‘10.0.0.0/33’"),
        (RequestPool.name, #"{"AddressSpace": "plugind-local", "SubPool": "x"}"#, "SubPool: ‘x’"),
        (RequestPool.name, #"{"AddressSpace": "plugind-local", "V6": "yes"}"#, "V6"),
        (RequestPool.name, #"{"AddressSpace": "plugind-local", "Options": {"k": 1}}"#, "Options.k"),
        (RequestPool.name, #"{"AddressSpace": "plugind-local", "Options": []}"#, "Options"),
        (ReleasePool.name, "{}", "PoolID"), (ReleasePool.name, #"{"PoolID": ""}"#, "PoolID: ‘’"),
        (ReleasePool.name, #"{"PoolID": null}"#, "PoolID"),
        (RequestAddress.name, #"{"Address": "10.0.0.1"}"#, "PoolID"),
        (RequestAddress.name, #"{"PoolID": "p", "Address": "10.0.0.1/24"}"#, "Address: ‘10.0.0.1/24’"),
        (RequestAddress.name, #"{"PoolID": "p", "Address": "10.0.0.01"}"#, "Address: ‘10.0.0.01’"),
        (ReleaseAddress.name, #"{"PoolID": "p"}"#, "Address"),
        (ReleaseAddress.name, #"{"PoolID": "p", "Address": ""}"#, "Address: ‘’"),
        (ReleaseAddress.name, #"["p"]"#, ""), (ReleaseAddress.name, "{", ""), (ReleaseAddress.name, "null", ""),
    ])
    func `a malformed request is answered 400 with the name of the field`(method: String, body: String, words: String)
        async throws
    {
        let reply = await table(try IPAM.make()).answer(path: "/\(method)", body: Array(body.utf8))
        #expect(reply.status == 400)
        let object = try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: String]
        let text = try #require(object?["Error"])
        #expect(words.isEmpty || text.contains(words), "\(text)")
    }

    @Test func `absent, null and empty fields are the same`() async throws {
        let ipam = try IPAM.make()
        let table = table(ipam)
        for body in [
            #"{"AddressSpace":"plugind-local"}"#,
            #"{"AddressSpace":"plugind-local","Pool":null,"SubPool":null,"Options":null,"V6":null}"#,
            #"{"AddressSpace":"plugind-local","Pool":"","SubPool":"","Options":{},"V6":false,"New":[1]}"#,
        ] {
            let reply = await table.answer(path: "/IpamDriver.RequestPool", body: Array(body.utf8))
            #expect(reply.status == 200)
        }
    }

    @Test func `a network's life on the wire`() async throws {
        let ipam = try IPAM.make()
        let table = table(ipam)
        func send(_ method: String, _ body: String = "") async -> String {
            let reply = await table.answer(path: "/IpamDriver.\(method)", body: Array(body.utf8))
            return "\(reply.status) " + String(decoding: reply.body, as: UTF8.self)
        }
        #expect(await send("GetCapabilities") == #"200 {"RequiresMACAddress":false,"RequiresRequestReplay":false}"#)
        #expect(
            await send("GetDefaultAddressSpaces")
                == #"200 {"GlobalDefaultAddressSpace":"plugind-global","LocalDefaultAddressSpace":"plugind-local"}"#)
        #expect(
            await send(
                "RequestPool",
                #"{"AddressSpace":"plugind-local","Pool":"172.30.0.0/24","SubPool":"","Options":{},"V6":false}"#)
                == #"200 {"Data":{},"Pool":"172.30.0.0/24","PoolID":"plugind-local/172.30.0.0/24"}"#)
        let pool = #""PoolID":"plugind-local/172.30.0.0/24""#
        #expect(
            await send(
                "RequestAddress",
                "{\(pool),\"Address\":\"\",\"Options\":{\"RequestAddressType\":\"com.docker.network.gateway\"}}")
                == #"200 {"Address":"172.30.0.1/24","Data":{}}"#)
        #expect(
            await send(
                "RequestAddress",
                "{\(pool),\"Address\":\"\",\"Options\":{\"com.docker.network.endpoint.name\":\"c1\"}}")
                == #"200 {"Address":"172.30.0.2/24","Data":{}}"#)
        let taken =
            "address 172.30.0.2 of pool plugind-local/172.30.0.0/24 is taken: container c1 has it "
            + "since 2027-01-15 08:00:00 UTC"
        #expect(
            await send("RequestAddress", "{\(pool),\"Address\":\"172.30.0.2\",\"Options\":null}")
                == "409 {\"Err\":\"\(taken)\",\"Error\":\"\(taken)\"}")
        #expect(await send("ReleaseAddress", "{\(pool),\"Address\":\"172.30.0.2\"}") == "200 {}")
        #expect(await send("ReleaseAddress", "{\(pool),\"Address\":\"172.30.0.1\"}") == "200 {}")
        #expect(await send("ReleasePool", "{\(pool)}") == "200 {}")
        #expect(await send("ReleasePool", "{\(pool)}") == "200 {}")
    }

    @Test func `recorded sessions can be played, each call twice, without an internal error or a leftover`()
        async throws
    {
        for recording in try Self.recordings() {
            let store = FakeStore()
            let table = table(try IPAM.make(store: store))
            var pools: Set<String> = []
            for exchange in recording.exchanges.filter(Self.isOfIPAM) {
                let body = try bodyForPlugind(of: exchange)
                for _ in 0..<2 {
                    let reply = await table.answer(path: exchange.path, body: body)
                    // Only a request whose body was lost is malformed.
                    let isLost = exchange.request == nil && exchange.path.hasPrefix("/IpamDriver.Re")
                    #expect(isLost ? reply.status == 400 : [200, 409].contains(reply.status), "\(recording.name)")
                }
                pools.formUnion(store.state.pools.map(\.id))
            }
            for pool in pools {
                let reply = await table.answer(
                    path: "/IpamDriver.ReleasePool", body: Array(try JSONEncoder().encode(["PoolID": pool])))
                #expect(reply.status == 200)
            }
            #expect(store.state.pools.isEmpty && store.state.addresses.isEmpty, "\(recording.name)")
            #expect(store.violations.isEmpty, "\(recording.name)")
        }
    }

    /// A request with plugind's address spaces; the recorder's were called `<its name>-local` and `-global`.
    private func bodyForPlugind(of exchange: Recording.Exchange) throws -> [UInt8] {
        guard var request = exchange.request else { return [] }
        if case .object(var members) = request, case .string(let space)? = members["AddressSpace"],
            let scope = space.split(separator: "-").last
        {
            members["AddressSpace"] = .string("plugind-\(scope)")
            request = .object(members)
        }
        return Array(try JSONEncoder().encode(request))
    }

    private func table(_ ipam: IPAM) -> MethodTable {
        var table = MethodTable(logger: .silent) { error in
            (error as? IPAMError).map { .init(status: $0.isBadRequest ? 400 : 409, text: $0.description) }
        }
        ipam.register(in: &table)
        return table
    }
}
