// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Testing

@testable import plugind

@Suite("Configuration")
struct ConfigurationTests {
    /// A file that is deleted when the test ends.
    private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
        let path = NSTemporaryDirectory() + "plugind-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try body(path)
    }

    @Test(arguments: ["", "\n", "# a comment\n"]) func `without anything the defaults hold`(text: String) throws {
        let configuration = try withFile(text) { try Configuration(flags: [:], environment: [:], file: $0) }
        #expect(configuration.name == "plugind")
        #expect(configuration.pluginDirectory == "/run/docker/plugins")
        #expect(configuration.stateDirectory == "/var/lib/plugind")
        #expect(configuration.logLevel == .info)
        #expect(configuration.logFormat == .text)
    }

    @Test func `a flag wins over the environment, the environment over the file`() throws {
        let text = "name: file\nstate-dir: /file\nlog-level: debug\n"
        let configuration = try withFile(text) { file in
            try Configuration(
                flags: [.name: "flag"], environment: ["PLUGIND_NAME": "env", "PLUGIND_STATE_DIR": "/env"], file: file)
        }
        #expect(configuration.name == "flag")
        #expect(configuration.stateDirectory == "/env")
        #expect(configuration.logLevel == .debug)
    }

    @Test(arguments: [
        ("colour: red", "unknown setting ‘colour’; settings are name, plugin-dir, state-dir, log-level, log-format"),
        ("log-level: loud", "log-level: ‘loud’ is not a log level"),
        ("log-format: xml", "log-format: ‘xml’ is not a log format; formats are text, json"),
        ("state-dir: here", "state-dir: ‘here’ is not an absolute path"),
        ("name: a/b", "name: ‘a/b’ is not a plugin name"),
        ("- a\n- b", "the file is not a mapping of settings"),
        ("name:\n  a: b", "the value of name is not a plain text"),
        ("name: [", "while parsing a flow node"),
    ])
    func `a bad file is refused in words`(text: String, words: String) throws {
        try withFile(text) { file in
            let error = #expect(throws: ConfigurationError.self) {
                try Configuration(flags: [:], environment: [:], file: file)
            }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
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
    }
}
