// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Testing

@testable import plugind

@Suite("Discovery")
struct DiscoveryTests {
    private static let tls = "tls-certificate: /c\ntls-key: /k\ntls-client-ca: /etc/ca.pem\n"
    private static let guarded = "plugin-dir: off\ntcp-address: 127.0.0.1:9478\n" + tls

    @Test(arguments: [
        ("", nil, "unix:///run/docker/plugins/plugind.sock"),
        ("name: lan\nplugin-dir: /run/lan", nil, "unix:///run/lan/lan.sock"),
        ("plugin-dir: off\ntcp-address: 127.0.0.1:9478", nil, "tcp://127.0.0.1:9478"),
        ("plugin-dir: off\ntcp-address: '[::1]:9478'", nil, "tcp://[::1]:9478"),
        ("plugin-dir: /run/lan\ntcp-address: 127.0.0.1:9478", nil, "unix:///run/lan/plugind.sock"),
        ("plugin-dir: /run/lan\ntcp-address: 127.0.0.1:9478\n" + tls, nil, "unix:///run/lan/plugind.sock"),
        ("", "tcp://127.0.0.2:1", "tcp://127.0.0.2:1"),
        ("", "unix:///srv/x.sock", "unix:///srv/x.sock"),
    ])
    func `a spec file is one line with the address`(text: String, address: String?, line: String) throws {
        let file = try DiscoveryWish(form: .spec, address: address).file(with: configuration(of: text))
        #expect(file.text == line + "\n")
    }

    @Test func `a JSON file has what TLS needs, as the engine names it`() throws {
        let wish = DiscoveryWish(form: .json, certificate: "/etc/engine.pem", key: "/etc/engine-key.pem")
        #expect(
            try wish.file(with: configuration(of: Self.guarded)).text == """
                {
                  "Addr" : "https://127.0.0.1:9478",
                  "Name" : "plugind",
                  "TLSConfig" : {
                    "CAFile" : "/etc/ca.pem",
                    "CertFile" : "/etc/engine.pem",
                    "InsecureSkipVerify" : false,
                    "KeyFile" : "/etc/engine-key.pem"
                  }
                }

                """)
    }

    @Test func `an engine that is asked for no certificate needs none`() throws {
        let text = Self.guarded.replacing("tls-client-ca: /etc/ca.pem", with: "tls-client-auth: off")
        let wish = DiscoveryWish(form: .json, authority: "/srv/ca.pem")
        let file = try wish.file(with: configuration(of: text))
        #expect(file.tls == EngineFiles(authority: "/srv/ca.pem", own: nil))
        #expect(!file.text.contains("CertFile") && file.text.contains("CAFile"))
    }

    @Test func `a JSON file without TLS has the address alone`() throws {
        let file = try DiscoveryWish(form: .json).file(with: configuration(of: "plugin-dir: /run/lan"))
        #expect(file.text == "{\n  \"Addr\" : \"unix:///run/lan/plugind.sock\",\n  \"Name\" : \"plugind\"\n}\n")
    }

    @Test(arguments: ["https://plugind.example:9478", "https://192.0.2.1:9478", "https://[2001:db8::1]:9478"])
    func `the address can be said`(address: String) throws {
        let text = Self.guarded.replacing("127.0.0.1", with: "0.0.0.0")
        let wish = DiscoveryWish(form: .json, address: address, certificate: "/c", key: "/k")
        #expect(try wish.file(with: configuration(of: text)).address.description == address)
    }

    @Test(arguments: [
        "127.0.0.1:9478", "http://127.0.0.1:9478", "unix://run/x.sock", "tcp://127.0.0.1", "tcp://:9478",
        "tcp://::1:9478",
        "https://host:0", "https://host:99999", "https://host:9478/path", "https://ho st:1",
    ])
    func `what the engine could not call is no address`(address: String) throws {
        let wish = DiscoveryWish(form: .spec, address: address)
        let error = #expect(throws: ConfigurationError.self) { try wish.file(with: Configuration()) }
        #expect(error?.description.hasPrefix("--address: ‘\(address)’ is not an address such as unix://") == true)
    }

    @Test(arguments: [
        (guarded, DiscoveryWish(form: .spec), "a .spec file has no room for certificates"),
        (
            guarded, DiscoveryWish(form: .json),
            "--cert and --key are missing: plugind answers an engine with a certificate"
        ),
        (guarded, DiscoveryWish(form: .json, certificate: "/c"), "--key is missing: --cert needs it"),
        (guarded, DiscoveryWish(form: .json, key: "/k"), "--cert is missing: --key needs it"),
        (guarded, DiscoveryWish(form: .json, certificate: "c", key: "/k"), "--cert: ‘c’ is not an absolute path"),
        (
            guarded, DiscoveryWish(form: .json, address: "tcp://127.0.0.1:9478"),
            "--address: ‘tcp://127.0.0.1:9478’ is plain TCP, but tls-certificate is set: use https://127.0.0.1:9478"
        ),
        (
            "", DiscoveryWish(form: .json, authority: "/ca"),
            "--ca, --cert and --key are for TLS, and unix:///run/docker/"
        ),
        ("", DiscoveryWish(form: .json, address: "https://h:1"), "--ca is missing: without a CA the engine would call"),
        ("plugin-dir: off", DiscoveryWish(form: .spec), "plugin-dir and tcp-address are both off: say --address"),
        (
            guarded.replacing("127.0.0.1", with: "0.0.0.0"), DiscoveryWish(form: .json),
            "tcp-address is 0.0.0.0:9478, every address of the host: say with --address which the engine calls"
        ),
    ])
    func `what would not work, or not safely, is refused`(text: String, wish: DiscoveryWish, words: String) throws {
        let configuration = try configuration(of: text)
        let error = #expect(throws: ConfigurationError.self) { try wish.file(with: configuration) }
        #expect(error?.description.hasPrefix(words) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("", nil, ["the engine finds /run/docker/plugins/plugind.sock by itself and needs no file"]),
        (
            "plugin-dir: /run/docker/plugins/plugind", nil,
            ["the engine finds /run/docker/plugins/plugind/plugind.sock by itself and needs no file"]
        ),
        ("plugin-dir: off\ntcp-address: 127.0.0.1:1", nil, [place]),
        (
            "", "tcp://127.0.0.1:1",
            [
                place,
                "but the engine finds the socket /run/docker/plugins/plugind.sock first: set plugin-dir to off or another "
                    + "directory",
            ]
        ),
    ])
    func `it is said where to put the file, and what is in its way`(
        text: String, address: String?, lines: [String]
    ) throws {
        let configuration = try configuration(of: text)
        let file = try DiscoveryWish(form: .spec, address: address).file(with: configuration)
        #expect(file.advice(with: configuration) == lines)
    }

    private static let place =
        "put this into /etc/docker/plugins/plugind.spec; an engine that has called the plugin before reads it at its next "
        + "start"

    @Test func `the command takes one form and its flags`() throws {
        let command = try Discovery.Print.parse([
            "--json", "--name", "lan", "--ca", "/a", "--cert", "/b", "--key", "/c",
        ])
        #expect(command.form == .json)
        #expect((command.name, command.ca, command.cert) == ("lan", "/a", "/b") && command.key == "/c")
        for arguments in [[], ["--json", "--spec"]] {
            #expect(throws: (any Error).self) { try Discovery.Print.parse(arguments) }
        }
    }
}
