// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PluginKit
import Testing

@testable import plugind

@Suite("Printing and checking the configuration")
struct ConfigurationPrintTests {
    /// The whole configuration that a file, flags and variables come to, as it is printed; and that configuration itself.
    private static func print(
        _ text: String, flags: [Configuration.Key: String] = [:], environment: [String: String] = [:]
    ) throws -> (yaml: String, configuration: Configuration) {
        let (sources, path) = try sources(text, flags: flags, environment: environment)
        let configuration = try Configuration(from: sources)
        return (configuration.yaml(from: sources).replacing(path, with: "FILE"), configuration)
    }

    /// What such a file, flags and variables say, and the path of the file, which is gone.
    private static func sources(
        _ text: String, flags: [Configuration.Key: String] = [:], environment: [String: String] = [:]
    ) throws -> (ConfigurationSources, path: String) {
        let path = NSTemporaryDirectory() + "plugind-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return (try ConfigurationSources(flags: flags, environment: environment, file: path), path)
    }

    private static let full = """
        name: other
        plugin-dir: /run/"quoted"\\ and spaced
        state-dir: /srv/plügind
        control-socket: off
        log-level: debug
        log-format: json
        gc: on
        gc-grace: 90s
        engine-socket: /run/docker.sock
        publish: respect-host
        default-address-pools: [{base: 10.64.0.0/12, size: 26}, {base: "fd00:1234:5678::/48", size: 64}]
        forbidden-pools: [172.20.0.0/14, "fd00:1::/32"]
        sticky: forever
        quarantine: off
        order: random
        reservations:
        - {name: web, addresses: [10.64.0.10, "fd00:1234:5678::11"]}
        - {mac: "02:42:ac:11:00:02", address: 10.64.0.12}
        mac-claims: on
        """

    @Test(arguments: ["", full, "sticky: off\ngc: off\nreservations:\n", "name: '007'\nstate-dir: '/a: b #c'"])
    func `what is printed is a file that comes to the same`(text: String) throws {
        let (yaml, configuration) = try Self.print(text)
        #expect(try PlugindTests.configuration(of: yaml) == configuration, "\(yaml)")
        #expect(yaml.split(separator: "\n").count >= Configuration.Key.allCases.count)
    }

    @Test func `each setting has where it comes from`() throws {
        let (yaml, _) = try Self.print(
            "state-dir: /file\nsticky: 1h\norder: random\nforbidden-pools: [10.0.0.0/8]\n", flags: [.sticky: "2h"],
            environment: ["PLUGIND_ORDER": "sequential", "PLUGIND_STICKY": "3h"])
        for line in [
            "state-dir: /file  # from FILE, line 1", "sticky: 2h  # from --sticky",
            "order: sequential  # from PLUGIND_ORDER", "forbidden-pools:  # from FILE, line 4", "- 10.0.0.0/8",
            "name: plugind  # default", "reservations: []  # default", "default-address-pools:  # default",
            "- {base: 172.17.0.0/16, size: 24}",
        ] {
            #expect(yaml.split(separator: "\n").contains { $0 == line }, "\(line) is not in \(yaml)")
        }
    }

    @Test func `as JSON each setting has its value and where it comes from`() throws {
        let (sources, path) = try Self.sources(
            "sticky: 1h\nforbidden-pools: [10.0.0.0/8]\nreservations: [{name: web, address: 10.0.0.5}]\n",
            flags: [.order: "random"], environment: ["PLUGIND_GC": "on"])
        let printed = try Configuration(from: sources).printed(from: sources)
        #expect(Set(printed.keys) == Set(Configuration.Key.allCases.map(\.rawValue)))
        func expect(
            _ key: Configuration.Key, _ value: JSONValue, _ source: String, _ place: String?, live: Bool = true
        ) {
            let setting = printed[key.rawValue]
            #expect(setting?.value == value && setting?.source == source && setting?.live == live)
            #expect(setting?.place == place)
        }
        expect(.sticky, .string("1h"), "file", "\(path), line 1")
        expect(.forbiddenPools, .list([.string("10.0.0.0/8")]), "file", "\(path), line 2")
        expect(
            .reservations, .list([.object(["name": .string("web"), "address": .string("10.0.0.5")])]), "file",
            "\(path), line 3")
        expect(.order, .string("random"), "flag", "--order")
        expect(.garbageMode, .string("on"), "environment", "PLUGIND_GC")
        expect(.name, .string("plugind"), "default", nil, live: false)
        guard case .list(let blocks)? = printed["default-address-pools"]?.value else {
            Issue.record("no blocks")
            return
        }
        #expect(blocks.first == .object(["base": .string("172.17.0.0/16"), "size": .integer(24)]))
    }

    @Test func `config print takes the flags of serve, and a file`() throws {
        let command = try Config.Print.parse(["--config", "/some/file", "--sticky", "2h", "--gc", "on"])
        #expect(command.settings.file == "/some/file")
        #expect(command.settings.flags == [.sticky: "2h", .garbageMode: "on"])
    }

    @Test func `config check refuses in words`() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try Config.Check.parse(["/nonexistent/config.yaml"]).run()
        }
        #expect(error?.description == "cannot read the configuration file /nonexistent/config.yaml")
    }
}
