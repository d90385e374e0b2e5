// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// The `plugind.` options of a pool (`--ipam-opt`), parsed: how addresses are chosen, and for how long they are kept.
public struct PoolOptions: Hashable, Sendable {
    /// In which order free addresses are chosen.
    public enum Order: String, CaseIterable, Sendable {
        /// The least recently used first.
        case lru
        case random
        /// The lowest first.
        case sequential
    }

    /// For how long an address is kept for the one that had it.
    public enum Retention: Hashable, Sendable {
        case off
        case forever
        case time(Duration)
    }

    /// The options by name.
    public enum Key: String, CaseIterable, Sendable {
        case sticky = "plugind.sticky"
        case quarantine = "plugind.quarantine"
        case order = "plugind.order"
        case ranges = "plugind.ranges"
        case exclude = "plugind.exclude"
        case reserve = "plugind.reserve"
        case name = "plugind.name"
    }

    /// For how long after its release an address is kept for the container that had it.
    public var sticky: Retention = .time(.seconds(86_400))
    /// For how long after its release nobody else gets an address. Zero is not at all.
    public var quarantine: Duration = .seconds(60)
    public var order: Order = .lru
    /// Where addresses are chosen from; empty: everywhere. Each is of one family.
    public var ranges: [ClosedRange<IPAddress>] = []
    /// What is never chosen. Each is of one family.
    public var exclude: [ClosedRange<IPAddress>] = []
    public var reservations: [Reservation] = []
    /// The network's name: the same pool again for the same name.
    public var name: String?
    /// Those of `sticky`, `quarantine` and `order` that are the pool's own, whatever the defaults are.
    private var said: Set<Key> = []

    /// What holds where nothing is said.
    public init() {}

    /// Takes the options that are plugind's; those of others are not looked at. What is not among them is as in
    /// `defaults`.
    ///
    /// The engine sends the same options with the request of each family, so entries of the other family are read and
    /// left out. Whether the rest fits into a pool, `check(against:subPool:)` tells. Fails with `badOption`.
    public init(
        _ options: [String: String], family: AddressFamily, defaults: PoolOptions
    ) throws(IPAMError) {
        self = defaults
        do throws(OptionProblem) {
            // In order, so that the same mistake is always reported first.
            for (name, value) in options.sorted(by: { $0.key < $1.key }) where name.hasPrefix(Self.ours) {
                guard let key = Key(rawValue: name) else { throw Self.unknown(name) }
                try take(key, value, family: family)
            }
        } catch {
            throw .badOption(error)
        }
    }

    /// The same options where the defaults are `defaults`.
    public func following(_ defaults: PoolOptions) -> PoolOptions {
        var options = self
        if !said.contains(.sticky) { options.sticky = defaults.sticky }
        if !said.contains(.quarantine) { options.quarantine = defaults.quarantine }
        if !said.contains(.order) { options.order = defaults.order }
        return options
    }
}

extension PoolOptions.Retention: LosslessStringConvertible {
    /// Takes `off`, `forever` or a duration as in `Duration.init(text:)`; no time at all is `off`.
    public init?(_ description: String) {
        switch description {
        case "off", "0": self = .off
        case "forever": self = .forever
        default:
            guard let time = Duration(text: description) else { return nil }
            self = time == .zero ? .off : .time(time)
        }
    }

    public var description: String {
        switch self {
        case .off: "off"
        case .forever: "forever"
        case .time(let time): time.text
        }
    }
}

// MARK: - Reading

extension PoolOptions {
    /// Reads the value of `quarantine`: a duration as in `Duration.init(text:)`, `0` or `off`.
    public static func quarantine(_ text: String) -> Duration? {
        text == "off" || text == "0" ? .zero : Duration(text: text)
    }

    private static let ours = "plugind."

    private static func unknown(_ name: String) -> OptionProblem {
        let known = Key.allCases.map { String($0.rawValue.dropFirst(ours.count)) }
        let nearest = String(name.dropFirst(ours.count)).nearest(among: known)
        return OptionProblem(unknown: name, nearest: nearest.map { ours + $0 })
    }

    private mutating func take(_ key: Key, _ text: String, family: AddressFamily) throws(OptionProblem) {
        switch key {
        case .sticky:
            guard let retention = Retention(text) else {
                throw OptionProblem(key, text, "is not a duration such as 90s, 10m, 24h or 7d, nor off, nor forever")
            }
            sticky = retention
            said.insert(key)
        case .quarantine:
            guard let duration = Self.quarantine(text) else {
                throw OptionProblem(key, text, "is not a duration such as 90s, 10m, 24h or 7d, nor off")
            }
            quarantine = duration
            said.insert(key)
        case .order:
            guard let order = Order(rawValue: text) else {
                throw OptionProblem(
                    key, text, "is not an order; orders are \(Order.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            self.order = order
            said.insert(key)
        case .ranges:
            ranges = try Self.ranges(key, text, family: family)
        case .exclude:
            exclude = try Self.ranges(key, text, family: family)
        case .reserve:
            reservations = try Self.entries(key, text)
                .map { entry throws(OptionProblem) in try Reservation(entry, of: key) }
                .filter { $0.address.family == family }
        case .name:
            name = try Self.networkName(key, text)
        }
    }

    private static func ranges(
        _ key: Key, _ text: String, family: AddressFamily
    ) throws(OptionProblem) -> [AddressRange] {
        try entries(key, text)
            .map { entry throws(OptionProblem) in try AddressRange(entry, of: key) }
            .filter { $0.lowerBound.family == family }
    }

    /// The entries of a list, without the spaces around them.
    private static func entries(_ key: Key, _ text: String) throws(OptionProblem) -> [String] {
        let entries = text.split(separator: ",", omittingEmptySubsequences: false).map {
            String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        guard entries != [""] else { throw OptionProblem(key, text, "is an empty list") }
        guard !entries.contains("") else { throw OptionProblem(key, text, "is a list with an empty entry") }
        return entries
    }

    /// The engine takes nearly any name for a network; this one becomes part of a key in the store and of log lines.
    private static func networkName(_ key: Key, _ text: String) throws(OptionProblem) -> String {
        guard !text.isEmpty else { throw OptionProblem(key, text, "is no name") }
        guard text.utf8.count <= 255 else { throw OptionProblem(key, text, "is longer than 255 bytes") }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw OptionProblem(key, text, "has control characters")
        }
        return text
    }
}

// MARK: - Checking against a pool

extension PoolOptions {
    /// Refuses, with `badOption`, what cannot be meant in a pool of `prefix` with the ip range `subPool`.
    public func check(against prefix: Prefix, subPool: Prefix?) throws(IPAMError) {
        do throws(OptionProblem) {
            try checkRanges(against: prefix, subPool: subPool)
            for range in exclude { try Self.check(.exclude, range, isIn: prefix) }
            try checkReservations(against: prefix)
        } catch {
            throw .badOption(error)
        }
    }

    private func checkRanges(against prefix: Prefix, subPool: Prefix?) throws(OptionProblem) {
        for range in ranges { try Self.check(.ranges, range, isIn: prefix) }
        let ascending = ranges.sorted { $0.lowerBound < $1.lowerBound }
        for (one, next) in zip(ascending, ascending.dropFirst()) where one.overlaps(next) {
            throw OptionProblem(.ranges, next.text, "overlaps \(one.text)")
        }
        guard !ranges.isEmpty, chosenFrom(in: prefix, subPool: subPool).isEmpty else { return }
        throw OptionProblem(
            .ranges, ranges.map(\.text).joined(separator: ", "),
            subPool.map { "leaves no address in ip range \($0) that a container in subnet \(prefix) could have" }
                ?? "leaves no address that a container in subnet \(prefix) could have")
    }

    private func checkReservations(against prefix: Prefix) throws(OptionProblem) {
        let usable = Pool.usable(of: prefix)
        var byAddress: [IPAddress: Reservation] = [:]
        var byIdentity: [Identity: Reservation] = [:]
        for reservation in reservations {
            let address = reservation.address
            try Self.check(.reserve, address...address, isIn: prefix, as: reservation.description)
            let offset = address.bits - prefix.base.bits
            if offset < usable.lowerBound {
                throw OptionProblem(
                    .reserve, reservation.description,
                    "is the \(prefix.family == .v4 ? "network" : "routers' anycast") address of subnet \(prefix)")
            }
            if offset > usable.upperBound {
                throw OptionProblem(
                    .reserve, reservation.description, "is the broadcast address of subnet \(prefix)")
            }
            if let other = byAddress.updateValue(reservation, forKey: address) {
                throw other == reservation
                    ? OptionProblem(.reserve, reservation.description, "is there twice")
                    : OptionProblem(
                        .reserve, "\(address)", "is reserved for \(other.identity) and for \(reservation.identity)")
            }
            if let other = byIdentity.updateValue(reservation, forKey: reservation.identity) {
                throw OptionProblem(
                    .reserve, reservation.description,
                    "is a second address for \(reservation.identity), which has \(other.address) in subnet \(prefix)")
            }
        }
    }

    private static func check(
        _ key: Key, _ range: AddressRange, isIn prefix: Prefix, as text: String? = nil
    ) throws(OptionProblem) {
        guard !prefix.contains(range.lowerBound) || !prefix.contains(range.upperBound) else { return }
        throw OptionProblem(
            key, text ?? range.text,
            range.offsets(in: prefix) == nil ? "is not in subnet \(prefix)" : "reaches beyond subnet \(prefix)")
    }
}

// MARK: - Offsets

extension PoolOptions {
    /// The offsets in `prefix` that are never chosen without being asked for: what no link can have, what is outside of
    /// the ip range `subPool` or of the ranges, and the exclusions. Ascending, with gaps between.
    func closed(in prefix: Prefix, subPool: Prefix?) -> [ClosedRange<UInt128>] {
        let outside = chosenFrom(in: prefix, subPool: subPool).complement(in: 0...prefix.hostMask)
        return (outside + excluded(in: prefix)).merged()
    }

    /// How many addresses would be chosen from if they were not excluded, by the option or as the offsets `others` are.
    func excludedCount(in prefix: Prefix, subPool: Prefix?, and others: [ClosedRange<UInt128>] = []) -> UInt128 {
        // No overflow: of a prefix with 2^128 addresses one is not usable.
        chosenFrom(in: prefix, subPool: subPool).intersection((excluded(in: prefix) + others).merged())
            .reduce(0) { $0 + ($1.upperBound - $1.lowerBound + 1) }
    }

    /// The usable offsets in the ip range and in the ranges, be they excluded or not.
    private func chosenFrom(in prefix: Prefix, subPool: Prefix?) -> [ClosedRange<UInt128>] {
        guard let window = Pool.window(of: prefix, subPool: subPool) else { return [] }
        guard !ranges.isEmpty else { return [window] }
        return ranges.compactMap { $0.offsets(in: prefix) }.merged().intersection([window])
    }

    private func excluded(in prefix: Prefix) -> [ClosedRange<UInt128>] {
        exclude.compactMap { $0.offsets(in: prefix) }.merged()
    }
}
