// SPDX-License-Identifier: Apache-2.0

/// What a watcher who sees calls begin and end, and nothing else, knows of one object.
///
/// Calls overlap, so a call happened at some moment between its beginning and its end. Where two calls overlap whose
/// order decides, the watcher knows nothing until a later call settles it. `Time` counts beginnings and ends.
struct Knowledge<Content: Sendable>: Sendable {
    typealias Time = Int

    enum Fact: Sendable {
        /// It is not there.
        case free
        /// It is there: whoever made it was told so, and nobody has begun to take it away.
        case held(Content)
        /// It may be there, but the daemon owes its removal: a call that failed must leave nothing in the end.
        case owed
        case unknown
    }

    private(set) var fact = Fact.free
    /// Calls under way that make it and that take it away.
    private(set) var making = 0
    private(set) var unmaking = 0
    /// When last such a call ended that may have changed something.
    private(set) var lastMade: Time = -1
    private(set) var lastUnmade: Time = -1
    /// Up to when it may have been there, and up to when it may not.
    private var lastPresent: Time = -1
    private var lastAbsent: Time = -1

    /// It is there, for sure, now.
    var held: Content? {
        guard case .held(let content) = fact, unmaking == 0 else { return nil }
        return content
    }

    var isFree: Bool {
        guard case .free = fact else { return false }
        return true
    }

    var isOwed: Bool {
        guard case .owed = fact else { return false }
        return true
    }

    var isUnknown: Bool {
        guard case .unknown = fact else { return false }
        return true
    }

    /// True if it was there, for sure, at every moment since `time`.
    func isPresent(since time: Time) -> Bool {
        held != nil && lastAbsent < time && lastUnmade < time
    }

    /// True if it was absent, for sure, at every moment since `time`.
    func isAbsent(since time: Time) -> Bool {
        isFree && making == 0 && lastPresent < time
    }

    /// True if no call that makes it or takes it away was under way at any moment since `time`.
    func isQuiet(since time: Time) -> Bool {
        making == 0 && unmaking == 0 && lastMade < time && lastUnmade < time
    }
}

// MARK: - Calls that make it

extension Knowledge {
    mutating func beginMaking() { making += 1 }

    /// The call was refused by the rules, and so changed nothing.
    mutating func endMaking() { making -= 1 }

    /// `isContested`: something else than the calls counted here may have taken it away meanwhile.
    mutating func made(_ content: Content, begin: Time, now: Time, isContested: Bool = false) {
        if case .held = fact {} else { lastAbsent = now }
        fact = isContested || unmaking > 0 || lastUnmade > begin ? .unknown : .held(content)
        if isUnknown { lastAbsent = now }
        lastMade = now
        lastPresent = now
    }

    /// The store or the host refused.
    mutating func makingFailed(begin: Time, now: Time) {
        if isFree { fact = .owed }
        if case .held = fact, unmaking > 0 || lastUnmade > begin { fact = .unknown }
        lastMade = now
        lastPresent = now
    }

    mutating func makingLost(begin: Time, now: Time) {
        guard held == nil || lastUnmade > begin else { return }
        fact = .unknown
        lastMade = now
        lastPresent = now
        lastAbsent = now
    }
}

// MARK: - Calls that take it away

extension Knowledge {
    mutating func beginUnmaking() { unmaking += 1 }
    mutating func endUnmaking() { unmaking -= 1 }

    mutating func unmade(begin: Time, now: Time) {
        if !isFree { lastPresent = now }
        fact = lastMade > begin ? .unknown : .free
        lastUnmade = now
        lastAbsent = now
    }

    mutating func unmakingFailed(begin: Time, now: Time) {
        lastUnmade = now
        lastAbsent = now
        guard !isFree else { return }
        fact = lastMade > begin ? .unknown : .owed
        lastPresent = now
    }

    mutating func unmakingLost(now: Time) {
        lastUnmade = now
        lastAbsent = now
        guard !isFree else { return }
        fact = .unknown
        lastPresent = now
    }

    /// It may have been taken away, or put back, by something that is not counted here.
    mutating func doubt(now: Time) {
        unmakingLost(now: now)
    }
}

// MARK: - Rest

extension Knowledge {
    /// While no call is under way: the daemon has done what it owed; or it was restarted, and what it owed in memory
    /// nobody owes any more.
    mutating func endDebt(isRestarted: Bool) {
        if isOwed { fact = isRestarted ? .unknown : .free }
    }

    /// It is there, and nobody knows why: an answer was lost.
    mutating func discover() { fact = .unknown }
}
