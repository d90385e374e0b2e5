// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Store
import TestSupport
import Testing

@testable import IPAM

/// Random calls, each compared with what a slow model says. `PLUGIND_IPAM_OPERATIONS` sets how many there are in all,
/// `PLUGIND_IPAM_SEED` repeats those of a failure, which prints its seed.
@Suite("Randomised runs", .timeLimit(.minutes(5 + ReferenceSettings.operations / 20_000)))
struct RandomisedTests {
    private static let shapes = [
        "10.0.0.0/8", "172.16.0.0/16", "10.1.2.0/24", "10.1.2.8/29", "10.1.2.4/31", "10.1.2.7/32", "fd00:1::/48",
        "fd00:2::/64", "fd00:3::/112", "fd00:4::4/127",
    ]

    @Test(arguments: shapes, PoolOptions.Order.allCases)
    func `in a pool of every shape each address goes to whom the slow model says`(
        shape: String, order: PoolOptions.Order
    ) async throws {
        let prefix = try #require(Prefix(shape))
        // One address of it is reserved in the configuration file, if there is another.
        let middle = try #require(IPAddress(family: prefix.family, bits: prefix.first.bits + prefix.hostMask / 2))
        let reserved = prefix.hostMask > 0 ? [Reservation(identity: .name("web"), address: middle)] : []
        let world = ReferenceRun.World(prefixes: [prefix], order: order, reservations: reserved)
        var run = try ReferenceRun(world: world, seed: ReferenceSettings.seed)
        try await run.run(steps: ReferenceSettings.operations / 40)
    }

    @Test(arguments: PoolOptions.Order.allCases)
    func `pools that overlap, are chosen, or are asked for again get the answers of the slow model`(
        order: PoolOptions.Order
    ) async throws {
        let prefixes = [
            "10.0.0.0/28", "10.0.0.16/29", "10.0.0.0/29", "10.0.0.24/30", "10.0.0.28/31", "10.0.0.30/32", "10.0.0.0/27",
            "10.0.0.64/28", "fd00::/124", "fd00::10/126", "fd00::14/127", "fd00::16/128", "fd00::/123",
        ].compactMap { Prefix($0) }
        let block = try #require(
            Prefix("10.0.0.0/25").flatMap { DefaultPools.Block(base: $0, poolLength: 29) })
        let world = ReferenceRun.World(
            prefixes: prefixes, order: order, defaultPools: DefaultPools(ipv4: [block], ipv6: []),
            candidates: (0..<16).compactMap { Prefix("10.0.0.\($0 * 8)/29") },
            occupied: ["10.0.0.40/30", "10.0.0.96/28"].compactMap { Prefix($0) })
        var run = try ReferenceRun(world: world, seed: ReferenceSettings.seed)
        try await run.run(steps: ReferenceSettings.operations / 12)
    }

    /// A run that comes across nothing finds nothing.
    @Test(arguments: PoolOptions.Order.allCases)
    func `random calls come across everything that there is a rule for`(order: PoolOptions.Order) async throws {
        let world = ReferenceRun.World(prefixes: [try #require(Prefix("10.1.2.8/29"))], order: order)
        var run = try ReferenceRun(world: world, seed: 5)
        try await run.run(steps: 3_000)
        let occasions = [
            "given: blank", "given: had it before", "given: reserved", "given: by number", "given: gateway",
            "given: weaklyClaimed", "given: quarantined", "given: claimed", "refused: exhausted", "refused: taken",
            "refused: reserved", "refused: protected", "refused: unusable", "refused: unknown pool",
            "refused by the store", "excluded", "included",
        ]
        for occasion in occasions { #expect(run.tally[occasion] != nil, "never \(occasion), in \(run.tally)") }
    }
}

/// What the environment says.
enum ReferenceSettings {
    private static let environment = ProcessInfo.processInfo.environment
    static let operations = environment["PLUGIND_IPAM_OPERATIONS"].flatMap(Int.init) ?? 20_000
    static var seed: UInt64 { environment["PLUGIND_IPAM_SEED"].flatMap(UInt64.init) ?? .random(in: 1 ... .max) }
}
