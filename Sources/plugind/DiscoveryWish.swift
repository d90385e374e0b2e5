// SPDX-License-Identifier: Apache-2.0

import Addressing
import PluginServer

/// What somebody asks of a discovery file. The configuration says the rest.
struct DiscoveryWish {
    let form: DiscoveryFile.Form
    var address: String?
    /// Paths where the engine is.
    var authority: String?
    var certificate: String?
    var key: String?

    /// The file; throws if the engine could not call the plugin, or only without knowing whom it calls.
    func file(with configuration: Configuration) throws(ConfigurationError) -> DiscoveryFile {
        let address = try address(with: configuration)
        return DiscoveryFile(
            form: form, name: configuration.name, address: address,
            tls: try tls(for: address, with: configuration.tls))
    }

    private func address(with configuration: Configuration) throws(ConfigurationError) -> PluginAddress {
        let isGuarded = configuration.tls.files != nil
        guard let said = address else { return try configuredAddress(configuration, isGuarded: isGuarded) }
        guard let address = PluginAddress(said) else {
            throw ConfigurationError(
                "--address: ‘\(said)’ is not an address such as unix:///run/plugind/plugind.sock, tcp://127.0.0.1:9478 "
                    + "or https://127.0.0.1:9478")
        }
        if address.scheme == .tcp, isGuarded {
            throw ConfigurationError(
                "--address: ‘\(said)’ is plain TCP, but tls-certificate is set: use https://\(address.rest)")
        }
        return address
    }

    /// TCP is preferred where it alone has what a file of this form is for.
    private func configuredAddress(
        _ configuration: Configuration, isGuarded: Bool
    ) throws(ConfigurationError) -> PluginAddress {
        if let directory = configuration.pluginDirectory,
            form == .spec || !isGuarded || configuration.tcpAddress == nil
        {
            return PluginAddress(path: "\(directory)/\(configuration.name).sock")
        }
        guard let address = configuration.tcpAddress else {
            throw ConfigurationError("plugin-dir and tcp-address are both off: say --address")
        }
        guard address.address.bits != 0 else {
            throw ConfigurationError(
                "tcp-address is \(address), every address of the host: say with --address which the engine calls")
        }
        return PluginAddress(address, isGuarded: isGuarded)
    }

    private func tls(
        for address: PluginAddress, with settings: TLSSettings
    ) throws(ConfigurationError) -> EngineFiles? {
        guard address.scheme == .https else {
            guard authority == nil, certificate == nil, key == nil else {
                throw ConfigurationError("--ca, --cert and --key are for TLS, and \(address) has none")
            }
            return nil
        }
        guard form == .json else {
            throw ConfigurationError(
                "a .spec file has no room for certificates, and without them the engine would call whoever answers at "
                    + "\(address): use --json")
        }
        guard let authority = try path(authority, "--ca") ?? settings.clientCA else {
            throw ConfigurationError(
                "--ca is missing: without a CA the engine would call whoever answers at \(address)")
        }
        return EngineFiles(authority: authority, own: try own(with: settings))
    }

    private func own(with settings: TLSSettings) throws(ConfigurationError) -> EngineFiles.Own? {
        switch (try path(certificate, "--cert"), try path(key, "--key")) {
        case (let certificate?, let key?): return EngineFiles.Own(certificate: certificate, key: key)
        case (nil, nil) where settings.clientAuth == .off: return nil
        case (nil, nil):
            throw ConfigurationError(
                "--cert and --key are missing: plugind answers an engine with a certificate alone (tls-client-auth)")
        case (_?, nil): throw ConfigurationError("--key is missing: --cert needs it")
        case (nil, _?): throw ConfigurationError("--cert is missing: --key needs it")
        }
    }

    private func path(_ text: String?, _ flag: String) throws(ConfigurationError) -> String? {
        guard let text, !text.hasPrefix("/") else { return text }
        throw ConfigurationError("\(flag): ‘\(text)’ is not an absolute path")
    }
}

extension DiscoveryFile {
    /// Where an engine looks for sockets by itself, before it looks for files.
    private var ownPaths: [String] { ["/run/docker/plugins/\(name).sock", "/run/docker/plugins/\(name)/\(name).sock"] }

    /// Where to put the file, and what would keep the engine from reading it: lines for people.
    func advice(with configuration: Configuration) -> [String] {
        if address.scheme == .unix, ownPaths.contains(address.rest) {
            return ["the engine finds \(address.rest) by itself and needs no file"]
        }
        let place =
            "put this into /etc/docker/plugins/\(name).\(form.rawValue); an engine that has called the plugin before reads "
            + "it at its next start"
        guard let directory = configuration.pluginDirectory, ownPaths.contains("\(directory)/\(name).sock") else {
            return [place]
        }
        return [
            place,
            "but the engine finds the socket \(directory)/\(name).sock first: set plugin-dir to off or another directory",
        ]
    }
}
