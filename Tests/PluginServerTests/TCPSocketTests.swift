// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import PluginServer

@Suite("TCP socket")
struct TCPSocketTests {
    @Test(arguments: ["127.0.0.1:9477", "[::1]:9477", "0.0.0.0:1", "[::]:65535"])
    func `an address reads as it is written`(text: String) {
        #expect(ListenAddress(text)?.description == text)
    }

    @Test(arguments: [
        "", "9477", ":9477", "*:9477", "localhost:9477", "::1:9477", "[127.0.0.1]:1", "[::1]", "10.0.0.1", "10.0.0.1:0",
        "10.0.0.1:01", "10.0.0.1:+1", "10.0.0.1:65536",
    ])
    func `what is no address with a port is none`(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(arguments: ["127.0.0.1", "::1"]) func `an address has one owner, until it lets go`(host: String) throws {
        let any = ListenAddress(address: try #require(IPAddress(host)), port: 0)
        var first: TCPSocket? = try TCPSocket(any)
        let address = try #require(first?.address)
        #expect(address.port != 0)
        let error = #expect(throws: SocketError.self) { try TCPSocket(address) }
        #expect(error?.description == "cannot listen on \(address): Address already in use")
        first = nil
        _ = try TCPSocket(address)
    }
}
