// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Randomised runs")
struct RandomisedTests {
    private static let prefixes = [
        "10.0.0.0/28", "10.0.0.16/29", "10.0.0.0/29", "10.0.0.24/30", "10.0.0.28/31", "10.0.0.30/32", "10.0.0.0/27",
        "10.0.0.64/28", "fd00::/124", "fd00::10/126", "fd00::14/127", "fd00::16/128", "fd00::/123",
    ].compactMap { Prefix($0) }

    private enum Call {
        case requestPool(AddressSpace, Prefix?, Prefix?)
        case releasePool(PoolID)
        case requestAddress(PoolID, IPAddress?, AddressRecord.Role)
        case releaseAddress(PoolID, IPAddress)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `every answer and every stored state is what the slow model says`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let cut = try #require(Prefix("10.0.0.0/25"))
        let block = try #require(DefaultPools.Block(base: cut, poolLength: 29))
        let defaultPools = DefaultPools(ipv4: [block], ipv6: [])
        let occupied = ["10.0.0.40/30", "10.0.0.96/28"]

        let store = FakeStore()
        var ipam = try IPAM.make(store: store, defaultPools: defaultPools, occupied: occupied)
        var model = SlowModel(
            defaultPools: (0..<16).compactMap { Prefix("10.0.0.\($0 * 8)/29") },
            occupied: occupied.compactMap { Prefix($0) })

        for step in 0..<1_000 {
            if Int.random(in: 0..<100, using: &random) == 0 {
                ipam = try IPAM.make(store: store, defaultPools: defaultPools, occupied: occupied)
                model.restart()
            }
            let call = randomCall(model: model, using: &random)
            let isRefused = Int.random(in: 0..<10, using: &random) == 0
            if isRefused { store.failNext() }
            let commitCount = store.commits.count

            var after = model
            let expected = Self.answer(call, &after)
            do {
                let answer = try await Self.answer(call, ipam)
                #expect(answer == expected, "step \(step): \(call), seed \(seed)")
                model = after
            } catch let error as IPAMError {
                #expect(
                    expected == .refused(isBadRequest: error.isBadRequest),
                    "step \(step): \(call): \(error), seed \(seed)")
                model = after
            } catch is StoreError {
                #expect(isRefused && store.commits.count == commitCount, "step \(step): \(call), seed \(seed)")
                // Nothing changed, only the choice of addresses goes on from where it was tried.
                for (index, pool) in model.pools.enumerated() {
                    model.pools[index].cursor = after.pools.first { $0.id == pool.id }?.cursor ?? pool.cursor
                }
            }
            store.failNext(0)
            #expect(store.state.content == model.content, "step \(step): \(call), seed \(seed)")
            #expect(store.violations.isEmpty, "step \(step): \(call), seed \(seed)")
        }
    }

    private func randomCall(model: SlowModel, using random: inout SeededGenerator) -> Call {
        let space: AddressSpace = Int.random(in: 0..<3, using: &random) == 0 ? .global : .local
        guard let prefix = Self.prefixes.randomElement(using: &random) else { return .requestPool(.local, nil, nil) }
        // A part of the prefix that is not all of a /30's outermost addresses.
        let subPool =
            prefix.hostMask > 3 && Bool.random(using: &random)
            ? Prefix(containing: prefix.last, length: prefix.length + 1) : nil
        let known = model.pools.randomElement(using: &random).flatMap { PoolID($0.id) }
        let stranger = PoolID(space: space, prefix: prefix, subPool: nil)
        let id = Int.random(in: 0..<10, using: &random) == 0 ? stranger : known ?? stranger
        let within = model.pools.first { $0.id == id.description }?.prefix ?? prefix
        let bits = within.base.bits + UInt128.random(in: 0...within.hostMask + 1, using: &random)
        let address = IPAddress(family: within.family, bits: bits) ?? within.first
        switch Int.random(in: 0..<20, using: &random) {
        case 0, 1: return .requestPool(space, prefix, subPool)
        case 2: return .requestPool(space, nil, nil)
        case 3: return .releasePool(id)
        case 4...8: return .requestAddress(id, nil, .address)
        case 9: return .requestAddress(id, nil, .gateway)
        case 10: return .requestAddress(id, address, .gateway)
        case 11...13: return .requestAddress(id, address, .address)
        default: return .releaseAddress(id, address)
        }
    }

    private static func answer(_ call: Call, _ model: inout SlowModel) -> SlowModel.Answer {
        switch call {
        case .requestPool(let space, let prefix, let subPool): model.requestPool(space, prefix, subPool)
        case .releasePool(let id): model.releasePool(id.description)
        case .requestAddress(let id, let address, let role): model.requestAddress(id.description, address, role)
        case .releaseAddress(let id, let address): model.releaseAddress(id.description, address)
        }
    }

    private static func answer(_ call: Call, _ ipam: IPAM) async throws -> SlowModel.Answer {
        switch call {
        case .requestPool(let space, let prefix, let subPool):
            let request = try PoolRequest(
                space: space.rawValue, pool: prefix.flatMap { InterfaceAddress($0.description) },
                subPool: subPool.flatMap { InterfaceAddress($0.description) }, isIPv6: prefix?.family == .v6,
                options: [:])
            return .pool(try await ipam.requestPool(request).id.description)
        case .releasePool(let id):
            try await ipam.releasePool(id)
        case .requestAddress(let id, let address, let role):
            let request = AddressRequest(pool: id, address: address, role: role)
            return .address(try await ipam.requestAddress(request).description)
        case .releaseAddress(let id, let address):
            try await ipam.releaseAddress(address, in: id)
        }
        return .nothing
    }
}
