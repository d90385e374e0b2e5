// SPDX-License-Identifier: Apache-2.0

import Garbage

extension GarbageAnswer {
    /// For people, 80 columns wide: what becomes of which suspect, and why below. Ids are shortened.
    public func text(isColoured: Bool) -> String {
        let rule =
            switch mode {
            case "off": "Garbage collection is off"
            case "report": "Garbage is only reported (gc: report)"
            default: "Garbage is freed (gc: \(mode))"
            }
        let grace = Duration.seconds(graceSeconds).exact
        let head = "\(rule); the grace period is \(grace).\(dryRun ? " This is a dry run." : "")".wrapped()
        guard !suspects.isEmpty else { return head + "Nothing is suspect.\n" }
        return head + suspects.map { $0.text(isColoured: isColoured) }.joined()
    }
}

extension GarbageSuspect {
    fileprivate func text(isColoured: Bool) -> String {
        let words = isColoured ? ink.applied(to: outcome.words) : outcome.words
        let subject = subject.withShortIDs
        let head =
            outcome.words.count + 2 + subject.count > TextTable.width
            ? "\(words)\n" + subject.wrapped(from: 4) : "\(words)  \(subject)\n"
        var reason = reason.withShortIDs
        if outcome == .waiting { reason += "; suspect for \(Duration.seconds(suspectForSeconds).exact)" }
        if let decidedInSeconds { reason += ", decided in \(Duration.seconds(decidedInSeconds).exact)" }
        return head + reason.wrapped(from: 4)
    }

    private var ink: Ink {
        switch outcome {
        case .freed: .green
        case .failed, .willBeFinished: .red
        case .waiting, .kept, .wouldFree: .yellow
        }
    }
}

extension GarbageReport.Outcome {
    fileprivate var words: String {
        switch self {
        case .waiting: "waiting"
        case .kept: "kept"
        case .wouldFree: "would free"
        case .freed: "freed"
        case .willBeFinished: "will be finished"
        case .failed: "failed"
        }
    }
}

extension Duration {
    /// `600 s`, `1.5 s`: to a tenth.
    fileprivate var exact: String {
        let tenths = Int64(((self / .seconds(1)) * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
}
