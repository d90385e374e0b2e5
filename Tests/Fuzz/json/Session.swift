// SPDX-License-Identifier: Apache-2.0

import Addressing
import FoundationEssentials
import Glibc
import HostNetwork
import IPAM
import Logging
import NetDriver
import PluginKit
import Store
import TestSupport

/// One run of the daemon's inside, from its door to its store, on a host and a disk that are only pretended.
///
/// After the last request, whatever the store has is deleted as an engine would: then nothing may be left.
final class Session {
    private let store = FakeStore()
    private let kernel = FakeKernel()
    private let firewall = FakeFirewall()
    private let hostPorts = FakeHostPorts()
    private var methods: MethodTable?
    private var driver: Driver?
    /// True once something was told to fail: from then on a status of 500 is right.
    private var isTroubled = false

    func run(_ requests: [Request]) async {
        await start()
        for request in requests {
            switch request.incident {
            case nil:
                await answer(request)
            case .restart:
                await start()
            case .storeFails(let count):
                isTroubled = true
                store.failNext(count)
            case .kernelRefuses(let call):
                isTroubled = true
                kernel.refuse(call, code: EBUSY)
            case .kernelAllows:
                kernel.allowEverything()
            }
        }
        store.failNext(0)
        kernel.allowEverything()
        await deleteEverything()
    }

    private func start() async {
        // What the last one still deletes must not meet what the next one makes; what it cannot delete it leaves.
        await driver?.settle()
        // A daemon that cannot start says so and is started again, on a host that has recovered by then.
        store.failNext(0)
        kernel.allowEverything()
        do {
            methods = try await makeMethods()
        } catch {
            fail("the daemon does not start on what it stored: \(error)")
        }
    }

    private func makeMethods() async throws -> MethodTable {
        let logger = Logger(label: "fuzz") { _ in SilentLogHandler() }
        firewall.forgetWhatWasTold()
        hostPorts.forgetAll()
        let state = try store.load()
        let ipam = try IPAM(
            state: state, store: store, defaultPools: .standard, occupied: { [] }, random: SeededGenerator(seed: 1),
            now: { 1_800_000_000_000 }, logger: logger)
        let driver = Driver(
            state: state, store: store, kernel: kernel, firewall: firewall, hostPorts: hostPorts,
            retirementPause: .zero,
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            },
            logger: logger)
        self.driver = driver
        try await driver.reconcile()
        var methods = MethodTable(logger: logger, explain: MethodTable.Explanation.init(of:))
        methods.on(Activation.self) { _ in Activation.Reply() }
        ipam.register(in: &methods)
        driver.register(in: &methods)
        return methods
    }

    /// Every answer is a JSON object, with a status that the daemon means; one that is no success says why.
    private func answer(_ request: Request) async {
        guard let methods else { fail("there is no daemon") }
        let reply = await methods.answer(path: request.path, body: request.body)
        Count.answers(of: reply.status)
        guard let failure = try? JSONDecoder().decode(Failure.self, from: Data(reply.body)) else {
            fail("\(request.path) is answered with what is no JSON object")
        }
        guard reply.status != 200 else {
            if failure != Failure() { fail("\(request.path) succeeds with an error: \(failure)") }
            return
        }
        guard let text = failure.networkDriver, failure.ipamDriver == text, !text.isEmpty else {
            fail("\(request.path) is refused without a reason")
        }
        switch reply.status {
        case 400, 404, 409: break
        case 500 where isTroubled && text != "internal error": break
        default: fail("\(request.path) is answered with \(reply.status), \(text)")
        }
    }

    private func deleteEverything() async {
        // What is being deleted may have met a refusal that has ended.
        await driver?.settle()
        let state = store.state
        for endpoint in state.endpoints {
            await delete(
                "/NetworkDriver.DeleteEndpoint",
                ["NetworkID": endpoint.network.description, "EndpointID": endpoint.id.description])
        }
        for network in state.networks {
            await delete("/NetworkDriver.DeleteNetwork", ["NetworkID": network.id.description])
        }
        for address in state.addresses {
            await delete(
                "/IpamDriver.ReleaseAddress", ["PoolID": address.pool, "Address": address.address.description])
        }
        for pool in state.pools {
            await delete("/IpamDriver.ReleasePool", ["PoolID": pool.id])
        }
        await driver?.settle()
        let left = store.state
        guard left.networks.isEmpty, left.endpoints.isEmpty, left.pools.isEmpty, left.addresses.isEmpty else {
            fail("the store is not empty in the end: \(left)")
        }
        guard kernel.linkNames.isEmpty else { fail("links are left: \(kernel.linkNames.sorted())") }
        let rules = firewall.words().filter { !$0.hasPrefix("guard ") }
        guard rules.isEmpty else { fail("rules are left: \(rules)") }
        guard firewall.collisions.isEmpty else { fail("rules collide: \(firewall.collisions)") }
        guard hostPorts.held.isEmpty else { fail("ports are held: \(hostPorts.held)") }
        guard store.violations.isEmpty else { fail("the store was asked for what it cannot take: \(store.violations)") }
    }

    private func delete(_ path: String, _ members: [String: String]) async {
        guard let body = try? JSONEncoder().encode(members) else { fail("\(members) is no JSON") }
        guard let reply = await methods?.answer(path: path, body: Array(body)), reply.status == 200 else {
            fail("\(path) of what is stored is refused: \(members)")
        }
    }

    private func fail(_ sentence: String) -> Never {
        fatalError("json: \(sentence)")
    }
}

private struct Failure: Decodable, Hashable {
    var networkDriver: String?
    var ipamDriver: String?

    enum CodingKeys: String, CodingKey {
        case networkDriver = "Err"
        case ipamDriver = "Error"
    }
}

/// Makes every message and drops it: what is logged is made of what was asked.
private struct SilentLogHandler: LogHandler {
    var logLevel = Logger.Level.trace
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {}
}
