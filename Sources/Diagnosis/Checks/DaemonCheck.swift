// SPDX-License-Identifier: Apache-2.0

/// Whether the daemon answers commands.
struct DaemonCheck: Check {
    static let name = "daemon"

    static func summary(of facts: Facts) -> String {
        guard case .up(let socket, _) = facts.daemon else { return "" }
        return "answers at \(socket)" + (facts.process.map { ", process \($0.id)" } ?? "")
    }

    static func findings(in facts: Facts) -> [Finding] {
        switch facts.daemon {
        case .up: []
        case .off: [Finding(.controlSocketOff, "there is no control socket, by configuration")]
        case .down(let reason): [Finding(.daemonDown, reason)]
        case .unusable(let reason): [Finding(.controlSocketUnusable, reason)]
        }
    }
}
