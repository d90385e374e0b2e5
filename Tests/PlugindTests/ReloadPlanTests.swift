// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import plugind

@Suite("What a reload changes")
struct ReloadPlanTests {
    /// Each setting with two values; lists are files' alone.
    private static let values: [Configuration.Key: (String, String)] = [
        .name: ("plugind", "other"), .pluginDirectory: ("/run/docker/plugins", "/run/others"),
        .tcpAddress: ("off", "127.0.0.1:9478"), .stateDirectory: ("/var/lib/plugind", "/srv"),
        .controlSocket: ("/run/plugind/control.sock", "off"), .metricsAddress: ("off", "127.0.0.1:9477"),
        .tlsCertificate: ("/a/server.pem", "/b/server.pem"), .tlsKey: ("/a/key.pem", "/b/key.pem"),
        .tlsClientCA: ("/a/ca.pem", "/b/ca.pem"),
        .logLevel: ("info", "debug"), .logFormat: ("text", "json"), .garbageMode: ("report", "on"),
        .garbageGrace: ("10m", "1h"), .engineSocket: ("off", "/run/docker.sock"), .attach: ("move", "direct"),
        .publish: ("direct", "respect-host"),
        .sticky: ("1d", "forever"), .quarantine: ("1m", "off"), .order: ("lru", "random"), .macClaims: ("off", "on"),
        .forbiddenPools: ("[10.0.0.0/8, 'fd00::/8']", "[10.0.0.0/8, 192.168.0.0/16]"),
        .defaultPools: ("[{base: 10.0.0.0/8, size: 24}]", "[{base: 11.0.0.0/8, size: 24}]"),
        .reservations: ("[{name: web, address: 10.0.0.5}]", "[{name: db, address: 10.0.0.5}]"),
    ]
    /// What TLS needs to make sense, where it is not what changes.
    private static let tls = [
        "tls-certificate": "/a/server.pem", "tls-key": "/a/key.pem", "tls-client-ca": "/a/ca.pem",
    ]

    private static func with(_ key: Configuration.Key, _ value: String) throws -> Configuration {
        var settings = "\(key)".hasPrefix("tls") ? tls : [:]
        settings[key.rawValue] = value
        return try PlugindTests.configuration(of: settings.map { "\($0): \($1)\n" }.joined())
    }

    @Test func `the same configuration changes nothing`() throws {
        let text = Self.values.filter { !"\($0.key)".hasPrefix("tls") }.map { "\($0.key.rawValue): \($0.value.1)\n" }
        let one = try configuration(of: text.joined())
        #expect(one.changes(to: one) == [] && one.taking(one) == one)
    }

    /// The one that is left out goes together with another one only.
    @Test(arguments: Configuration.Key.allCases.filter { $0 != .tlsClientAuth })
    func `each setting is taken, or waits`(key: Configuration.Key) throws {
        let (before, after) = try #require(Self.values[key])
        let (old, new) = try (Self.with(key, before), Self.with(key, after))
        let changes = old.changes(to: new)
        #expect(changes.map(\.key) == [key])
        let next = old.taking(new)
        #expect(next == (key.isLive ? new : old))
        // What waits still waits the next time.
        #expect(next.changes(to: new).map(\.key) == (key.isLive ? [] : [key]))
    }

    @Test(arguments: [
        (Configuration.Key.forbiddenPools, "fd00::/8", "192.168.0.0/16"), (.sticky, "1d", "forever"),
        (.reservations, "{name: web, address: 10.0.0.5}", "{name: db, address: 10.0.0.5}"),
        (.metricsAddress, "off", "127.0.0.1:9477"),
    ])
    func `a change is told in words, of lists what went and what came`(
        key: Configuration.Key, from: String, to: String
    ) throws {
        let (before, after) = try #require(Self.values[key])
        let changes = try Self.with(key, before).changes(to: Self.with(key, after))
        // Colons are quoted in lists.
        #expect(changes.map { $0.from.replacing("\"", with: "") } == [from])
        #expect(changes.map(\.to).map { $0.replacing("\"", with: "") } == [to])
    }

    @Test func `a list that is empty or in another order is told as a whole`() throws {
        let (none, one, other) = try (
            configuration(of: ""), configuration(of: "forbidden-pools: [10.0.0.0/8, 11.0.0.0/8]"),
            configuration(of: "forbidden-pools: [11.0.0.0/8, 10.0.0.0/8]")
        )
        #expect(none.changes(to: one).map(\.from) == ["none"])
        #expect(none.changes(to: one).map(\.to) == ["10.0.0.0/8, 11.0.0.0/8"])
        #expect(one.changes(to: other).map(\.from) == ["10.0.0.0/8, 11.0.0.0/8"])
        #expect(one.changes(to: other).map(\.to) == ["11.0.0.0/8, 10.0.0.0/8"])
    }

    @Test func `whether clients need certificates is taken with their CA`() throws {
        let pair = "tls-certificate: /a/server.pem\ntls-key: /a/key.pem\n"
        let old = try configuration(of: pair + "tls-client-ca: /a/ca.pem")
        let new = try configuration(of: pair + "tls-client-auth: off")
        #expect(old.changes(to: new).map(\.key) == [.tlsClientCA, .tlsClientAuth])
        #expect(old.taking(new) == new)
    }

    @Test func `where others than the host can call, clients go on to need certificates until the next start`() throws {
        let pair = "tls-certificate: /a/server.pem\ntls-key: /a/key.pem\n"
        let old = try configuration(of: pair + "tcp-address: 0.0.0.0:9478\ntls-client-ca: /a/ca.pem")
        for address in ["127.0.0.1:9478", "off"] {
            let new = try configuration(of: pair + "tcp-address: \(address)\ntls-client-auth: off")
            let next = old.taking(new)
            #expect(next.tcpAddress == old.tcpAddress)
            #expect(next.tls == old.tls)
        }
    }

    @Test func `a listener has TLS, or has not, until the next start`() throws {
        let files = Self.tls.map { "\($0): \($1)\n" }.joined()
        let (without, with) = try (configuration(of: ""), configuration(of: files))
        #expect(without.taking(with) == without && with.taking(without) == with)
        #expect(without.changes(to: with).map(\.key) == [.tlsCertificate, .tlsKey, .tlsClientCA])
    }
}
