// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import PluginServer

@Suite("Inherited listener")
struct InheritedListenerTests {
    @Test func `a listening unix socket is taken, with its path, closed on exec and non-blocking`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/plugind.sock"
            try withSocket(boundTo: path) { descriptor in
                #expect(listen(descriptor, 8) == 0)
                let inherited = try InheritedListener(descriptor: descriptor)
                #expect(inherited.path == path)
                #expect(inherited.takeListener() == descriptor)
                #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
                #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
            }
        }
    }

    @Test func `a path of any length that a socket can have is known`() async throws {
        try await withDirectory { directory in
            let name = String(repeating: "n", count: 107 - "\(directory)/".utf8.count)
            try withSocket(boundTo: "\(directory)/\(name)") { descriptor in
                #expect(listen(descriptor, 8) == 0)
                let inherited = try InheritedListener(descriptor: descriptor)
                #expect(inherited.path == "\(directory)/\(name)")
            }
        }
    }

    @Test func `the file is left to the service manager`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/plugind.sock"
            try withSocket(boundTo: path) { descriptor in
                #expect(listen(descriptor, 8) == 0)
                try InheritedListener(descriptor: descriptor).remove()
                #expect(FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test func `a file is refused by its number and kind`() throws {
        let file = try FileDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC), "open a file")
        expectRefusal(of: file.number, "not a socket")
    }

    @Test func `a socket of another family is refused`() throws {
        let socket = try FileDescriptor(socket(AF_NETLINK, CInt(SOCK_RAW.rawValue), 0), "make a socket")
        expectRefusal(of: socket.number, "a socket that is not a unix socket")
    }

    @Test(arguments: [SOCK_DGRAM, SOCK_SEQPACKET])
    func `a unix socket of another type is refused`(type: __socket_type) throws {
        let socket = try FileDescriptor(socket(AF_UNIX, CInt(type.rawValue), 0), "make a socket")
        expectRefusal(of: socket.number, "a unix socket for datagrams or packets")
    }

    @Test func `a connection, which is what a socket unit with Accept=yes passes, is refused`() async throws {
        try await withDirectory { directory in
            try withSocket(boundTo: "\(directory)/plugind.sock") { descriptor in
                expectRefusal(of: descriptor, "a unix socket that does not listen")
            }
        }
    }

    @Test func `a descriptor that was announced and is not open is an error`() {
        // No process has so many files.
        #expect(throws: SocketError.refused(operation: "use the passed descriptor 1000000", code: EBADF)) {
            try InheritedListener(descriptor: 1_000_000)
        }
    }

    private static let announcements: [([String: String], String?)] = [
        ([:], nil),
        (["LISTEN_FDS": "1"], nil),
        (["LISTEN_PID": "4711"], nil),
        (["LISTEN_PID": "4711", "LISTEN_FDS": "1"], "1"),
        (["LISTEN_PID": "4711", "LISTEN_FDS": "2"], "2"),
        (["LISTEN_PID": "4711", "LISTEN_FDS": ""], ""),
        (["LISTEN_PID": "4712", "LISTEN_FDS": "1"], nil),
        (["LISTEN_PID": "4711x", "LISTEN_FDS": "1"], nil),
    ]

    @Test(arguments: announcements)
    func `what is announced is for the process that is named only`(variables: [String: String], count: String?) {
        #expect(InheritedListener.announcedCount(process: 4711, variable: { variables[$0] }) == count)
    }

    @Test(arguments: ["0", "2", "", "one"])
    func `another number than one is an error with the way out`(count: String) {
        #expect(
            SocketError.notOnePassed(count: count).description
                == "the service manager passed ‘\(count)’ sockets (LISTEN_FDS), plugind serves exactly one: "
                + "give its socket unit one ListenStream")
    }

    private func expectRefusal(of descriptor: CInt, _ kind: String) {
        let error = #expect(throws: SocketError.self) { try InheritedListener(descriptor: descriptor) }
        #expect(
            error?.description
                == "the descriptor \(descriptor) that the service manager passed is \(kind), not a listening unix "
                + "stream socket: give its socket unit one ListenStream with a path, and Accept=no")
    }

    /// A blocking socket that is kept across exec, as a service manager passes it.
    private func withSocket(boundTo path: String, _ body: (CInt) throws -> Void) throws {
        let descriptor = try FileDescriptor(socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0), "make a socket")
        #expect(SocketAddress(path: path).withPointer { bind(descriptor.number, $0, $1) } == 0)
        try body(descriptor.number)
    }
}
