// SPDX-License-Identifier: Apache-2.0

extension ExclusionAnswer {
    /// For people: what is excluded now, and what of the ranges that were asked for is not as one might think.
    public func text() -> String {
        let all = exclusions.isEmpty ? "nothing" : exclusions.joined(separator: ", ")
        var text = "excluded from \(pool) by command: \(all)".wrapped(indent: 2)
        for one in held { text += "\(one.address) stays in use until it is released: \(one.holder)".wrapped(indent: 2) }
        if !excludedByOption.isEmpty {
            let list = excludedByOption.joined(separator: ", ")
            text += "\(list) excluded by the pool's option plugind.exclude, as long as its network".wrapped(indent: 2)
        }
        return text
    }
}
