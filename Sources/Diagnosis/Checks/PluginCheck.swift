// SPDX-License-Identifier: Apache-2.0

/// Whether the engine reaches plugind.
struct PluginCheck: Check {
    static let name = "plugin"

    static func summary(of facts: Facts) -> String { "answers the engine at \(facts.plugin.path)" }

    static func findings(in facts: Facts) -> [Finding] {
        let path = facts.plugin.path
        return switch facts.plugin.state {
        case .answering: []
        case .missing: [Finding(.pluginSocketMissing, "there is no socket \(path)")]
        case .dead: [Finding(.pluginSocketDead, "nobody listens at \(path)")]
        case .silent(let reason): [Finding(.pluginSocketSilent, "\(path) does not answer as a plugin does: \(reason)")]
        case .unknown(let reason): [Finding(.notChecked, "\(path) could not be checked: \(reason)")]
        }
    }
}
