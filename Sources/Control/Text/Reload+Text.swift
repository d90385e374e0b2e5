// SPDX-License-Identifier: Apache-2.0

extension ReloadAnswer {
    /// For people, 80 columns wide: a line for each setting that has another value, and what is to be said besides.
    public func text(isColoured: Bool) -> String {
        let head = settings.isEmpty ? "The configuration is as it was.\n" : ""
        return head + settings.map { $0.text(isColoured: isColoured) }.joined() + remarks.map { $0.wrapped() }.joined()
    }
}

extension ReloadedSetting {
    fileprivate func text(isColoured: Bool) -> String {
        let words = applied ? "changed" : "waits for the next start"
        let ink: Ink = applied ? .green : .yellow
        return "\(isColoured ? ink.applied(to: words) : words)  \(setting)\n" + "\(from) → \(to)".wrapped(from: 4)
    }
}
