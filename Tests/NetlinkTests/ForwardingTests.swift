// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Glibc
import HostNetwork
import Testing

extension KernelTests {
    /// Each in a namespace of its own, because a host that was made a router is not quite itself again afterwards.
    @Suite(.timeLimit(.minutes(10))) struct Forwarding {
        @Test(arguments: [AddressFamily.v4, .v6])
        func `forwarding is off, is switched on for one family, and twice is the same as once`(
            family: AddressFamily
        ) async throws {
            let states = try await FreshNamespace.run {
                let kernel = try RTNetlink()
                let before = try [AddressFamily.v4, .v6].map(kernel.isForwarding)
                try kernel.enableForwarding(family)
                let after = try [AddressFamily.v4, .v6].map(kernel.isForwarding)
                try kernel.enableForwarding(family)
                return [before, after, try [AddressFamily.v4, .v6].map(kernel.isForwarding)]
            }
            #expect(states[0] == [false, false])
            #expect(states[1] == [family == .v4, family == .v6])
            #expect(states[2] == states[1])
        }

        @Test func `the kernel's own files say so`() async throws {
            let values = try await FreshNamespace.run {
                let kernel = try RTNetlink()
                try HostCommand.run("ip link add va type veth peer name vb")
                try kernel.enableForwarding(.v4)
                try kernel.enableForwarding(.v6)
                return try Self.sysctls([
                    "ipv4/ip_forward", "ipv4/conf/va/forwarding", "ipv6/conf/all/forwarding",
                    "ipv6/conf/va/forwarding",
                ])
            }
            #expect(values == ["1", "1", "1", "1"])
        }

        @Test(.requiresIPv6) func `links that listen to routers go on doing so, and no others begin`() async throws {
            let names = ["va", "vb", "deaf", "router", "always", "br-own", "later", "default", "all"]
            let values = try await FreshNamespace.run {
                let kernel = try RTNetlink()
                for name in ["deaf", "router", "always", "br-own"] {
                    try HostCommand.run("ip link add \(name) type bridge")
                }
                try HostCommand.run("ip link add va type veth peer name vb")
                try HostCommand.run("ip link set br-own alias plugind:network:test")
                try kernel.writeSysctl("net/ipv6/conf/deaf/accept_ra", "0")
                try kernel.writeSysctl("net/ipv6/conf/router/forwarding", "1")
                try kernel.writeSysctl("net/ipv6/conf/always/accept_ra", "2")
                try kernel.enableForwarding(.v6)
                try HostCommand.run("ip link add later type bridge")
                return try Self.sysctls(names.map { "ipv6/conf/\($0)/accept_ra" })
            }
            #expect(
                Dictionary(uniqueKeysWithValues: zip(names, values)) == [
                    "va": "2", "vb": "2", "deaf": "0", "router": "1", "always": "2", "br-own": "1", "later": "1",
                    "default": "1", "all": "1",
                ])
        }

        @Test(.requiresIPv6, arguments: [true, false])
        func `a default route from a router advertisement stays`(isOurs: Bool) async throws {
            let routes = try await FreshNamespace.run {
                let kernel = try RTNetlink()
                try HostCommand.run("ip link add va type veth peer name vb")
                for link in ["va", "vb"] {
                    try kernel.writeSysctl("net/ipv6/conf/\(link)/accept_dad", "0")
                    try HostCommand.run("ip link set \(link) up")
                }
                // The router is in the same namespace.
                try kernel.writeSysctl("net/ipv6/conf/va/accept_ra_from_local", "1")
                let advertisement = try RouterAdvertisement(on: "vb")
                var before: [String] = []
                for _ in 0..<50 where before.isEmpty {
                    advertisement.send()
                    usleep(100_000)
                    before = try HostCommand.lines("ip -6 route show default dev va proto ra")
                }
                if isOurs {
                    try kernel.enableForwarding(.v6)
                } else {
                    try kernel.writeSysctl("net/ipv6/conf/all/forwarding", "1")
                }
                return [before, try HostCommand.lines("ip -6 route show default dev va proto ra")]
            }
            #expect(routes[0].count == 1)
            // What the kernel does of itself is what we are here to prevent.
            #expect(routes[1].count == (isOurs ? 1 : 0))
        }

        private static func sysctls(_ paths: [String]) throws -> [String] {
            try paths.flatMap { try HostCommand.lines("cat /proc/sys/net/\($0)") }
        }
    }
}

/// A network namespace that lives as long as a thread.
private enum FreshNamespace {
    struct Failure: Error {}

    /// unshare(2), which Swift's module of the C library leaves out.
    private static func enter() throws {
        guard let unshare = dlsym(dlopen(nil, RTLD_NOW), "unshare") else { throw Failure() }
        let newNetwork: Int32 = 0x4000_0000
        guard unsafeBitCast(unshare, to: (@convention(c) (Int32) -> Int32).self)(newNetwork) == 0 else {
            throw Failure()
        }
    }

    /// Nothing is to be expected in there, because that thread belongs to no test: what is found comes back.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        try enter()
                        try HostCommand.run("ip link set lo up")
                        return try body()
                    })
            }
        }
    }
}

/// Says that there is a router, which can be a default router for half an hour.
private final class RouterAdvertisement {
    private let descriptor: Int32
    private let link: UInt32

    struct Failure: Error {}

    init(on link: String) throws {
        descriptor = socket(AF_INET6, Int32(SOCK_RAW.rawValue), Int32(IPPROTO_ICMPV6))
        self.link = if_nametoindex(link)
        guard descriptor >= 0, self.link > 0 else { throw Failure() }
        // One that came over a router is not believed.
        var hops: Int32 = 255
        setsockopt(
            descriptor, Int32(IPPROTO_IPV6), IPV6_MULTICAST_HOPS, &hops, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        close(descriptor)
    }

    func send() {
        // Type 134, hop limit 64, lifetime 1800 s; the kernel puts the checksum in.
        let message: [UInt8] = [134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0]
        var everybody = sockaddr_in6()
        everybody.sin6_family = sa_family_t(AF_INET6)
        everybody.sin6_scope_id = link
        inet_pton(AF_INET6, "ff02::1", &everybody.sin6_addr)
        withUnsafePointer(to: everybody) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = sendto(
                    descriptor, message, message.count, 0, address, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
}
