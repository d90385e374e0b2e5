// SPDX-License-Identifier: Apache-2.0

import Control
import Diagnosis
import Glibc
import HostNetwork

extension Facts {
    /// Everything that the doctor looks at, as it is now. `engineSocket` is the one that the command was told.
    static func gathered(with configuration: Configuration, engineSocket: String?) async -> Facts {
        var facts = Facts()
        var pluginSocket = configuration.pluginSocket
        var stateDirectory = configuration.stateDirectory
        var asked = configuration.engineSocket
        if configuration.controlSocket.isEmpty {
            facts.daemon = .off
        } else {
            let client = ControlClient(socket: configuration.controlSocket, deadline: .seconds(5))
            do throws(ControlFailure) {
                let status = try await client.status().value
                pluginSocket = status.pluginSocket
                stateDirectory = status.stateDirectory
                asked = status.engineSocket
                let conflicts = try await client.conflicts().value.conflicts
                facts.daemon = .up(
                    socket: configuration.controlSocket,
                    conflicts: conflicts.map { "pool \($0.pool): \($0.what) overlaps it" })
            } catch .notReachable(let socket, let reason) {
                facts.daemon = .down("cannot reach plugind at \(socket): \(reason)")
            } catch {
                facts.daemon = .unusable("\(error)")
            }
            if let id = SocketPeer.process(at: configuration.controlSocket) { facts.process = DaemonProcess(id: id) }
        }
        facts.mayLook = Capabilities.ofThisProcess.isSuperset(of: [.netAdmin, .sysAdmin])
        facts.plugin = PluginSocket(path: pluginSocket, state: await PluginSocket.State(of: pluginSocket))
        facts.state = StateDirectory(path: stateDirectory, look: Self.look(at: stateDirectory))
        facts.lookAtKernel()
        facts.lookAtNetwork()
        facts.lookAtFirewall(
            ownTable: configuration.name == "plugind" ? "plugind" : "plugind-\(configuration.name)")
        let engine = engineSocket.flatMap { $0.isEmpty || $0 == "off" ? nil : $0 } ?? asked ?? "/run/docker.sock"
        facts.engine = Engine(path: engine, isConfigured: asked == engine, version: await Engine.version(at: engine))
        return facts
    }
}

extension Facts {
    private static func look(at path: String) -> Fact<StateDirectory.Look?> {
        var entry = stat()
        guard stat(path, &entry) == 0 else {
            return errno == ENOENT ? .known(nil) : .unknown(String(cString: strerror(errno)))
        }
        var system = statvfs()
        guard statvfs(path, &system) == 0 else { return .unknown(String(cString: strerror(errno))) }
        return .known(
            StateDirectory.Look(
                mode: entry.st_mode & 0o7777, isReadOnly: system.f_flag & UInt(ST_RDONLY) != 0,
                freeBytes: UInt64(system.f_bavail) * UInt64(system.f_frsize),
                freeInodes: system.f_files == 0 ? nil : UInt64(system.f_favail)))
    }
}
