// SPDX-License-Identifier: Apache-2.0

import Addressing
import Garbage
import IPAM
import Logging
import Store
import TestSupport
import Testing

/// Addresses that stopped containers had asked for by number, and what the engine knows of those.
@Suite("Protection")
struct ProtectionTests {
    private let bench: Bench
    private let review: ProtectionReview
    private let pool: PoolID
    private let address: IPAddress

    /// A container that asked for an address by number, and was stopped.
    init() async throws {
        bench = try Bench()
        review = ProtectionReview(
            ipam: bench.ipam, engine: { [bench] in bench.engine },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let request = try PoolRequest(
            space: AddressSpace.local.rawValue, pool: InterfaceAddress("10.0.0.0/24"), subPool: nil, isIPv6: false,
            options: [:])
        pool = try await bench.ipam.requestPool(request).id
        address = try #require(IPAddress("10.0.0.5"))
        _ = try await bench.ipam.requestAddress(AddressRequest(pool: pool, address: address, name: "web"))
        try await bench.ipam.releaseAddress(address, in: pool)
    }

    private func isRefused(to name: String) async throws -> Bool {
        do {
            _ = try await bench.ipam.requestAddress(AddressRequest(pool: pool, address: address, name: name))
            return false
        } catch {
            #expect("\(error)".contains("is kept for container web, which asked for it by number"), "\(error)")
            return true
        }
    }

    @Test func `while the engine knows the container its address is nobody else's`() async throws {
        for name in ["web", nil] {
            bench.engine.knowFixed([FixedAddress(address: address, name: name)])
            await review.look()
            #expect(await bench.ipam.protectedAddresses().map(\.address) == [address])
            #expect(try await isRefused(to: "db"))
        }
    }

    @Test func `a container that was refused does not keep the address from itself`() async throws {
        #expect(try await isRefused(to: "db"))
        // It was made, and could not be started.
        bench.engine.knowFixed([FixedAddress(address: address, name: "db")])
        await review.look()
        #expect(try await !isRefused(to: "db"))
    }

    @Test func `once the engine does not, anybody may ask for it, and only then`() async throws {
        bench.engine.fail("busy")
        await review.look()
        #expect(try await isRefused(to: "db"))
        bench.engine.fail(nil)
        await review.look()
        #expect(await bench.ipam.protectedAddresses() == [])
        #expect(bench.store.state.rests.map(\.isFixed) == [false])
        #expect(try await !isRefused(to: "db"))
    }

    @Test func `one that was given again meanwhile stays as it is`() async throws {
        let protected = await bench.ipam.protectedAddresses()
        _ = try await bench.ipam.requestAddress(AddressRequest(pool: pool, address: address, name: "web"))
        for protected in protected { try await bench.ipam.endProtection(protected) }
        #expect(bench.store.state.addresses.map(\.isFixed) == [true])
        #expect(bench.store.state.rests == [])
    }

    @Test func `a refusal asks for a look at the engine`() async throws {
        var signals = bench.ipam.protectionSignals.makeAsyncIterator()
        #expect(try await isRefused(to: "db"))
        await signals.next()
    }
}
