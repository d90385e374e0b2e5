// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Control

@Suite("Paths of the control API")
struct PathTests {
    private let pools = PathPattern("/v1/pools")
    private let pool = PathPattern("/v1/pools/{id}")

    @Test func `a path is matched as a whole`() {
        #expect(pools.match("/v1/pools") == [:])
        for other in ["", "/", "v1/pools", "/v1", "/v1/pools/", "//v1/pools", "/v1/Pools", "/v2/pools", "/v1/pools/a"] {
            #expect(pools.match(other) == nil, "\(other)")
        }
    }

    @Test func `a parameter is one segment, decoded`() {
        #expect(pool.match("/v1/pools/a") == ["id": "a"])
        #expect(pool.match("/v1/pools/plugind-local%2F10.0.0.0%2f24") == ["id": "plugind-local/10.0.0.0/24"])
        #expect(pool.match("/v1/%70ools/a") == ["id": "a"])
        for other in ["/v1/pools", "/v1/pools/", "/v1/pools/a/b", "/v1/pools/%", "/v1/pools/%2", "/v1/pools/%zz"] {
            #expect(pool.match(other) == nil, "\(other)")
        }
    }

    @Test func `what is not UTF-8 is no segment`() {
        #expect(pool.match("/v1/pools/%ff") == nil)
        #expect(pool.match("/v1/pools/%C3%A4") == ["id": "ä"])
    }

    @Test(arguments: ["plugind-local/fd00::/64", "ä b%c?#", "-._~", "a+b"])
    func `what is encoded is decoded to the same`(text: String) {
        #expect(String(percentEncoded: text.percentEncoded[...]) == text)
        #expect(pool.match("/v1/pools/\(text.percentEncoded)") == ["id": text])
    }

    @Test func `all but unreserved characters are encoded`() {
        #expect("a-Z.9_~".percentEncoded == "a-Z.9_~")
        #expect("a/b:c%ä".percentEncoded == "a%2Fb%3Ac%25%C3%A4")
    }
}
