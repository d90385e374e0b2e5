// SPDX-License-Identifier: Apache-2.0

import PluginKit

extension Configuration {
    /// A setting as `plugind config print --json` has it.
    struct PrintedSetting: Encodable {
        let value: JSONValue
        /// `flag`, `environment`, `file` or `default`.
        let source: String
        /// `--sticky`, `PLUGIND_STICKY`, `/etc/plugind/config.yaml, line 7`; absent for a default.
        let place: String?
        /// False for what a daemon that runs takes only at its next start.
        let live: Bool
    }

    /// All settings by their keys, each with what `sources` say it comes from.
    func printed(from sources: ConfigurationSources) -> [String: PrintedSetting] {
        var settings: [String: PrintedSetting] = [:]
        for key in Key.allCases {
            let origin = sources[key]
            settings[key.rawValue] = PrintedSetting(
                value: written(key).json, source: origin?.kind ?? "default", place: origin?.words, live: key.isLive)
        }
        return settings
    }
}
