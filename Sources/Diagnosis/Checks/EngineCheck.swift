// SPDX-License-Identifier: Apache-2.0

/// Which engine it is, and what that means.
struct EngineCheck: Check {
    static let name = "engine"

    static func summary(of facts: Facts) -> String {
        guard let version = facts.engine.version.value else { return "" }
        let isKnown = number(version) != nil
        return "version \(version), " + (isKnown ? "which sends names of containers" : "which is no release's")
    }

    static func findings(in facts: Facts) -> [Finding] {
        let engine = facts.engine
        switch engine.version {
        case .unknown(let reason):
            return [Finding(engine.isConfigured ? .engineUnreachable : .engineNotFound, "\(engine.path): \(reason)")]
        case .known(let version):
            // A build of the development branch has no number.
            guard let (major, minor) = number(version) else { return [] }
            if (major, minor) < (20, 10) { return [Finding(.engineTooOld, "the engine's version is \(version)")] }
            return major < 29 ? [Finding(.engineWithoutNames, "the engine's version is \(version)")] : []
        }
    }

    private static func number(_ version: String) -> (Int, Int)? {
        let parts = version.split(separator: ".")
        guard parts.count > 1, let major = Int(parts[0]), let minor = Int(parts[1]) else { return nil }
        return (major, minor)
    }
}
