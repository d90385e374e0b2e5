// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver
import Store
import TestSupport

/// One client of the daemon. Mostly it does what an engine does in the lives of its networks and containers; now and
/// then what no engine would: repeats, wrong orders, and calls about what all callers quarrel about.
struct Caller {
    struct Subnet {
        let pool: GrantedPool
        let gateway: InterfaceAddress
    }

    struct Network {
        let request: NetworkRequest
        let subnets: [Subnet]
    }

    struct Container {
        let network: Network
        var endpoint: EndpointRequest
        /// Whether the link was moved into the sandbox.
        var isMoved = false

        var sandbox: String { "/run/netns/\(endpoint.id.short)" }
        var link: String { "pds" + endpoint.id.short }
    }

    let number: Int
    let world: World
    var random: SeededGenerator
    var networks: [Network] = []
    var containers: [Container] = []

    init(number: Int, world: World, seed: UInt64) {
        self.number = number
        self.world = world
        random = SeededGenerator(seed: seed &* 1_000 &+ UInt64(number))
    }

    /// Until the world ends; then gives everything back.
    mutating func run() async {
        while world.isGoingOn { await step() }
        while !containers.isEmpty, world.isSound { await stop(0) }
        while !networks.isEmpty, world.isSound { await removeNetwork(0) }
    }

    private mutating func step() async {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<6 where networks.count < 3: await addNetwork()
        case 0..<6: await removeNetwork(Int.random(in: networks.indices, using: &random))
        case 6..<36 where containers.count < 10: await start()
        case 6..<60 where !containers.isEmpty: await stop(Int.random(in: containers.indices, using: &random))
        case 60..<68 where !containers.isEmpty: await restart(Int.random(in: containers.indices, using: &random))
        case 68..<72 where !containers.isEmpty: await republish(Int.random(in: containers.indices, using: &random))
        case 68..<74: await world.upkeep(isReconciling: Bool.random(using: &random))
        default: await quarrel()
        }
    }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    /// A call as an engine makes it: repeated if the daemon dies before it answers, and given up after a few times.
    mutating func call(_ call: Call) async -> Answer? {
        for _ in 0..<3 {
            let outcome = await perform(call)
            guard case .lost = outcome, Int.random(in: 0..<4, using: &random) > 0 else { return outcome.answer }
        }
        return nil
    }

    mutating func perform(_ call: Call) async -> Outcome {
        await world.perform(call, by: number, isCancelled: Int.random(in: 0..<50, using: &random) == 0)
    }
}
