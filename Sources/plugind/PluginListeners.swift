// SPDX-License-Identifier: Apache-2.0

import Logging
import PluginKit
import PluginServer
import ServiceLifecycle

/// The sockets that the engine's calls come in by: one of its own or inherited, one over TCP, or both.
struct PluginListeners {
    private let own: (any ListeningSocket)?
    private let tcp: TCPSocket?
    private let tls: ServerTLS?
    /// Whether a client over TCP needs a certificate.
    private let knowsClients: Bool

    /// Reads the files of TLS and claims the sockets. `inherited` takes the place of the one in `plugin-dir`.
    init(_ configuration: Configuration, inherited: InheritedListener?) throws {
        guard inherited != nil || configuration.pluginDirectory != nil || configuration.tcpAddress != nil else {
            throw ConfigurationError(
                "plugin-dir and tcp-address are both off, and no service manager passed a socket: the engine would have "
                    + "no way to call")
        }
        tls = try configuration.tcpAddress == nil ? nil : configuration.serverTLS()
        knowsClients = configuration.tls.files?.clientCA != nil
        own =
            try inherited
            ?? configuration.pluginDirectory.map { try UnixSocket(directory: $0, name: configuration.name) }
        tcp = try configuration.tcpAddress.map { try TCPSocket($0) }
    }

    /// Where clients find each: `/run/docker/plugins/plugind.sock`, `https://192.0.2.1:9478`.
    var addresses: [String] {
        [own?.path, tcp.map { Self.url($0.address, isGuarded: tls != nil) }].compactMap(\.self)
    }

    /// A listener over TCP as the engine names it.
    static func url(_ address: ListenAddress, isGuarded: Bool) -> String {
        "\(isGuarded ? "https" : "tcp")://\(address)"
    }

    /// What serves `methods` on each, and looks after the certificates.
    func services(methods: MethodTable, logger: Logger) -> [any Service] {
        var services: [any Service] = []
        if let tcp, !knowsClients {
            logger.notice(
                "Every program of this host can call the plugin, and so change its network",
                metadata: ["address": "\(tcp.address)"])
        }
        if let tls { services.append(CertificateWatch(tls, logger: logger)) }
        if let tcp { services.append(PluginServer(socket: tcp, tls: tls, methods: methods, logger: logger)) }
        if let own { services.append(PluginServer(socket: own, methods: methods, logger: logger)) }
        return services
    }

    /// Takes other certificates, for connections that begin from now on, and warns of those that expire. Addresses, and
    /// whether there is TLS at all, cannot change in a running daemon.
    func take(_ new: ServerTLS, logger: Logger) {
        tls?.take(new)
        tls?.warn(logger)
    }
}

extension Configuration {
    /// Where the engine reaches the plugin in the first place: the path of the socket, else the URL over TCP.
    var pluginSocket: String {
        pluginDirectory.map { "\($0)/\(name).sock" }
            ?? tcpAddress.map { PluginListeners.url($0, isGuarded: tls.files != nil) } ?? "off"
    }

    /// Reads the files of TLS; nil if none are configured.
    func serverTLS() throws(ConfigurationError) -> ServerTLS? {
        guard let files = tls.files else { return nil }
        do throws(TLSError) {
            return try ServerTLS(files)
        } catch {
            throw error.configurationError
        }
    }
}
