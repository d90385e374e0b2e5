// SPDX-License-Identifier: Apache-2.0

import Control
import Garbage
import IPAM
import Logging
import NetDriver
import PluginServer

extension Reloader.Step {
    static func ipam(_ ipam: IPAM) -> Self {
        Self([.defaultPools, .forbiddenPools, .sticky, .quarantine, .order, .reservations]) { _, next in
            { await ipam.update(next.ipamSettings) }
        }
    }

    static func driver(_ driver: Driver) -> Self {
        Self([.attach, .publish]) { _, next in
            {
                await driver.setAttachMode(next.attachMode)
                await driver.setPublishMode(next.publishMode)
            }
        }
    }

    static func garbage(_ garbage: GarbageService, ipam: IPAM, engine: CurrentEngine) -> Self {
        Self([.garbageMode, .garbageGrace, .engineSocket]) { current, next in
            {
                let isSameEngine = next.engineSocket == current.engineSocket
                engine.socket = next.engineSocket
                await garbage.update(policy: next.garbage, engine: engine.directory, isSameEngine: isSameEngine)
                if !isSameEngine { await ipam.reviewProtectionsLater() }
            }
        }
    }

    /// The certificates may be others in files of the same name.
    static func certificates(_ listeners: PluginListeners, logger: Logger) -> Self {
        Self(nil) { _, next in
            guard next.tcpAddress != nil, let new = try next.serverTLS() else { return {} }
            return { listeners.take(new, logger: logger) }
        }
    }

    /// To be the last: what it makes ready has to be used.
    static func metrics(_ listener: MetricsListener) -> Self {
        Self([.metricsAddress]) { current, next in
            do throws(SocketError) {
                let server = try listener.claim(next.metricsAddress)
                return { listener.serve(server) }
            } catch {
                let hasPort = current.metricsAddress?.port == next.metricsAddress?.port
                let advice = "; plugind has that port itself, and goes to another address with it only by a restart"
                throw ConfigurationError("metrics-address: \(error)\(hasPort ? advice : "")")
            }
        }
    }
}

extension Configuration {
    var ipamSettings: IPAMSettings {
        IPAMSettings(
            defaultPools: defaultPools, forbidden: forbiddenPools, defaults: poolDefaults, reservations: reservations)
    }
}
