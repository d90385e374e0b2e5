// SPDX-License-Identifier: Apache-2.0

/// Why an option of a pool is refused, in a sentence that names the option, the value and the reason.
public struct OptionProblem: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ key: PoolOptions.Key, _ reason: String) {
        self.description = "option \(key.rawValue): \(reason)"
    }

    /// The reason follows the value, as in ‘fast’ is not a duration.
    init(_ key: PoolOptions.Key, _ value: String, _ reason: String) {
        self.init(key, "‘\(value.shown)’ \(reason)")
    }

    /// For a key of plugind's that there is not.
    init(unknown key: String, nearest: String?) {
        let known = PoolOptions.Key.allCases.map(\.rawValue).joined(separator: ", ")
        self.description =
            "unknown option \(key.shown); " + (nearest.map { "did you mean \($0)?" } ?? "known are: \(known)")
    }
}

extension String {
    /// The text fit for a line of a log: control characters are escaped, and a long text is cut off.
    fileprivate var shown: String {
        let limit = 80
        let scalars = unicodeScalars.prefix(limit).map { scalar in
            scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return scalars.joined() + (unicodeScalars.dropFirst(limit).isEmpty ? "" : "…")
    }
}
