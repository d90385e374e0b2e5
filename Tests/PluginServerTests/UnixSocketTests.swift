// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PluginServer

@Suite("Unix socket")
struct UnixSocketTests {
    @Test func `a claimed socket can be connected to, has its rights and is alone in its directory`() async throws {
        try await withDirectory { directory in
            let socket = try UnixSocket(directory: directory, name: "plugind")
            #expect(socket.path == "\(directory)/plugind.sock")
            _ = try Connection(to: socket.path)
            #expect(try rights(of: socket.path) == 0o660)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["plugind.sock"])
        }
    }

    @Test func `a directory that is missing is made, with its parents`() async throws {
        try await withDirectory { directory in
            let socket = try UnixSocket(directory: directory + "/docker/plugins", name: "plugind")
            #expect(try rights(of: directory + "/docker") == 0o755)
            #expect(try rights(of: directory + "/docker/plugins") == 0o755)
            _ = try Connection(to: socket.path)
        }
    }

    @Test func `a path of any name is claimed, with the rights that are asked for`() async throws {
        try await withDirectory { directory in
            let socket = try UnixSocket(path: "\(directory)/run/c", mode: 0o600)
            #expect(socket.path == "\(directory)/run/c")
            #expect(try rights(of: socket.path) == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/run") == ["c"])
            _ = try Connection(to: socket.path)
            let other = try UnixSocket(path: "\(directory)/run/d", mode: 0o600)
            _ = try Connection(to: other.path)
        }
    }

    @Test func `a directory that leaves no room for a claim is an error in words`() async throws {
        try await withDirectory { directory in
            let deep = directory + "/" + String(repeating: "n", count: 105 - "\(directory)/".utf8.count)
            let error = #expect(throws: SocketError.self) { try UnixSocket(path: "\(deep)/c", mode: 0o600) }
            #expect(error == .pathTooLong("\(deep)/.claim"))
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root gives files away"))
    func `the socket belongs to its group`() async throws {
        try await withDirectory { directory in
            let socket = try UnixSocket(directory: directory, name: "plugind", group: "nogroup")
            let group = try #require(getgrnam("nogroup")?.pointee.gr_gid)
            let attributes = try FileManager.default.attributesOfItem(atPath: socket.path)
            #expect(attributes[.groupOwnerAccountID] as? UInt == UInt(group))
        }
    }

    @Test func `a group that does not exist is done without`() async throws {
        try await withDirectory { directory in
            let socket = try UnixSocket(directory: directory, name: "plugind", group: "no such group")
            #expect(try rights(of: socket.path) == 0o660)
        }
    }

    @Test func `a dead socket is replaced`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/plugind.sock"
            try leaveDeadSocket(at: path)
            #expect(throws: ConnectionError.self) { try Connection(to: path) }
            let socket = try UnixSocket(directory: directory, name: "plugind")
            _ = try Connection(to: socket.path)
        }
    }

    @Test func `what a claim that was killed left behind is no hindrance`() async throws {
        try await withDirectory { directory in
            try leaveDeadSocket(at: directory + "/.claim")
            let socket = try UnixSocket(directory: directory, name: "plugind")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["plugind.sock"])
            _ = try Connection(to: socket.path)
        }
    }

    @Test func `a live socket is an error that names its owner`() async throws {
        try await withDirectory { directory in
            let first = try UnixSocket(directory: directory, name: "plugind")
            let error = #expect(throws: SocketError.self) { try UnixSocket(directory: directory, name: "plugind") }
            let text = error?.description ?? ""
            #expect(text.hasPrefix("\(first.path) is in use by "))
            let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            #expect(text.hasSuffix("(pid \(getpid()), \(executable))"))
            _ = try Connection(to: first.path)
        }
    }

    @Test func `a live socket that accepts nobody is in use too`() async throws {
        try await withDirectory { directory in
            let busy = try FileDescriptor(unixStreamSocket(), "make a socket")
            let path = "\(directory)/plugind.sock"
            #expect(SocketAddress(path: path).withPointer { bind(busy.number, $0, $1) } == 0)
            #expect(listen(busy.number, 0) == 0)
            let waiting = try Connection(to: path)
            #expect(
                throws: SocketError.inUse(path, owner: "a program that does not accept connections")
            ) {
                try UnixSocket(directory: directory, name: "plugind")
            }
            _ = waiting
        }
    }

    @Test(arguments: ["file", "directory", "link"])
    func `what is not a socket is refused and left alone`(kind: String) async throws {
        try await withDirectory { directory in
            let path = "\(directory)/plugind.sock"
            switch kind {
            case "file": try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
            case "directory": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            default: try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/null")
            }
            let before = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt
            #expect(throws: SocketError.notASocket(path)) { try UnixSocket(directory: directory, name: "plugind") }
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["plugind.sock"])
        }
    }

    @Test func `a path of 107 bytes is the longest`() async throws {
        try await withDirectory { directory in
            let name = String(repeating: "n", count: 107 - "\(directory)/.sock".utf8.count)
            let socket = try UnixSocket(directory: directory, name: name)
            #expect(socket.path.utf8.count == 107)
            _ = try Connection(to: socket.path)
            let error = #expect(throws: SocketError.self) { try UnixSocket(directory: directory, name: name + "n") }
            let long = "\(directory)/\(name)n.sock"
            #expect(error?.description == "the socket path \(long) has 108 bytes, a unix socket allows 107")
        }
    }

    @Test func `a directory that cannot be made is an error in words`() async throws {
        try await withDirectory { directory in
            try Data().write(to: URL(fileURLWithPath: directory + "/file"))
            let error = #expect(throws: SocketError.self) {
                try UnixSocket(directory: directory + "/file/plugins", name: "plugind")
            }
            #expect(error?.description == "cannot make the directory \(directory)/file/plugins: Not a directory")
        }
    }

    @Test func `of many that claim at once exactly one wins`() async throws {
        try await withDirectory { directory in
            let winners = await withTaskGroup(of: UnixSocket?.self) { group in
                for _ in 0..<20 {
                    group.addTask { try? UnixSocket(directory: directory, name: "plugind") }
                }
                return await group.reduce(into: []) { $0 += [$1].compactMap(\.self) }
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(winners.count == 1)
            #expect(files == ["plugind.sock"])
        }
    }

    @Test func `letting go of a socket removes its file`() async throws {
        try await withDirectory { directory in
            do {
                _ = try UnixSocket(directory: directory, name: "plugind")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
        }
    }

    @Test func `a socket that was replaced is not removed by its former owner`() async throws {
        try await withDirectory { directory in
            let former = try UnixSocket(directory: directory, name: "plugind")
            close(former.takeListener())
            let latter = try UnixSocket(directory: directory, name: "plugind")
            try former.remove()
            _ = try Connection(to: latter.path)
        }
    }

    @Test func `removing twice, or what somebody else has removed, is fine`() async throws {
        try await withDirectory { directory in
            let socket = try UnixSocket(directory: directory, name: "plugind")
            try socket.remove()
            try socket.remove()
        }
    }

    private func rights(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    private func leaveDeadSocket(at path: String) throws {
        let socket = try FileDescriptor(unixStreamSocket(), "make a socket")
        #expect(SocketAddress(path: path).withPointer { bind(socket.number, $0, $1) } == 0)
        #expect(listen(socket.number, 1) == 0)
    }
}
