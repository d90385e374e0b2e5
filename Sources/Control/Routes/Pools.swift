// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import IPAM

/// The answer to `GET /v1/pools`.
public struct PoolList: Codable, Hashable, Sendable {
    /// In the order of their ids.
    public var pools: [PoolStatus]

    public init(pools: [PoolStatus]) {
        self.pools = pools
    }
}

/// How full a pool is: the answer to `GET /v1/pools/{id}`. The numbers are numbers of addresses.
public struct PoolStatus: Codable, Hashable, Sendable {
    public var id: PoolID
    /// The address space: `plugind-local` or `plugind-global`.
    public var space: String
    public var subnet: Prefix
    /// What `--ip-range` said.
    public var ipRange: Prefix?
    /// All of the subnet; 2^128 - 1 stands for one more.
    public var size: UInt128
    /// What is chosen from. It is the sum of `used` less `usedOutside`, `sticky`, `quarantined`, `reserved` and `free`.
    public var allocatable: UInt128
    /// Held.
    public var used: UInt128
    /// Those of `used` that are not among the allocatable: they were asked for by number.
    public var usedOutside: UInt128
    /// Released, and kept for who had them.
    public var sticky: UInt128
    /// Released a moment ago, and kept for nobody.
    public var quarantined: UInt128
    /// Reserved, and not held.
    public var reserved: UInt128
    /// Never chosen, though usable and in the ranges.
    public var excluded: UInt128
    /// What commands have excluded, in ascending order: addresses, ranges, prefixes.
    public var exclusions: [String]
    /// What the pool's option `plugind.exclude` excludes, likewise.
    public var excludedByOption: [String]
    public var free: UInt128
    /// By how many the used ones grow in an hour, as of late. Nil while that cannot be told.
    public var growthPerHour: Double?
    /// When the pool will be full at that rate, in whole seconds. Nil if it does not grow.
    public var exhaustedInSeconds: Int64?

    public init(_ report: PoolReport) {
        id = report.id
        space = report.space.description
        subnet = report.prefix
        ipRange = report.subPool
        size = report.size
        allocatable = report.allocatable
        used = report.used
        usedOutside = report.usedOutside
        sticky = report.sticky
        quarantined = report.quarantined
        reserved = report.reserved
        excluded = report.excluded
        exclusions = report.exclusions.map(\.text)
        excludedByOption = report.optionExclusions.map(\.text)
        free = report.free
        growthPerHour = report.growthPerHour
        exhaustedInSeconds = report.exhaustedIn?.components.seconds
    }
}

extension ControlRouter {
    /// What can be asked about pools.
    public mutating func onPools(_ ipam: IPAM) {
        on("GET", "/pools") { _ in
            PoolList(pools: await ipam.report().map(PoolStatus.init))
        }
        on("GET", "/pools/{id}") { request in
            let id: PoolID = try request.parameter("id", as: "the id of a pool")
            guard let report = await ipam.report().first(where: { $0.id == id }) else {
                throw ControlError.notFound("pool \(id) is not known to plugind")
            }
            return PoolStatus(report)
        }
    }
}
