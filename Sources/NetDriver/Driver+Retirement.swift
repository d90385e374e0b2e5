// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
import HostNetwork
import Logging
import PluginKit
import Store

/// An endpoint whose link is out of use, and not deleted yet: the kernel takes a grace period to delete links, one alone as
/// well as many together.
struct RetiredEndpoint: Hashable {
    var endpoint: EndpointRecord
    /// The endpoint is gone, and its row, by which a start would find what is left, goes with the link. False if the
    /// endpoint has only left its sandbox.
    var isGone: Bool
}

/// What became of those that were deleted together.
struct RetirementRound: Sendable {
    var endpoints: Set<EndpointID> = []
    /// By their index.
    var bridges: Set<Int32> = []
    var error: (any Error)?
}

/// What may be left of endpoints, and in whose way.
enum Leftovers {
    case endpoint(EndpointID)
    case network(NetworkID)
    /// Of an endpoint, and of those that were in a sandbox: until they are gone, the names of their links are taken there.
    case endpointAndSandbox(EndpointID, String)

    func include(_ endpoint: EndpointRecord) -> Bool {
        switch self {
        case .endpoint(let id): endpoint.id == id
        case .network(let id): endpoint.network == id
        case .endpointAndSandbox(let id, let sandbox): endpoint.id == id || endpoint.sandboxKey == sandbox
        }
    }
}

// Links leave together. Who deletes an endpoint has the answer as soon as its row says that it is being deleted and its
// port is down and out of the bridge; then its name, its addresses and its MAC address are free. What is left is deleted
// a few milliseconds later, with all that has come by then or is on its way: one request to the kernel, one commit. If
// the daemon ends before, the rows are still there, and the next start does the rest. Bridges go the same way, but
// whoever deletes a network waits for that: its bridge's name may have been the user's choice, and is asked for again.
extension Driver {
    /// Takes the port of an endpoint out of use: down, out of the bridge, and in the group of those that are deleted next.
    func takeOut(_ endpoint: EndpointRecord) async throws(KernelError) {
        // Known to have none: nothing is to be looked for, which without the right name would be among all links.
        guard linkless.insert(endpoint.id).inserted else { return }
        takingOut += 1
        defer {
            takingOut -= 1
            if takingOut == 0 { stopGathering() }
        }
        do throws(KernelError) {
            try await inBackground { [self] () throws(KernelError) in try retirePort(of: endpoint) }
        } catch {
            linkless.remove(endpoint.id)
            throw error
        }
    }

    nonisolated func retirePort(of endpoint: EndpointRecord) throws(KernelError) {
        guard let link = try ownLink(of: endpoint), link.group != retirementGroup else { return }
        try kernel.retire(link.index, into: retirementGroup)
    }

    /// Has what is left of an endpoint deleted soon; its port is out of use. `isGone` is as in `RetiredEndpoint`.
    func deleteSoon(_ endpoint: EndpointRecord, isGone: Bool) {
        retired[endpoint.id] = RetiredEndpoint(endpoint: endpoint, isGone: isGone)
        deleteRetired()
    }

    /// Deletes what is retired, unless that goes on already.
    func deleteRetired() {
        guard hasRetired, !isRetiring else { return }
        isRetiring = true
        Task { await deleteTogether() }
    }

    var hasRetired: Bool { !retired.isEmpty || !retiredBridges.isEmpty }

    /// Deletes a bridge, together with what else is deleted at that moment.
    func deleteBridge(_ link: Link) async throws {
        try await inBackground { [kernel, retirementGroup] () throws(KernelError) in
            try kernel.retire(link.index, into: retirementGroup)
        }
        retiredBridges.insert(link.index)
        while retiredBridges.contains(link.index) {
            let round = await nextRound()
            if let error = round.error, round.bridges.contains(link.index) { throw error }
        }
    }

    /// Waits until nothing is left of those endpoints that have gone or have left their sandboxes. Throws if one could not
    /// be deleted; that is tried again later.
    func settle(_ leftovers: Leftovers) async throws {
        while true {
            let meant = endpoints(of: leftovers)
            if meant.isEmpty { return }
            let round = await nextRound()
            if let error = round.error, !round.endpoints.isDisjoint(with: meant) { throw error }
        }
    }

    private func endpoints(of leftovers: Leftovers) -> Set<EndpointID> {
        var meant: Set<EndpointID> = []
        for (id, left) in retired where leftovers.include(left.endpoint) { meant.insert(id) }
        return meant
    }

    /// Waits until nothing is left of endpoints that have gone, so that the next start has less to do. What cannot be
    /// deleted now is left to it.
    public func settle() async {
        while !retired.isEmpty, await nextRound().error == nil {}
    }

    private func nextRound() async -> RetirementRound {
        deleteRetired()
        return await withCheckedContinuation { settlers.append($0) }
    }

    private func deleteTogether() async {
        var round = RetirementRound()
        while hasRetired, round.error == nil {
            // Those that are deleted at once come one after the other.
            try? await Task.sleep(for: retirementPause)
            await gather()
            round = await delete(retired, retiredBridges)
            let waiting = settlers
            settlers = []
            for settler in waiting { settler.resume(returning: round) }
        }
        isRetiring = false
        if hasRetired {
            remindOfUpkeep()
        } else if round.error == nil, !owesAnything {
            upkeepPause.reset()
        }
    }

    /// Waits for those that are on their way: once the kernel has begun to delete they would wait for all of it. Where more
    /// and more come, not for long.
    private func gather() async {
        guard takingOut > 0 else { return }
        let limit = Task {
            try await Task.sleep(for: Self.longestGathering)
            stopGathering()
        }
        await withCheckedContinuation { gathering = $0 }
        limit.cancel()
    }

    private func stopGathering() {
        gathering?.resume()
        gathering = nil
    }

    private static let longestGathering = Duration.milliseconds(100)

    private func delete(
        _ leaving: [EndpointID: RetiredEndpoint], _ bridges: Set<Int32>
    ) async -> RetirementRound {
        var round = RetirementRound(endpoints: Set(leaving.keys), bridges: bridges)
        let gone = leaving.values.filter(\.isGone).map(\.endpoint.id).sorted()
        do {
            try await inBackground(deletions) { [kernel, retirementGroup] () throws(KernelError) in
                try kernel.deleteLinks(in: retirementGroup)
            }
            if !gone.isEmpty { try await store.commit(gone.map { .deleteEndpoint($0) }) }
        } catch {
            round.error = error
            upkeepPause.fail()
            logger.error(
                "Could not delete links, trying again later", error: error,
                metadata: ["endpoints": "\(leaving.count)"])
        }
        retiredBridges.subtract(bridges)
        // What has gone since it left its sandbox is for the next round.
        for (id, left) in leaving where retired[id] == left {
            if round.error == nil {
                retired[id] = nil
            } else if left.isGone {
                // It is stored as being made or deleted, and owed like every deletion that failed.
                var endpoint = left.endpoint
                endpoint.phase = .deleting
                retired[id] = nil
                remember(endpoint)
                owe(.endpoint(id))
            }
        }
        return round
    }
}
