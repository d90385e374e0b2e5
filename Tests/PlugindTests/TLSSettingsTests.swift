// SPDX-License-Identifier: Apache-2.0

import PluginServer
import Testing

@testable import plugind

@Suite("Settings of the listener over TCP")
struct TLSSettingsTests {
    private static let files = "tls-certificate: /c\ntls-key: /k\n"

    @Test func `nothing is served over TCP where nothing is said`() throws {
        let configuration = try configuration(of: "")
        #expect(configuration.tcpAddress == nil)
        #expect(configuration.tls.files == nil)
        #expect(configuration.pluginSocket == "/run/docker/plugins/plugind.sock")
    }

    @Test(arguments: ["127.0.0.1:9478", "127.9.9.9:1", "[::1]:9478"]) func `the loopback needs no TLS`(address: String)
        throws
    {
        let configuration = try configuration(of: "plugin-dir: off\ntcp-address: '\(address)'")
        #expect(configuration.tcpAddress?.description == address)
        #expect(configuration.tls.files == nil)
        #expect(configuration.pluginSocket == "tcp://\(address)")
    }

    @Test(arguments: ["192.0.2.1:9478", "0.0.0.0:9478", "[::]:9478", "[2001:db8::1]:9478", "127.0.0.1:9478"])
    func `with TLS and a CA for clients every address can be served`(address: String) throws {
        let configuration = try configuration(
            of: "plugin-dir: off\ntcp-address: '\(address)'\n\(Self.files)tls-client-ca: /ca")
        #expect(configuration.tls.files == TLSFiles(certificate: "/c", key: "/k", clientCA: "/ca"))
        #expect(configuration.pluginSocket == "https://\(address)")
    }

    @Test func `on the loopback clients need no certificate if they are not asked for one`() throws {
        let configuration = try configuration(of: "tcp-address: 127.0.0.1:1\n\(Self.files)tls-client-auth: off")
        #expect(configuration.tls.files == TLSFiles(certificate: "/c", key: "/k", clientCA: nil))
    }

    @Test func `files that are named wait for an address`() throws {
        let configuration = try configuration(of: "\(Self.files)tls-client-ca: /ca")
        #expect(configuration.tcpAddress == nil)
        #expect(configuration.tls.files != nil)
        #expect(configuration.pluginSocket == "/run/docker/plugins/plugind.sock")
    }

    /// What does not go together, the setting that is named, and the reason.
    @Test(arguments: [
        (
            "tcp-address: 192.0.2.1:9478",
            "1: tcp-address: ‘192.0.2.1:9478’ is not an address of the loopback, and only those are served without TLS: "
                + "set tls-certificate, tls-key and tls-client-ca, or an address such as 127.0.0.1:9478"
        ),
        (
            "tcp-address: '[::]:1'",
            "1: tcp-address: ‘[::]:1’ is not an address of the loopback, and only those are served without TLS: set "
                + "tls-certificate, tls-key and tls-client-ca, or an address such as 127.0.0.1:1"
        ),
        (
            "tcp-address: 0.0.0.0:9478\n\(files)tls-client-auth: off",
            "4: tls-client-auth: ‘off’ is for the loopback alone: whoever reaches 0.0.0.0:9478 could change the host's "
                + "network; set tls-client-ca, or an address such as 127.0.0.1:9478"
        ),
        ("tls-certificate: /c", "1: tls-certificate: ‘/c’ has no key: set tls-key, too"),
        ("tls-key: /k", "1: tls-key: ‘/k’ has no certificate: set tls-certificate, too"),
        (
            "tcp-address: 127.0.0.1:1\ntls-client-ca: /ca",
            "2: tls-client-ca: ‘/ca’ is of no use without TLS: set tls-certificate and tls-key, too"
        ),
        (
            files,
            "1: tls-certificate: ‘/c’ is not enough: set tls-client-ca, by which the engine is known, or tls-client-auth "
                + "to off, which answers whoever reaches the address"
        ),
        (
            "\(files)tls-client-ca: /ca\ntls-client-auth: off",
            "4: tls-client-auth: ‘off’ asks no client for a certificate, and tls-client-ca is set: leave out one of them"
        ),
        (
            "tls-key: k.pem",
            "1: tls-key: ‘k.pem’ is not an absolute path such as /etc/plugind/tls/server-key.pem, nor off"
        ),
        ("tls-client-auth: maybe", "1: tls-client-auth: ‘maybe’ is not a way to know clients; ways are required, off"),
        (
            "tcp-address: localhost:9478",
            "1: tcp-address: ‘localhost:9478’ is not an address and a port such as 127.0.0.1:9478 or [::1]:9478, nor off"
        ),
    ])
    func `what does not go together is refused in words`(text: String, words: String) {
        let error = #expect(throws: ConfigurationError.self) { try configuration(of: text) }
        #expect(error?.description == "FILE, line \(words)")
    }

    @Test func `a flag that does not fit the file is named`() {
        let error = #expect(throws: ConfigurationError.self) {
            try configuration(of: "tcp-address: 127.0.0.1:1", flags: [.tcpAddress: "10.0.0.1:1"])
        }
        #expect(error?.description.hasPrefix("--tcp-address: ‘10.0.0.1:1’ is not an address of the loopback") == true)
    }

    @Test(arguments: ["", "off"]) func `each can be switched off`(text: String) throws {
        let environment = [
            "PLUGIND_PLUGIN_DIR", "PLUGIND_TCP_ADDRESS", "PLUGIND_TLS_CERTIFICATE", "PLUGIND_TLS_KEY",
            "PLUGIND_TLS_CLIENT_CA",
        ].map { ($0, text) }
        let configuration = try configuration(
            of: "tcp-address: 10.0.0.1:1\n\(Self.files)tls-client-ca: /ca",
            environment: Dictionary(uniqueKeysWithValues: environment))
        #expect(configuration.pluginDirectory == nil)
        #expect(configuration.tcpAddress == nil)
        #expect(configuration.tls == TLSSettings())
        #expect(configuration.pluginSocket == "off")
    }

    @Test func `a daemon that nobody could call does not start`() throws {
        let configuration = try configuration(of: "plugin-dir: off")
        let error = #expect(throws: ConfigurationError.self) { try PluginListeners(configuration, inherited: nil) }
        #expect(
            error?.description
                == "plugin-dir and tcp-address are both off, and no service manager passed a socket: the "
                + "engine would have no way to call")
    }

    @Test(arguments: [
        ("/nonexistent/c", "tls-certificate: cannot read /nonexistent/c: No such file or directory"),
        ("/dev/null", "tls-certificate: /dev/null holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"),
    ])
    func `a file that cannot be used is named with its setting`(path: String, words: String) throws {
        let configuration = try configuration(
            of: "tcp-address: 127.0.0.1:1\ntls-certificate: \(path)\ntls-key: /k\ntls-client-auth: off")
        let error = #expect(throws: ConfigurationError.self) { try configuration.serverTLS() }
        #expect(error?.description == words)
    }
}
