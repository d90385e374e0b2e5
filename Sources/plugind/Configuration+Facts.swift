// SPDX-License-Identifier: Apache-2.0

import Control

extension Configuration {
    /// What `plugind status` tells of the daemon that begins to serve now, whenever it is asked.
    func facts(pluginSocket: String, engine: CurrentEngine) -> @Sendable () -> DaemonFacts {
        let facts = DaemonFacts(
            version: Plugind.version, started: .now, stateDirectory: stateDirectory, pluginSocket: pluginSocket,
            controlSocket: controlSocket, engineSocket: nil)
        return {
            var facts = facts
            facts.engineSocket = engine.socket
            return facts
        }
    }
}
