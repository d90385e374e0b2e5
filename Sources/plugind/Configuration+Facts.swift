// SPDX-License-Identifier: Apache-2.0

import Control

extension Configuration {
    /// What `plugind status` tells of the daemon that begins to serve now.
    func facts(pluginSocket: String) -> DaemonFacts {
        DaemonFacts(
            version: Plugind.version, started: .now, stateDirectory: stateDirectory, pluginSocket: pluginSocket,
            controlSocket: controlSocket, engineSocket: engineSocket)
    }
}
