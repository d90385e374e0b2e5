// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NetDriver
import PluginKit
import TestSupport
import Testing

/// Every recorded exchange of three engine versions (20.10.24, 28.5.2 and 29 as of August 2026) with a network driver.
@Suite("Network driver's wire types against recordings")
struct WireTests {
    /// A method and how many of its requests and of its accepted replies there are in the recordings.
    struct Coverage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let requests: Int
        let replies: Int
        let checkRequests: @Sendable () throws -> Int
        let checkReplies: @Sendable () throws -> Int

        init<Method: PluginMethod & Encodable>(_ method: Method.Type, requests: Int, replies: Int)
        where Method.Reply: Codable {
            testDescription = Method.name
            self.requests = requests
            self.replies = replies
            checkRequests = { try WireTests.checkRequests(of: method) }
            checkReplies = { try WireTests.checkReplies(of: method) }
        }
    }

    static let methods = [
        Coverage(GetCapabilities.self, requests: 0, replies: 209),
        Coverage(GwAllocCheck.self, requests: 6, replies: 6),
        Coverage(CreateNetwork.self, requests: 284, replies: 260),
        Coverage(DeleteNetwork.self, requests: 268, replies: 265),
        Coverage(CreateEndpoint.self, requests: 354, replies: 342),
        Coverage(DeleteEndpoint.self, requests: 332, replies: 326),
        Coverage(EndpointOperInfo.self, requests: 459, replies: 453),
        Coverage(Join.self, requests: 339, replies: 322),
        Coverage(Leave.self, requests: 326, replies: 320),
        Coverage(ProgramExternalConnectivity.self, requests: 296, replies: 290),
        Coverage(RevokeExternalConnectivity.self, requests: 270, replies: 264),
        Coverage(AllocateNetwork.self, requests: 9, replies: 9),
        Coverage(FreeNetwork.self, requests: 6, replies: 6),
        Coverage(DiscoverNew.self, requests: 12, replies: 12),
        // No recording has a node leave a swarm.
        Coverage(DiscoverDelete.self, requests: 0, replies: 0),
    ]

    /// Recordings whose plugin gave, on purpose, a value that no engine accepts, and the method it answered so.
    private static let refusedReplies = [
        "caps-invalid-scope": GetCapabilities.name,
        "fail-createendpoint-bad-mac": CreateEndpoint.name,
        "fail-join-bad-gateway": Join.name,
        "fail-join-bad-route": Join.name,
    ]

    @Test(arguments: methods)
    func `every recorded request is decoded and encoded again without loss`(method: Coverage) throws {
        #expect(try method.checkRequests() == method.requests)
    }

    @Test(arguments: methods)
    func `every recorded reply that an engine accepted is one we can give`(method: Coverage) throws {
        #expect(try method.checkReplies() == method.replies)
    }

    @Test func `every recorded method of a network driver is covered`() throws {
        let recorded = Set(try Recording.exchanges().map(\.path).filter { $0.hasPrefix("/NetworkDriver.") })
        #expect(recorded.subtracting(Self.methods.map { "/\($0.testDescription)" }) == [])
    }

    @Test func `replies that engines refuse cannot be said`() throws {
        let refused = try Recording.exchanges().filter { Self.isRefused($0) }
        #expect(refused.count == 12)
        for exchange in refused {
            let reply = try #require(exchange.response)
            switch exchange.path {
            case "/\(GetCapabilities.name)":
                #expect(throws: DecodingError.self) { try reply.decoded(as: GetCapabilities.Reply.self) }
            case "/\(CreateEndpoint.name)":
                #expect(throws: DecodingError.self) { try reply.decoded(as: CreateEndpoint.Reply.self) }
            default:
                #expect(throws: DecodingError.self) { try reply.decoded(as: Join.Reply.self) }
            }
        }
    }

    @Test func `a request repeated with an empty body is refused by name of its first field`() async throws {
        let empty = try Recording.exchanges().filter {
            $0.request == nil && $0.path.hasPrefix("/NetworkDriver.") && $0.path != "/\(GetCapabilities.name)"
        }
        #expect(empty.map(\.path) == Array(repeating: "/\(CreateEndpoint.name)", count: 3))
        var table = MethodTable(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, explain: { _ in nil })
        table.on(CreateEndpoint.self) { _ in CreateEndpoint.Reply() }
        let reply = await table.answer(path: empty[0].path, body: [])
        #expect(reply.status == 400)
        #expect(
            String(decoding: reply.body, as: UTF8.self).contains(
                "NetworkDriver.CreateEndpoint: the request body is empty; field NetworkID is missing"))
    }

    private static func isRefused(_ exchange: Recording.Exchange) -> Bool {
        refusedReplies.contains { exchange.scenario.hasSuffix("-\($0)") && exchange.path == "/\($1)" }
            && exchange.isSuccess
    }

    private static func checkRequests<Method: PluginMethod & Encodable>(of method: Method.Type) throws -> Int {
        let requests = try Recording.exchanges(of: method).compactMap { exchange in
            exchange.request.map { ($0, exchange.scenario) }
        }
        for (request, scenario) in requests {
            let again = try JSONValue(encoding: request.decoded(as: method))
            #expect(again.withoutEmpty == request.withoutEmpty, "\(scenario)")
        }
        return requests.count
    }

    private static func checkReplies<Method: PluginMethod>(of method: Method.Type) throws -> Int
    where Method.Reply: Decodable {
        let accepted = try Recording.exchanges(of: method).filter { $0.isSuccess && !isRefused($0) }
        for exchange in accepted {
            let reply = try #require(exchange.response)
            let again = try JSONValue(encoding: reply.decoded(as: Method.Reply.self))
            #expect(again.withoutEmpty == reply.withoutLinkTarget.withoutEmpty, "\(exchange.scenario)")
        }
        return accepted.count
    }
}

extension JSONValue {
    /// Without `InterfaceName.DstName`, which engines decode and ignore, so that we do not say it.
    fileprivate var withoutLinkTarget: JSONValue {
        guard case .object(var members) = self, case .object(var link)? = members["InterfaceName"] else {
            return self
        }
        link["DstName"] = nil
        members["InterfaceName"] = .object(link)
        return .object(members)
    }
}
