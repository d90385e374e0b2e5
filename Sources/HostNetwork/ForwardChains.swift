// SPDX-License-Identifier: Apache-2.0

/// What of the packet filter, whoever made it, decides about what is forwarded. Only looked at.
public struct ForwardChains: Hashable, Sendable {
    /// A base chain of the hook `forward`.
    public struct Chain: Hashable, Sendable {
        public let family: String
        public let table: String
        public let name: String
        /// Whether its policy is drop.
        public let drops: Bool
        /// Whether a rule in it drops or rejects. Chains that it jumps to are not looked at for this.
        public let hasDrops: Bool
        /// Whether a rule, in it or in a chain that it jumps to, accepts what plugind marks.
        public let acceptsMark: Bool
    }

    /// All tables that have a chain, such as `inet plugind`.
    public let tables: Set<String>
    /// Whether the engine's chain for others is there.
    public let hasEngineChain: Bool
    public let chains: [Chain]

    /// Asks the kernel, which takes CAP_NET_ADMIN.
    public init() throws(FirewallError) {
        let context = try NFTablesContext()
        let listing = ForwardListing(try context.listing(of: "chains"))
        tables = listing.tables
        hasEngineChain = listing.hasEngineChain
        var chains: [Chain] = []
        for base in listing.chains {
            let rules = try context.rules(of: base.title) ?? []
            var accepts = rules.contains(where: Self.acceptsMark)
            for target in Set(rules.compactMap(Self.target)) where !accepts {
                let jumped = try context.rules(of: "\(base.family) \(base.table) \(target)") ?? []
                accepts = jumped.contains(where: Self.acceptsMark)
            }
            chains.append(
                Chain(
                    family: base.family, table: base.table, name: base.name, drops: base.drops,
                    hasDrops: rules.contains(where: Self.drops), acceptsMark: accepts))
        }
        self.chains = chains
    }

    private static let mark = "0x" + String(Ruleset.mark, radix: 16)

    private static func words(of rule: Substring) -> [Substring] {
        rule.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == ";" })
    }

    private static func acceptsMark(_ rule: Substring) -> Bool {
        let words = words(of: rule)
        return words.contains { $0.lowercased() == mark } && words.contains("accept")
    }

    /// The line of a base chain's own settings says `policy drop`.
    private static func drops(_ rule: Substring) -> Bool {
        let words = words(of: rule)
        return words.first != "type" && (words.contains("drop") || words.contains("reject"))
    }

    private static func target(of rule: Substring) -> Substring? {
        let words = words(of: rule)
        guard let jump = words.firstIndex(where: { $0 == "jump" || $0 == "goto" }), jump + 1 < words.count else {
            return nil
        }
        return words[jump + 1]
    }
}

/// What `list chains` says, read.
struct ForwardListing: Hashable {
    struct Base: Hashable {
        let family: String
        let table: String
        let name: String
        let drops: Bool

        var title: String { "\(family) \(table) \(name)" }
    }

    private(set) var tables: Set<String> = []
    private(set) var hasEngineChain = false
    private(set) var chains: [Base] = []

    init(_ lines: [Substring]) {
        var table: (family: String, name: String)?
        var chain = ""
        for line in lines {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == ";" }).map(String.init)
            switch words.first {
            case "table" where words.count > 2:
                table = (words[1], words[2])
                tables.insert("\(words[1]) \(words[2])")
            case "chain" where words.count > 1:
                chain = words[1]
                if chain == "DOCKER-USER" { hasEngineChain = true }
            case "type":
                guard let table, let hook = words.firstIndex(of: "hook"), hook + 1 < words.count,
                    words[hook + 1] == "forward"
                else { continue }
                let policy = words.firstIndex(of: "policy").flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
                chains.append(Base(family: table.family, table: table.name, name: chain, drops: policy == "drop"))
            default: continue
            }
        }
    }
}
