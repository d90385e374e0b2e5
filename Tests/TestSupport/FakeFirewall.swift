// SPDX-License-Identifier: Apache-2.0

public import HostNetwork
import Synchronization

/// A packet filter that remembers elements, and what is at the engine. As the real one it refuses a key that is there with
/// another value, and writes nothing when it has nothing to write.
public final class FakeFirewall: Firewall {
    private struct State {
        var told: Set<RulesetElement> = []
        /// What was told, by set and key.
        var places: [String: RulesetElement] = [:]
        var present: Set<RulesetElement> = []
        /// Whether the tables were made since the daemon started.
        var isKnown = false
        var isAtEngine = false
        var engineBridges: Set<String> = []
        var refuses = false
        var restored = 0
        var collisions: [String] = []
    }

    public let table = "plugind"
    private let state = Mutex(State())

    public init() {}

    /// What the tables have now.
    public var elements: Set<RulesetElement> { state.withLock { $0.present } }
    /// The same in words such as `ports4 tcp . 8080 : 10.0.0.2 . 80`, sorted; with `sets`, only those of these.
    public func words(in sets: String...) -> [String] {
        elements.map(\.words).filter { words in sets.isEmpty || sets.contains { words.hasPrefix("\($0) ") } }.sorted()
    }
    public var isAtEngine: Bool { state.withLock { $0.isAtEngine } }
    public var restored: Int { state.withLock { $0.restored } }
    /// Keys that were to get a second value.
    public var collisions: [String] { state.withLock { $0.collisions } }
    public func refuse(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }
    /// What somebody else's `nft flush ruleset` does.
    public func flush() {
        state.withLock { state in
            state.present = []
            state.isAtEngine = false
        }
    }
    public func setEngineBridges(_ bridges: Set<String>) { state.withLock { $0.engineBridges = bridges } }

    /// The daemon ends, and with it what it was told; the tables stay.
    public func forgetWhatWasTold() {
        state.withLock { state in
            state.told = []
            state.places = [:]
            state.isKnown = false
        }
    }

    public func update(
        adding: Set<RulesetElement>, removing: Set<RulesetElement>
    ) throws(FirewallError) {
        try change { state throws(FirewallError) in
            let added = adding.subtracting(state.told)
            let removed = removing.intersection(state.told).subtracting(adding)
            if state.isKnown, added.isEmpty, removed.isEmpty { return }
            var places = state.places
            for element in removed { places[element.place] = nil }
            for element in added {
                guard let other = places.updateValue(element, forKey: element.place) else { continue }
                state.collisions.append("\(element.words) besides \(other.words)")
                throw FirewallError("change rules", reason: "File exists")
            }
            state.places = places
            state.told.subtract(removed)
            state.told.formUnion(added)
            state.present = state.told
            state.isKnown = true
        }
    }

    public func restore() throws(FirewallError) {
        try change { state throws(FirewallError) in
            state.present = state.told
            state.isKnown = true
            state.restored += 1
        }
    }

    public func acceptAtEngine(_ accepts: Bool) throws(FirewallError) -> Bool {
        var isMade = false
        try change { state throws(FirewallError) in
            isMade = accepts && !state.isAtEngine
            state.isAtEngine = accepts
        }
        return isMade
    }

    public func engineBridges() throws(FirewallError) -> Set<String> { state.withLock { $0.engineBridges } }

    private func change(_ body: (inout State) throws(FirewallError) -> Void) throws(FirewallError) {
        try state.withLock { state throws(FirewallError) in
            if state.refuses { throw FirewallError("change rules", reason: "told to") }
            try body(&state)
        }
    }
}

extension RulesetElement {
    /// Set and key.
    fileprivate var place: String { "\(part("set")) \(part("key"))" }

    /// `ports4 tcp . 8080 : 10.0.0.2 . 80`, as `nft` would say it.
    public var words: String {
        let value = Mirror(reflecting: self).descendant("value") as? String
        return place + (value.map { " : \($0)" } ?? "")
    }

    // Nothing but `Ruleset` needs to see what an element is made of, and tests that are built for speed are not let in.
    private func part(_ name: String) -> String {
        let part = Mirror(reflecting: self).descendant(name)
        return (part as? any RawRepresentable).map { "\($0.rawValue)" } ?? part.map { "\($0)" } ?? ""
    }
}
