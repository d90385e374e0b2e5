// SPDX-License-Identifier: Apache-2.0

extension ReconcileAnswer {
    /// For people, 80 columns wide: a line for each thing, and below it what was to be done. Ids are shortened.
    public func text(isColoured: Bool) -> String {
        guard !differences.isEmpty else {
            return dryRun ? "The host is as it should be.\n" : "The host is as it should be; nothing was to be done.\n"
        }
        return differences.map { $0.text(isColoured: isColoured) }.joined()
    }
}

extension ReconcileDifference {
    fileprivate func text(isColoured: Bool) -> String {
        let words =
            switch outcome {
            case .wouldMend: "would mend"
            case .mended: "mended"
            case .left: "left"
            }
        let ink: Ink =
            switch outcome {
            case .wouldMend: .yellow
            case .mended: .green
            case .left: .red
            }
        let head = "\(isColoured ? ink.applied(to: words) : words)  \(subject.withShortIDs)"
        let lines = [repairs.joined(separator: ", "), obstacle ?? ""].filter { !$0.isEmpty }
        return head + (link.map { "  \($0)" } ?? "") + "\n" + lines.map { $0.wrapped(from: 4) }.joined()
    }
}
