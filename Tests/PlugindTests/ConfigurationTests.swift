// SPDX-License-Identifier: Apache-2.0

import Control
import Foundation
import Garbage
import IPAM
import Logging
import NetDriver
import PluginServer
import Testing

@testable import plugind

/// What the daemon does with a configuration file that says `text`, and nothing else.
func configuration(
    of text: String, flags: [Configuration.Key: String] = [:], environment: [String: String] = [:]
) throws -> Configuration {
    let path = NSTemporaryDirectory() + "plugind-\(UUID().uuidString).yaml"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    do {
        return try Configuration(flags: flags, environment: environment, file: path)
    } catch {
        throw ConfigurationError(error.description.replacing(path, with: "FILE"))
    }
}

@Suite("Configuration")
struct ConfigurationTests {
    @Test(arguments: ["", "\n", "# a comment\n", "---\n"])
    func `without anything the defaults hold`(text: String) throws {
        let configuration = try configuration(of: text)
        #expect(configuration == Configuration())
        #expect(configuration.name == "plugind")
        #expect(configuration.pluginDirectory == "/run/docker/plugins")
        #expect(configuration.stateDirectory == "/var/lib/plugind")
        #expect(configuration.controlSocket == "/run/plugind/control.sock")
        #expect(configuration.metricsAddress == nil)
        #expect(configuration.logLevel == .info)
        #expect(configuration.logFormat == .text)
        #expect(configuration.garbage == GarbagePolicy(mode: .report, grace: .seconds(600)))
        #expect(configuration.engineSocket == nil)
        #expect(configuration.publishMode == .direct)
        #expect(configuration.defaultPools == .standard)
        #expect(configuration.forbiddenPools == [])
        #expect(configuration.poolDefaults == PoolOptions())
        #expect(configuration.reservations == [])
        #expect(configuration.macClaims == .off)
    }

    @Test(arguments: [([:], PublishMode.respectHost), ([Configuration.Key.publish: "direct"], .direct)])
    func `ports are published as the flag says, or the environment`(
        flags: [Configuration.Key: String], mode: PublishMode
    ) throws {
        let environment = ["PLUGIND_PUBLISH": "respect-host"]
        #expect(try Configuration(flags: flags, environment: environment, file: nil).publishMode == mode)
    }

    @Test func `a flag wins over the environment, the environment over the file`() throws {
        let configuration = try configuration(
            of: "name: file\nstate-dir: /file\nlog-level: debug\n", flags: [.name: "flag"],
            environment: ["PLUGIND_NAME": "env", "PLUGIND_STATE_DIR": "/env"])
        #expect(configuration.name == "flag")
        #expect(configuration.stateDirectory == "/env")
        #expect(configuration.logLevel == .debug)
    }

    /// Each with where it is and what is wrong with it.
    @Test(arguments: [
        ("colour: red", "line 1: unknown setting ‘colour’; settings are \(settings)"),
        ("name: a\nlog-levle: debug", "line 2: unknown setting ‘log-levle’; did you mean ‘log-level’?"),
        ("Sticky: 1h", "line 1: unknown setting ‘Sticky’; did you mean ‘sticky’?"),
        ("? [a]\n: b", "line 1: a setting that is not a plain text"),
        ("gc: maybe", "line 1: gc: ‘maybe’ is not a mode of garbage collection; modes are off, report, on"),
        (
            "gc-grace: 0s",
            "line 1: gc-grace: ‘0s’ is not a duration of at least a second, such as 90s, 10m, 1h or 7d"
        ),
        (
            "attach: sideways",
            "line 1: attach: ‘sideways’ is not a way to attach links; ways are move, direct"
        ),
        (
            "publish: respectfully",
            "line 1: publish: ‘respectfully’ is not a way to publish ports; ways are direct, respect-host"
        ),
        (
            "engine-socket: docker.sock",
            "line 1: engine-socket: ‘docker.sock’ is not an absolute path such as /run/docker.sock, nor off"
        ),
        (
            "control-socket: ./control",
            "line 1: control-socket: ‘./control’ is not an absolute path such as "
                + "/run/plugind/control.sock, nor off"
        ),
        (
            "control-socket: /\(String(repeating: "a", count: 107))",
            "line 1: control-socket: ‘/\(String(repeating: "a", count: 107))’ is longer than the 107 bytes of a "
                + "socket's path"
        ),
        (
            "log-level: loud",
            "line 1: log-level: ‘loud’ is not a log level; levels are trace, debug, info, notice, warning, error, "
                + "critical"
        ),
        ("log-format: xml", "line 1: log-format: ‘xml’ is not a log format; formats are text, json"),
        ("\nstate-dir: here", "line 2: state-dir: ‘here’ is not an absolute path"),
        ("plugin-dir: here", "line 1: plugin-dir: ‘here’ is not an absolute path, nor off"),
        ("name: a/b", "line 1: name: ‘a/b’ is not a plugin name (letters, digits, ‘-’, ‘_’, ‘.’)"),
        (
            "sticky: always",
            "line 1: sticky: ‘always’ is not a duration such as 90s, 10m, 24h or 7d, nor off, nor forever"
        ),
        ("quarantine: never", "line 1: quarantine: ‘never’ is not a duration such as 90s, 10m, 24h or 7d, nor off"),
        ("order: lifo", "line 1: order: ‘lifo’ is not an order; orders are lru, random, sequential"),
        ("mac-claims: yes", "line 1: mac-claims: ‘yes’ is not a mode of claims by MAC; modes are off, on"),
        ("name:\n  a: b", "line 2: name: this is not a plain text"),
        ("order: [lru]", "line 1: order: this is not a plain text"),
    ])
    func `a bad file is refused in words`(text: String, words: String) {
        let error = #expect(throws: ConfigurationError.self) { try configuration(of: text) }
        #expect(error?.description == "FILE, \(words)")
    }

    private static let settings =
        "name, plugin-dir, tcp-address, tls-certificate, tls-key, tls-client-ca, tls-client-auth, state-dir, "
        + "control-socket, metrics-address, log-level, log-format, gc, gc-grace, engine-socket, attach, publish, "
        + "default-address-pools, forbidden-pools, sticky, quarantine, order, reservations, mac-claims"

    @Test(arguments: [
        ("- a\n- b", ", line 1: the file is not a mapping, such as log-level: debug"),
        ("text", ", line 1: the file is not a mapping, such as log-level: debug"),
        ("name: [\n", ", line 2: while parsing a flow node: did not find expected node content"),
        ("name: 'a", ", line 1: while scanning a quoted scalar: found unexpected end of stream"),
        ("name: a\n---\nname: b", ", line 2: expected a single document in the stream: but found another document"),
        ("name: a\nname: b", ", line 1: more than once: ‘name’"),
        ("reservations: [{name: a, name: b}]", ", line 1: more than once: ‘name’"),
    ])
    func `what is no mapping of settings is refused`(text: String, words: String) {
        let error = #expect(throws: ConfigurationError.self) { try configuration(of: text) }
        #expect(error?.description == "FILE\(words)")
    }

    @Test(arguments: [("1s", 1), ("90s", 90), ("10m", 600), ("1h", 3600), ("7d", 604_800)])
    func `a duration is a number and a unit`(text: String, seconds: Int64) throws {
        let configuration = try configuration(of: "gc-grace: \(text)\nsticky: \(text)\nquarantine: \(text)")
        #expect(configuration.garbage.grace == .seconds(seconds))
        #expect(configuration.poolDefaults.sticky == .time(.seconds(seconds)))
        #expect(configuration.poolDefaults.quarantine == .seconds(seconds))
    }

    @Test(
        arguments: ["", "s", "10", "10 m", "-1s", "+1s", "1.5h", "1w", "1000000000s", "٣s", "1m30s", "1S"],
        [Configuration.Key.garbageGrace, .sticky, .quarantine])
    func `what is no duration is refused`(text: String, key: Configuration.Key) {
        #expect(throws: ConfigurationError.self) {
            try Configuration(flags: [key: text], environment: [:], file: nil)
        }
    }

    @Test(arguments: [
        ("off", PoolOptions.Retention.off), ("0s", .off), ("forever", .forever), ("24h", .time(.seconds(86_400))),
    ])
    func `addresses are kept for a while, for ever or not at all`(text: String, sticky: PoolOptions.Retention) throws {
        #expect(try configuration(of: "sticky: \(text)").poolDefaults.sticky == sticky)
    }

    @Test(arguments: ["off", "0", "0s"]) func `quarantine can be switched off`(text: String) throws {
        #expect(try configuration(of: "quarantine: \(text)").poolDefaults.quarantine == .zero)
    }

    @Test func `what holds for pools comes from flags, environment and file`() throws {
        let configuration = try configuration(
            of: "order: random\nmac-claims: off\nsticky: 1h", flags: [.order: "sequential"],
            environment: ["PLUGIND_QUARANTINE": "5m", "PLUGIND_MAC_CLAIMS": "on"])
        #expect(configuration.poolDefaults.order == .sequential)
        #expect(configuration.poolDefaults.quarantine == .seconds(300))
        #expect(configuration.poolDefaults.sticky == .time(.seconds(3600)))
        #expect(configuration.macClaims == .on)
    }

    @Test(arguments: ["", "off"]) func `sockets can be switched off`(text: String) throws {
        let configuration = try configuration(
            of: "control-socket: /a\nengine-socket: /b",
            environment: ["PLUGIND_CONTROL_SOCKET": text, "PLUGIND_ENGINE_SOCKET": text])
        #expect(configuration.controlSocket == "")
        #expect(configuration.engineSocket == nil)
    }

    @Test func `metrics are served over TCP where an address is written out`() throws {
        for text in ["127.0.0.1:9477", "[::1]:9477", "0.0.0.0:1", "[::]:65535"] {
            #expect(try configuration(of: "metrics-address: '\(text)'").metricsAddress?.description == text)
        }
        for text in ["", "off"] {
            let environment = ["PLUGIND_METRICS_ADDRESS": text]
            let configuration = try configuration(of: "metrics-address: 127.0.0.1:1", environment: environment)
            #expect(configuration.metricsAddress == nil)
        }
    }

    @Test(arguments: [
        "9477", ":9477", "*:9477", "localhost:9477", "::1:9477", "[127.0.0.1]:1", "10.0.0.1", "10.0.0.1:0",
    ])
    func `an address of metrics that is none is refused`(text: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration(flags: [.metricsAddress: text], environment: [:], file: nil)
        }
        #expect(
            error?.description == "--metrics-address: ‘\(text)’ is not an address and a port such as 127.0.0.1:9477 or "
                + "[::1]:9477, nor off")
    }

    @Test func `a file that was named and is not there is an error`() {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration(flags: [:], environment: [:], file: "/nonexistent/plugind.yaml")
        }
        #expect(error?.description == "cannot read the configuration file /nonexistent/plugind.yaml")
    }

    @Test func `the error names where the value came from`() {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration(flags: [:], environment: ["PLUGIND_LOG_LEVEL": "loud"], file: nil)
        }
        #expect(error?.description.hasPrefix("PLUGIND_LOG_LEVEL: ‘loud’") == true)
        let flagError = #expect(throws: ConfigurationError.self) {
            try Configuration(flags: [.order: "last"], environment: [:], file: nil)
        }
        #expect(flagError?.description.hasPrefix("--order: ‘last’") == true)
    }
}
