// SPDX-License-Identifier: Apache-2.0

/// Where settings come from, and which of them wins: flag, environment, file.
struct ConfigurationSources {
    /// What is said of a setting.
    enum Origin {
        case flag(ConfigurationText)
        case environment(ConfigurationText)
        case file(ConfigurationFile.Value)

        /// The refusal of what is said; `reason` goes on after it.
        func refused(_ reason: String) -> ConfigurationError {
            switch self {
            case .flag(let text), .environment(let text): text.refused(reason)
            case .file(let value): (try? value.text())?.refused(reason) ?? value.refused(reason)
            }
        }

        /// For people: `--sticky`, `PLUGIND_STICKY`, `/etc/plugind/config.yaml, line 7`.
        var words: String {
            switch self {
            case .flag(let text), .environment(let text): text.source
            case .file(let value): value.place
            }
        }

        /// `flag`, `environment` or `file`.
        var kind: String {
            switch self {
            case .flag: "flag"
            case .environment: "environment"
            case .file: "file"
            }
        }
    }

    private let flags: [Configuration.Key: String]
    private let environment: [String: String]
    private let file: ConfigurationFile

    /// `file` is the file to read; nil means the one in `PLUGIND_CONFIG`, else the default file, if it is there.
    init(
        flags: [Configuration.Key: String], environment: [String: String], file: String?
    ) throws(ConfigurationError) {
        self.flags = flags
        self.environment = environment
        self.file = try ConfigurationFile(file ?? environment["PLUGIND_CONFIG"])
    }

    /// Nil if nothing is said, so that the default holds.
    subscript(key: Configuration.Key) -> Origin? {
        if let text = flags[key] { return .flag(ConfigurationText(text, source: "--\(key.rawValue)")) }
        if let text = environment[key.variable] { return .environment(ConfigurationText(text, source: key.variable)) }
        return file[key].map { .file($0) }
    }
}
