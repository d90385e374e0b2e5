// SPDX-License-Identifier: Apache-2.0

import Addressing
import Control
import Garbage
import IPAM
import Logging
import NetDriver

extension Configuration {
    /// All settings as a configuration file, each with what `sources` say it comes from, as a comment.
    func yaml(from sources: ConfigurationSources) -> String {
        Key.allCases.map { key in
            let origin = sources[key].map { "from \($0.words)" } ?? "default"
            // A path may have anything in it but zero.
            let comment = String(origin.map { $0.isNewline ? " " : $0 })
            switch value(of: key) {
            case .text(let text): return "\(key.rawValue): \(text.yamlScalar)  # \(comment)\n"
            case .list(let entries) where entries.isEmpty: return "\(key.rawValue): []  # \(comment)\n"
            case .list(let entries):
                return "\(key.rawValue):  # \(comment)\n" + entries.map { "- \($0)\n" }.joined()
            }
        }.joined()
    }

    private enum Written {
        case text(String)
        /// Each entry is YAML already.
        case list([String])
    }

    private func value(of key: Key) -> Written {
        switch key {
        case .name: .text(name)
        case .pluginDirectory: .text(pluginDirectory)
        case .stateDirectory: .text(stateDirectory)
        case .controlSocket: .text(controlSocket.isEmpty ? "off" : controlSocket)
        case .metricsAddress: .text(metricsAddress?.description ?? "off")
        case .logLevel: .text(logLevel.rawValue)
        case .logFormat: .text(logFormat.rawValue)
        case .garbageMode: .text(garbage.mode.rawValue)
        case .garbageGrace: .text(garbage.grace.text)
        case .engineSocket: .text(engineSocket ?? "off")
        case .publish: .text(publishMode.rawValue)
        // A family without a block has none here either: it keeps its default.
        case .defaultPools:
            .list(
                (defaultPools.ipv4 + (defaultPools.ipv6 ?? [])).map {
                    "{base: \($0.base.description.yamlScalar), size: \($0.poolLength)}"
                })
        case .forbiddenPools: .list(forbiddenPools.map(\.description.yamlScalar))
        case .sticky: .text(poolDefaults.sticky.description)
        case .quarantine: .text(poolDefaults.quarantine == .zero ? "off" : poolDefaults.quarantine.text)
        case .order: .text(poolDefaults.order.rawValue)
        case .reservations: .list(reservations.map(\.yaml))
        case .macClaims: .text(macClaims.rawValue)
        }
    }
}

extension Reservation {
    fileprivate var yaml: String {
        let whose =
            switch identity {
            case .name(let name): "name: \(name.yamlScalar)"
            case .mac(let mac): "mac: \(mac.description.yamlScalar)"
            }
        return "{\(whose), address: \(address.description.yamlScalar)}"
    }
}

extension String {
    /// As it is where that can only be read as this text, else between double quotes.
    fileprivate var yamlScalar: String {
        let isPlain = utf8.allSatisfy { byte in
            switch UnicodeScalar(byte) {
            case "a"..."z", "A"..."Z", "0"..."9", "/", ".", "_", "-": true
            default: false
            }
        }
        guard !isPlain || isEmpty || hasPrefix("-") || hasPrefix(".") else { return self }
        return "\""
            + unicodeScalars.map { scalar in
                switch scalar {
                case "\"", "\\": "\\\(scalar)"
                case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                    "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
                default: "\(scalar)"
                }
            }.joined() + "\""
    }
}
