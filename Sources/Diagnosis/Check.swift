// SPDX-License-Identifier: Apache-2.0

/// One thing that the doctor looks at: a pure function of facts that were gathered before.
public protocol Check: Sendable {
    /// One word.
    static var name: String { get }
    /// What is to be said of it if nothing was found: a line.
    static func summary(of facts: Facts) -> String
    static func findings(in facts: Facts) -> [Finding]
}

extension Check {
    /// The note that a fact could not be had, if so.
    static func unknown<Value>(_ fact: Fact<Value>) -> [Finding] {
        guard case .unknown(let reason) = fact else { return [] }
        return [Finding(.notChecked, "\(name) could not be checked: \(reason)")]
    }
}
