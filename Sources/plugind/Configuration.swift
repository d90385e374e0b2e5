// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Logging
import Yams

/// How the daemon is set up. Each value comes from the first of: flag, environment, file, default.
struct Configuration: Hashable, Sendable {
    /// The plugin's name: what users give to `--driver`, and the name of the socket.
    var name = "plugind"
    /// Where the engine looks for plugin sockets.
    var pluginDirectory = "/run/docker/plugins"
    var stateDirectory = "/var/lib/plugind"
    var logLevel = Logger.Level.info
    var logFormat = LogFormat.text

    /// The file that is read if it is there and no other is named.
    static let defaultFile = "/etc/plugind/config.yaml"

    /// `flags` are the values that the command line gives. In `environment`, `PLUGIND_STATE_DIR` is `state-dir`. `file`
    /// is the file to read; nil means the one in `PLUGIND_CONFIG`, else the default file, if it is there.
    init(flags: [Key: String], environment: [String: String], file: String?) throws {
        let settings = try Self.settings(file: file ?? environment["PLUGIND_CONFIG"])
        for key in Key.allCases {
            if let value = flags[key] {
                try set(key, value, from: "--\(key.rawValue)")
            } else if let value = environment[key.variable] {
                try set(key, value, from: key.variable)
            } else if let value = settings[key] {
                try set(key, value, from: "the configuration file, \(key.rawValue)")
            }
        }
    }

    /// The settings, as flags and in the file.
    enum Key: String, CaseIterable {
        case name
        case pluginDirectory = "plugin-dir"
        case stateDirectory = "state-dir"
        case logLevel = "log-level"
        case logFormat = "log-format"

        var variable: String {
            "PLUGIND_" + rawValue.uppercased().replacing("-", with: "_")
        }
    }

    private mutating func set(_ key: Key, _ value: String, from source: String) throws {
        switch key {
        case .name:
            // It becomes a file name and part of a path of at most 107 bytes.
            guard (1...64).contains(value.utf8.count), value.utf8.allSatisfy(\.isNameByte), value.first != "." else {
                throw ConfigurationError("\(source): ‘\(value)’ is not a plugin name (letters, digits, ‘-’, ‘_’, ‘.’)")
            }
            name = value
        case .pluginDirectory:
            pluginDirectory = try Self.directory(value, from: source)
        case .stateDirectory:
            stateDirectory = try Self.directory(value, from: source)
        case .logLevel:
            guard let level = Logger.Level(rawValue: value) else {
                throw ConfigurationError(
                    "\(source): ‘\(value)’ is not a log level; levels are "
                        + Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
            }
            logLevel = level
        case .logFormat:
            guard let format = LogFormat(rawValue: value) else {
                throw ConfigurationError(
                    "\(source): ‘\(value)’ is not a log format; formats are "
                        + LogFormat.allCases.map(\.rawValue).joined(separator: ", "))
            }
            logFormat = format
        }
    }

    private static func directory(_ value: String, from source: String) throws -> String {
        guard value.hasPrefix("/") else {
            throw ConfigurationError("\(source): ‘\(value)’ is not an absolute path")
        }
        return value.count > 1 && value.hasSuffix("/") ? String(value.dropLast()) : value
    }

    /// The file is a mapping of settings to scalars; an empty one has no settings.
    private static func settings(file: String?) throws -> [Key: String] {
        let path = file ?? defaultFile
        guard let data = FileManager.default.contents(atPath: path) else {
            if file == nil { return [:] }
            throw ConfigurationError("cannot read the configuration file \(path)")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: String(decoding: data, as: UTF8.self))
        } catch {
            throw ConfigurationError("\(path): \(error)")
        }
        guard let root, root != Node("") else { return [:] }
        guard let mapping = root.mapping else {
            throw ConfigurationError("\(path): the file is not a mapping of settings, such as ‘log-level: debug’")
        }
        var settings: [Key: String] = [:]
        for (name, value) in mapping {
            guard let name = name.scalar?.string, let key = Key(rawValue: name) else {
                throw ConfigurationError(
                    "\(path): unknown setting ‘\(name.scalar?.string ?? "")’; settings are "
                        + Key.allCases.map(\.rawValue).joined(separator: ", "))
            }
            guard let value = value.scalar?.string else {
                throw ConfigurationError("\(path): the value of \(key.rawValue) is not a plain text")
            }
            settings[key] = value
        }
        return settings
    }
}

/// A value that cannot be used, in words.
struct ConfigurationError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension UInt8 {
    fileprivate var isNameByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default:
            false
        }
    }
}
