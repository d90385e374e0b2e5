// SPDX-License-Identifier: Apache-2.0

import Addressing
import Logging
import PluginKit

/// Releases that the store refused. The engine forgets what it releases, whatever the answer, and never asks again.
struct OwedReleases {
    var addresses: [PoolID: [IPAddress: GrantSerial]] = [:]
    var pools: [PoolID: GrantSerial] = [:]

    var isEmpty: Bool { addresses.isEmpty && pools.isEmpty }
}

extension IPAM {
    /// Tells when `upkeep()` is to be called.
    public nonisolated var upkeepSignals: AsyncStream<Void> { reminder.signals }

    /// Does what the store refused before. What was given to somebody else since is theirs.
    public func upkeep() async {
        let begin = owed
        owed = OwedReleases()
        for (id, addresses) in begin.addresses {
            for (address, serial) in addresses where await !isFinished(address, in: id, serial) {
                owed.addresses[id, default: [:]][address] = serial
            }
        }
        for (id, serial) in begin.pools where await !isFinished(id, serial) {
            owed.pools[id] = serial
        }
        if owed.isEmpty {
            upkeepPause.reset()
        } else {
            upkeepPause.fail()
            reminder.after(upkeepPause.pause)
        }
    }

    func owe(address: IPAddress, in id: PoolID) {
        guard let serial = pools[id]?.holder(of: address)?.serial else { return }
        owed.addresses[id, default: [:]][address] = serial
        reminder.after(upkeepPause.pause)
    }

    func owe(pool id: PoolID) {
        guard let serial = pools[id]?.serial else { return }
        owed.pools[id] = serial
        reminder.after(upkeepPause.pause)
    }

    /// Releases an address. False if that must be tried again: another change that is on its way may come to nothing.
    private func isFinished(_ address: IPAddress, in id: PoolID, _ serial: GrantSerial) async -> Bool {
        let what = "address \(address) of pool \(id)"
        do {
            guard try await releaseAddress(address, in: id, ifStill: serial) else {
                return pools[id]?.holder(of: address)?.serial != serial
            }
        } catch {
            note(error, about: what)
            return false
        }
        noteFinished(what)
        return true
    }

    /// Likewise, a pool.
    private func isFinished(_ id: PoolID, _ serial: GrantSerial) async -> Bool {
        let what = "pool \(id)"
        do {
            guard try await releasePool(id, ifStill: serial) else { return pools[id]?.serial != serial }
        } catch {
            note(error, about: what)
            return false
        }
        noteFinished(what)
        return true
    }

    private func noteFinished(_ what: String) {
        logger.notice("Finished a release", metadata: ["what": "\(what)"])
    }

    private func note(_ error: any Error, about what: String) {
        logger.error("Could not finish a release, trying again later", error: error, metadata: ["what": "\(what)"])
    }
}
