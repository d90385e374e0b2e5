// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Testing

@testable import Garbage

@Suite("Which pools the engine may have")
struct EngineViewTests {
    private func view(_ subnets: String...) throws -> EngineView {
        var view = EngineView()
        view.subnets = Set(try subnets.map { try #require(Prefix($0)) })
        return view
    }

    @Test func `a subnet is that pool, or any that it overlaps`() throws {
        let view = try view("10.0.0.0/24", "fd00::/64")
        for pool in ["10.0.0.0/24", "10.0.0.0/8", "10.0.0.64/26", "fd00::/48"] {
            #expect(view.mayHave(try #require(Prefix(pool))), "\(pool)")
        }
        for pool in ["10.0.1.0/24", "fd00:0:0:1::/64"] { #expect(!view.mayHave(try #require(Prefix(pool))), "\(pool)") }
    }

    @Test func `a subnet that the user asked for by size may be any pool of that size`() throws {
        let view = try view("0.0.0.0/27", "::/64")
        for pool in ["172.17.0.32/27", "10.0.0.0/27", "fd00:0:0:7::/64"] {
            #expect(view.mayHave(try #require(Prefix(pool))), "\(pool)")
        }
        for pool in ["172.17.0.0/24", "172.17.0.0/28", "fd00::/80"] {
            #expect(!view.mayHave(try #require(Prefix(pool))), "\(pool)")
        }
    }

    @Test func `a pool with an address that the engine knows is known`() throws {
        var view = EngineView()
        view.addresses = [try #require(IPAddress("172.17.0.5"))]
        #expect(view.mayHave(try #require(Prefix("172.17.0.0/27"))))
        #expect(!view.mayHave(try #require(Prefix("172.17.0.32/27"))))
    }

    @Test func `the engine's answer may have a size where the subnet is`() throws {
        let answer = """
            {"Id": "09dff9c378bc2a0e5bfce0e509dff9c378bc2a0e5bfce0e509dff9c378bc2a0e",
             "IPAM": {"Config": [{"Subnet": "0.0.0.0/27"}]}}
            """
        var view = EngineView()
        try view.add(try JSONDecoder().decode(EngineNetwork.self, from: Data(answer.utf8)))
        #expect(view.mayHave(try #require(Prefix("172.17.0.96/27"))))
        #expect(!view.mayHave(try #require(Prefix("172.17.0.0/24"))))
    }
}
