// SPDX-License-Identifier: Apache-2.0

import Addressing
import Control
import Garbage
import IPAM
import Logging
import NetDriver
import PluginServer
import Store

/// How the daemon is set up. Each value comes from the first of: flag, environment, file, default.
struct Configuration: Hashable, Sendable {
    /// The plugin's name: what users give to `--driver`, and the name of the socket.
    var name = "plugind"
    /// Where the engine looks for plugin sockets; nil makes none.
    var pluginDirectory: String? = "/run/docker/plugins"
    /// Where the engine's calls are answered over TCP, besides the socket; nil does not.
    var tcpAddress: ListenAddress?
    /// How they are guarded there.
    var tls = TLSSettings()
    var stateDirectory = "/var/lib/plugind"
    /// The socket that the commands and other tools speak to; empty where there is none.
    var controlSocket = ControlAPI.defaultSocket
    /// Where metrics are served over TCP; nil serves them on the control socket alone.
    var metricsAddress: ListenAddress?
    var logLevel = Logger.Level.info
    var logFormat = LogFormat.text
    var garbage = GarbagePolicy(mode: .report, grace: .seconds(600))
    /// The engine's socket, to ask it what it knows; nil asks nobody.
    var engineSocket: String?
    /// How links get into sandboxes on networks that say nothing of it.
    var attachMode = AttachMode.move
    /// How ports are published on networks that say nothing of it.
    var publishMode = PublishMode.direct
    /// Where pools come from that nobody names.
    var defaultPools = DefaultPools.standard
    /// What no pool that plugind chooses may overlap.
    var forbiddenPools: [Prefix] = []
    /// What holds for pools whose options say nothing of it.
    var poolDefaults = PoolOptions()
    /// Addresses that are kept for one name or MAC, in whichever pool has them.
    var reservations: [Reservation] = []
    /// Whether the engine is asked to send a MAC with each request for an address.
    var macClaims = MACClaims.off

    /// The file that is read if it is there and no other is named.
    static let defaultFile = "/etc/plugind/config.yaml"

    /// What holds where nothing is said.
    init() {}

    /// `flags` are the values that the command line gives. In `environment`, `PLUGIND_STATE_DIR` is `state-dir`. `file`
    /// is the file to read; nil means the one in `PLUGIND_CONFIG`, else the default file, if it is there.
    init(flags: [Key: String], environment: [String: String], file: String?) throws(ConfigurationError) {
        try self.init(from: ConfigurationSources(flags: flags, environment: environment, file: file))
    }

    init(from sources: ConfigurationSources) throws(ConfigurationError) {
        for key in Key.allCases {
            switch sources[key] {
            case .flag(let text), .environment(let text): try set(key, text)
            case .file(let value): try set(key, value)
            case nil: break
            }
        }
        try tls.check(for: tcpAddress, from: sources)
    }

    /// Takes what the file says. Lists have a form of their own there.
    private mutating func set(_ key: Key, _ value: ConfigurationFile.Value) throws(ConfigurationError) {
        switch key {
        case .defaultPools: defaultPools = try value.defaultPools()
        case .forbiddenPools: forbiddenPools = try value.prefixes()
        case .reservations: reservations = try value.reservations()
        default: try set(key, try value.text())
        }
    }

    /// Takes what a flag, the environment or a plain text of the file says.
    private mutating func set(_ key: Key, _ text: ConfigurationText) throws(ConfigurationError) {
        switch key {
        case .name: name = try text.pluginName()
        case .pluginDirectory: pluginDirectory = try text.directoryOrOff()
        case .tcpAddress: tcpAddress = try text.listenAddress(port: 9478)
        case .tlsCertificate: tls.certificate = try text.file(such: "/etc/plugind/tls/server.pem")
        case .tlsKey: tls.key = try text.file(such: "/etc/plugind/tls/server-key.pem")
        case .tlsClientCA: tls.clientCA = try text.file(such: "/etc/plugind/tls/ca.pem")
        case .tlsClientAuth: tls.clientAuth = try text.word(of: "a way to know clients", all: "ways")
        case .stateDirectory: stateDirectory = try text.directory()
        case .controlSocket: controlSocket = try text.socket(such: ControlAPI.defaultSocket) ?? ""
        case .metricsAddress: metricsAddress = try text.listenAddress(port: 9477)
        case .logLevel: logLevel = try text.word(of: "a log level", all: "levels")
        case .logFormat: logFormat = try text.word(of: "a log format", all: "formats")
        case .garbageMode: garbage.mode = try text.word(of: "a mode of garbage collection", all: "modes")
        case .garbageGrace: garbage.grace = try text.grace()
        case .engineSocket: engineSocket = try text.socket(such: "/run/docker.sock")
        case .attach: attachMode = try text.word(of: "a way to attach links", all: "ways")
        case .publish: publishMode = try text.word(of: "a way to publish ports", all: "ways")
        case .forbiddenPools: forbiddenPools = try text.prefixes()
        case .sticky: poolDefaults.sticky = try text.retention()
        case .quarantine: poolDefaults.quarantine = try text.quarantine()
        case .order: poolDefaults.order = try text.word(of: "an order", all: "orders")
        case .macClaims: macClaims = try text.word(of: "a mode of claims by MAC", all: "modes")
        case .defaultPools, .reservations:
            throw ConfigurationError("\(text.source): only the configuration file takes \(key.rawValue)")
        }
    }
}

/// A value that cannot be used, in words.
struct ConfigurationError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
