// SPDX-License-Identifier: Apache-2.0

extension AuditList {
    /// For people, 80 columns wide: when, what and about what, and the reason below. Ids are shortened.
    public func text(isColoured: Bool) -> String {
        guard !entries.isEmpty else { return "no lines\n" }
        return entries.map { $0.text(isColoured: isColoured) }.joined()
    }
}

extension AuditEntry {
    fileprivate func text(isColoured: Bool) -> String {
        // Seconds are enough for people, and all of it is UTC.
        let when = time.prefix(19).replacing("T", with: " ") + "Z"
        let words = isColoured ? Ink.bold.applied(to: decision) : decision
        let head = "\(when)  \(words)  \(subject.withShortIDs)"
        let isWide = "\(when)  \(decision)  \(subject.withShortIDs)".count > TextTable.width
        let line = isWide ? "\(when)  \(words)\n" + subject.withShortIDs.wrapped(from: 4) : head + "\n"
        return line + reason.withShortIDs.wrapped(from: 4)
    }
}
