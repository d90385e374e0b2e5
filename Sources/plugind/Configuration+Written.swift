// SPDX-License-Identifier: Apache-2.0

import Addressing
import Control
import Garbage
import IPAM
import Logging
import NetDriver
import PluginKit
import PluginServer
import Store

/// The value of a setting, as the configuration file has it.
enum WrittenSetting: Hashable {
    case text(String)
    case list([Entry])

    enum Entry: Hashable {
        case text(String)
        /// In the order in which people write them.
        case mapping([Member])
    }

    struct Member: Hashable {
        let name: String
        let value: JSONValue

        init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// For people, in one line: `24h`, `10.0.0.0/8, fd00::/8`, `none` for an empty list.
    var words: String {
        switch self {
        case .text(let text): text
        case .list(let entries): entries.isEmpty ? "none" : entries.map(\.yaml).joined(separator: ", ")
        }
    }

    var json: JSONValue {
        switch self {
        case .text(let text): .string(text)
        case .list(let entries):
            .list(
                entries.map { entry in
                    switch entry {
                    case .text(let text): .string(text)
                    case .mapping(let members):
                        .object(Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.value) }))
                    }
                })
        }
    }
}

extension Configuration {
    /// Reading it gives the same value.
    func written(_ key: Key) -> WrittenSetting {
        switch key {
        case .name: .text(name)
        case .pluginDirectory: .text(pluginDirectory ?? "off")
        case .tcpAddress: .text(tcpAddress?.description ?? "off")
        case .tlsCertificate: .text(tls.certificate ?? "off")
        case .tlsKey: .text(tls.key ?? "off")
        case .tlsClientCA: .text(tls.clientCA ?? "off")
        case .tlsClientAuth: .text(tls.clientAuth.rawValue)
        case .stateDirectory: .text(stateDirectory)
        case .controlSocket: .text(controlSocket.isEmpty ? "off" : controlSocket)
        case .metricsAddress: .text(metricsAddress?.description ?? "off")
        case .logLevel: .text(logLevel.rawValue)
        case .logFormat: .text(logFormat.rawValue)
        case .garbageMode: .text(garbage.mode.rawValue)
        case .garbageGrace: .text(garbage.grace.text)
        case .engineSocket: .text(engineSocket ?? "off")
        case .attach: .text(attachMode.rawValue)
        case .publish: .text(publishMode.rawValue)
        // A family without a block has none here either: it keeps its default.
        case .defaultPools:
            .list(
                (defaultPools.ipv4 + (defaultPools.ipv6 ?? [])).map { block in
                    .mapping([.init("base", .string("\(block.base)")), .init("size", .integer(block.poolLength))])
                })
        case .forbiddenPools: .list(forbiddenPools.map { .text($0.description) })
        case .sticky: .text(poolDefaults.sticky.description)
        case .quarantine: .text(poolDefaults.quarantine == .zero ? "off" : poolDefaults.quarantine.text)
        case .order: .text(poolDefaults.order.rawValue)
        case .reservations:
            .list(reservations.map { .mapping([$0.owner, .init("address", .string("\($0.address)"))]) })
        case .macClaims: .text(macClaims.rawValue)
        }
    }
}

extension Reservation {
    fileprivate var owner: WrittenSetting.Member {
        switch identity {
        case .name(let name): .init("name", .string(name))
        case .mac(let mac): .init("mac", .string("\(mac)"))
        }
    }
}
