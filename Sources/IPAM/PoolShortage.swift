// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// Why no pool could be chosen: which blocks there are to choose from, and what is in the way in each.
public struct PoolShortage: Hashable, Sendable {
    public let family: AddressFamily
    /// The prefix length that was asked for, if one was.
    public let size: Int?
    /// The blocks of the family.
    public let blocks: [Prefix]
    /// Those that are large enough, in the order in which they were tried.
    public let tried: [TriedBlock]

    public struct TriedBlock: Hashable, Sendable {
        public let base: Prefix
        /// What is in the way, in words.
        public let reason: String
    }

    /// Something that a pool must not overlap.
    struct Obstacle {
        let prefix: Prefix
        let what: String
        let isPool: Bool
    }

    init(family: AddressFamily, size: Int?, blocks: [Prefix], tried: [Prefix], obstacles: [Obstacle]) {
        self.family = family
        self.size = size
        self.blocks = blocks
        // The largest first: they are in the way of most.
        let obstacles = obstacles.sorted {
            ($0.prefix.length, $0.prefix, $0.what) < ($1.prefix.length, $1.prefix, $1.what)
        }
        self.tried = tried.map { base in
            TriedBlock(base: base, reason: Self.reason(obstacles.filter { $0.prefix.overlaps(base) }))
        }
    }

    /// Few are named; of more pools the number is, since they are listed elsewhere.
    private static func reason(_ obstacles: [Obstacle]) -> String {
        let pools = obstacles.filter(\.isPool)
        let others = obstacles.filter { !$0.isPool }
        var words = others.prefix(named).map { shortened($0.what) }
        let unnamed = others.count - words.count
        if unnamed > 0 { words.append(unnamed == 1 ? "another" : "\(unnamed) others") }
        words += pools.count > named ? ["\(pools.count) pools"] : pools.map { shortened($0.what) }
        return words.joined(separator: ", ")
    }

    private static let named = 2

    private static func shortened(_ text: String) -> String {
        text.count > 100 ? text.prefix(99) + "…" : text
    }
}

extension PoolShortage: CustomStringConvertible {
    /// At most some 600 characters, and in the end the way out.
    public var description: String {
        let wanted = size.map { "no \(family) pool of size /\($0) is free" } ?? "no \(family) pool is free"
        let wayOut = "; name a subnet with --subnet, or configure default-address-pools"
        if tried.isEmpty { return "\(wanted): \(nothingTried)\(wayOut)" }
        var words = ""
        var untold = groups
        while let (group, count) = untold.first {
            let rest = count > 1 ? " and \(count - 1) more" : ""
            let sentence = "; in \(group.base)\(rest): \(group.reason)"
            // One is always told: it is not that long.
            guard words.isEmpty || words.count + sentence.count <= Self.longest else { break }
            words += sentence
            untold.removeFirst()
        }
        let count = untold.reduce(0) { $0 + $1.count }
        if count > 0 { words += "; and so on in \(count) more" }
        return "\(wanted)\(words)\(wayOut)"
    }

    /// Characters for all blocks together.
    private static let longest = 420

    private var nothingTried: String {
        guard let largest = blocks.map(\.length).min() else { return "there are no blocks to choose one from" }
        return "the largest of the blocks to choose one from is a /\(largest)"
    }

    /// Blocks in which the same is in the way, by the first of them.
    private var groups: [(block: TriedBlock, count: Int)] {
        var counts: [String: Int] = [:]
        for block in tried { counts[block.reason, default: 0] += 1 }
        var seen: Set<String> = []
        return tried.filter { seen.insert($0.reason).inserted }.map { ($0, counts[$0.reason] ?? 1) }
    }
}
