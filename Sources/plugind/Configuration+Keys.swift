// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

extension Configuration {
    /// The settings, as flags and in the file.
    enum Key: String, CaseIterable {
        case name
        case pluginDirectory = "plugin-dir"
        case tcpAddress = "tcp-address"
        case tlsCertificate = "tls-certificate"
        case tlsKey = "tls-key"
        case tlsClientCA = "tls-client-ca"
        case tlsClientAuth = "tls-client-auth"
        case stateDirectory = "state-dir"
        case controlSocket = "control-socket"
        case metricsAddress = "metrics-address"
        case logLevel = "log-level"
        case logFormat = "log-format"
        case garbageMode = "gc"
        case garbageGrace = "gc-grace"
        case engineSocket = "engine-socket"
        case attach
        case publish
        case defaultPools = "default-address-pools"
        case forbiddenPools = "forbidden-pools"
        case sticky
        case quarantine
        case order
        case reservations
        case macClaims = "mac-claims"
    }
}

extension Configuration.Key {
    var variable: String {
        "PLUGIND_" + rawValue.uppercased().replacing("-", with: "_")
    }

    /// Lists of mappings have no form that a flag or a variable could have.
    var isFileOnly: Bool { self == .defaultPools || self == .reservations }

    /// Whether a daemon that runs can take another value. What it cannot waits for its next start: where it has its state
    /// and its sockets is fixed while it has them open, and the engine asks only once what a plugin wants.
    var isLive: Bool {
        switch self {
        case .name, .pluginDirectory, .tcpAddress, .stateDirectory, .controlSocket, .macClaims: false
        case .tlsCertificate, .tlsKey, .tlsClientCA, .tlsClientAuth, .metricsAddress, .logLevel, .logFormat,
            .garbageMode, .garbageGrace, .engineSocket, .attach, .publish, .defaultPools, .forbiddenPools, .sticky,
            .quarantine, .order, .reservations:
            true
        }
    }

    /// The flag's help: what the setting is, its default, and what stands for its value.
    var help: ArgumentHelp {
        let (summary, value) = words
        return ArgumentHelp("\(summary) (default: \(Configuration().written(self).words)).", valueName: value)
    }

    private var words: (summary: String, value: String) {
        switch self {
        case .name: ("The plugin's name, given to --driver", "name")
        case .pluginDirectory: ("Directory of the plugin's socket, or off", "dir")
        case .tcpAddress:
            (
                "Address and port where the engine's calls are answered over TCP, such as 127.0.0.1:9478, or off; another "
                    + "address than one of the loopback needs TLS", "address"
            )
        case .tlsCertificate: ("Certificate of the listener over TCP, in PEM form, or off", "file")
        case .tlsKey: ("Private key of that certificate, in PEM form, or off", "file")
        case .tlsClientCA: ("CA of the certificates of clients over TCP, in PEM form, or off", "file")
        case .tlsClientAuth:
            ("Whether clients over TCP need a certificate of that CA: required or off", "way")
        case .stateDirectory: ("Directory of the durable state", "dir")
        case .controlSocket: ("Socket of the commands and other tools, or off", "path")
        case .metricsAddress:
            (
                "Address and port where metrics are served over TCP, such as 127.0.0.1:9477, or off, which leaves them to "
                    + "the control socket alone", "address"
            )
        case .logLevel:
            ("Least level that is logged: trace, debug, info, notice, warning, error, critical", "level")
        case .logFormat: ("How lines are logged: text or json", "format")
        case .garbageMode:
            (
                "What is done about endpoints, addresses, pools, networks and links that the engine has lost: off, report "
                    + "or on", "mode"
            )
        case .garbageGrace:
            ("For how long something must have been lost before it is freed: 90s, 10m, 1h, 7d", "duration")
        case .engineSocket:
            (
                "The engine's socket, usually /run/docker.sock, to ask it what it knows before something is freed, or "
                    + "off: it is not asked, and most garbage is kept", "path"
            )
        case .attach:
            (
                "How links get into containers on networks without the option plugind.attach: move, by the engine, or "
                    + "direct, made where they belong", "way"
            )
        case .publish:
            (
                "How ports are published on networks without the option plugind.publish: direct, past the host's input "
                    + "rules, or respect-host, as those allow", "way"
            )
        case .defaultPools: ("Where pools come from that nobody names", "blocks")
        case .forbiddenPools:
            (
                "Subnets that no pool which plugind chooses may overlap, with commas between: 10.0.0.0/8,fd00::/8",
                "subnets"
            )
        case .sticky:
            (
                "For how long after its release an address is kept for the container that had it, in pools without the "
                    + "option plugind.sticky: off, forever, or 90s, 10m, 24h, 7d", "duration"
            )
        case .quarantine:
            (
                "For how long after its release nobody else gets an address, in pools without the option "
                    + "plugind.quarantine: off, or 90s, 10m, 24h, 7d", "duration"
            )
        case .order:
            (
                "In which order addresses are chosen, in pools without the option plugind.order: lru, the least recently "
                    + "used first, random or sequential", "order"
            )
        case .reservations: ("Addresses that are kept for one name or MAC address", "reservations")
        case .macClaims:
            (
                "Whether the engine is asked for MAC addresses, so that one that the user chose keeps its IP address on "
                    + "engines before 29: on or off", "mode"
            )
        }
    }
}

/// The flag of a setting, by its name and with its help. What its value means is for `Configuration` to say.
extension Option where Value == String? {
    init(_ key: Configuration.Key) {
        self.init(name: .customLong(key.rawValue), help: key.help)
    }
}
