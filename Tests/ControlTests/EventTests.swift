// SPDX-License-Identifier: Apache-2.0

import Events
import Foundation
import NIOCore
import NIOHTTP1
import PluginServer
import SocketClient
import Synchronization
import Testing

@testable import Control

@Suite("Events")
struct EventTests {
    private func pool(_ number: Int) -> Occurrence { .poolReleased("pool-\(number)", reason: "a test") }

    /// Serves the events of `log` while `body` runs, and then stops as the daemon does.
    private func serving<Value>(
        _ log: EventLog, beat: Duration = .seconds(3600), _ body: (String) async throws -> Value
    ) async throws -> Value {
        try await withDirectory { directory in
            let path = "\(directory)/control.sock"
            var router = ControlRouter(logger: .silent, explain: ControlRouter.explain)
            router.onEvents(log, beat: beat)
            let server = try ControlServer(path: path, router: router, logger: .silent)
            return try await running(server) { try await body(path) }
        }
    }

    private func events(_ question: EventQuestion, at path: String) async throws -> [EventEntry] {
        let all = Mutex<[EventEntry]>([])
        try await ControlClient(socket: path, deadline: .seconds(600)).events(question) { event, json in
            #expect((try? ControlAPI.decode(EventEntry.self, from: json.utf8)) == event)
            all.withLock { $0.append(event) }
        }
        return all.withLock(\.self)
    }

    @Test func `what happened is told, and then the answer ends`() async throws {
        let log = EventLog()
        for number in 0..<600 { log.emit(pool(number)) }
        try await serving(log) { path in
            let all = try await events(EventQuestion(), at: path)
            #expect(all.map(\.serial) == Array(1...600))
            #expect(all.last?.kind == "pool.released")
            #expect(all.last?.subject == "pool pool-599")
            #expect(all.last?.fields == ["reason": "a test"])
            #expect(try await events(EventQuestion(since: .after(598)), at: path).map(\.serial) == [599, 600])
            #expect(try await events(EventQuestion(since: .after(9_999)), at: path).isEmpty)
            #expect(try await events(EventQuestion(since: .ago(.seconds(3600))), at: path).count == 600)
            let later = EventLog.millisecondsNow() + 3_600_000
            #expect(try await events(EventQuestion(since: .time(later)), at: path).isEmpty)
            let some = try await events(EventQuestion(subject: "pool-59"), at: path)
            #expect(some.map(\.serial) == [60] + Array(591...600))
            #expect(try await events(EventQuestion(kind: "network"), at: path).isEmpty)
            #expect(try await events(EventQuestion(since: .after(590), kind: "pool"), at: path).count == 10)
        }
    }

    @Test func `what was lost is told first`() async throws {
        let log = EventLog(capacity: 5)
        for number in 0..<12 { log.emit(pool(number)) }
        try await serving(log) { path in
            let all = try await events(EventQuestion(since: .after(2)), at: path)
            #expect(all.map(\.serial) == [7, 8, 9, 10, 11, 12])
            #expect(all.first?.kind == "events.lost")
            #expect(all.first?.fields == ["count": "5"])
            // Nobody asked for these.
            #expect(try await events(EventQuestion(), at: path).map(\.serial) == [8, 9, 10, 11, 12])
        }
    }

    @Test func `a follower sees what happens, until the daemon stops`() async throws {
        let log = EventLog()
        log.emit(pool(0))
        let (seen, continuation) = AsyncStream.makeStream(of: EventEntry.self)
        let following = try await serving(log, beat: .milliseconds(5)) { path in
            let following = Task {
                let client = ControlClient(socket: path, deadline: .seconds(600))
                try await client.events(EventQuestion(since: .after(0), isFollowing: true)) { event, _ in
                    continuation.yield(event)
                }
                continuation.finish()
            }
            var iterator = seen.makeAsyncIterator()
            #expect(await iterator.next()?.serial == 1)
            for number in 1..<20 {
                log.emit(pool(number))
                #expect(await iterator.next()?.subject == "pool pool-\(number)")
            }
            return following
        }
        try await following.value
    }

    @Test func `a follower with the number of another daemon's event begins at the beginning`() {
        let log = EventLog()
        for number in 0..<3 { log.emit(pool(number)) }
        func start(_ serial: UInt64, isFollowing: Bool) -> UInt64 {
            EventQuestion(since: .after(serial), isFollowing: isFollowing).start(in: log)
        }
        #expect([start(1, isFollowing: true), start(3, isFollowing: true)] == [2, 4])
        #expect([start(4, isFollowing: true), start(500, isFollowing: true)] == [1, 1])
        #expect(start(500, isFollowing: false) == 4)
    }

    @Test(arguments: ["9999999999-01-01T00:00:00Z", "292277026597-01-01T00:00:00Z"])
    func `a time that is too far away is no time, or one`(text: String) {
        // It does not end the process.
        _ = EventQuestion.Start(text)
    }

    @Test func `a follower hears nothing of what was before, unless it asks`() async throws {
        let log = EventLog()
        log.emit(pool(0))
        let (seen, continuation) = AsyncStream.makeStream(of: EventEntry.self)
        try await serving(log) { path in
            let following = Task {
                let client = ControlClient(socket: path, deadline: .seconds(600))
                try await client.events(EventQuestion(isFollowing: true, kind: "pool")) { event, _ in
                    continuation.yield(event)
                }
            }
            // Until the question has come, events come too early for it.
            let telling = Task {
                for number in 1... {
                    log.emit(number.isMultiple(of: 2) ? pool(number) : .daemonStarted(version: "\(number)"))
                    try await Task.sleep(for: .milliseconds(1))
                }
            }
            var iterator = seen.makeAsyncIterator()
            let first = try #require(await iterator.next())
            #expect(first.serial > 1)
            #expect(await iterator.next()?.serial == first.serial + 2)
            telling.cancel()
            following.cancel()
            await #expect(throws: (any Error).self) { try await following.value }
        }
    }

    @Test func `a follower that does not read keeps nobody from stopping`() async throws {
        let log = EventLog()
        let (stuck, isStuck) = AsyncStream.makeStream(of: Void.self)
        let following = try await serving(log) { path in
            let following = Task {
                try await SocketClient.asking(path, deadline: .seconds(600), sizeLimit: 1 << 20) { client in
                    try await client.follow(.init(.GET, "/v1/events?follow=true&since=0")) { _ in
                        isStuck.finish()
                        try await Task.sleep(for: .seconds(3600))
                    }
                }
            }
            log.emit(pool(0))
            for await _ in stuck {}
            // More than sockets hold.
            let reason = String(repeating: "x", count: 500)
            for number in 0..<9_000 { log.emit(.poolReleased("pool-\(number)", reason: reason)) }
            return following
        }
        following.cancel()
        await #expect(throws: (any Error).self) { try await following.value }
    }

    @Test(arguments: [false, true])
    func `an answer that breaks off is told, to a follower as the end of the daemon`(isFollowing: Bool) async throws {
        struct Broken: Error {}
        try await withDirectory { directory in
            let path = "\(directory)/control.sock"
            let server = SocketServer(socket: try UnixSocket(path: path, mode: 0o600), logger: .silent) { _ in
                SocketReply(
                    status: 200, contentType: ControlAPI.linesContentType,
                    stream: SocketStream { write in
                        let event = EventEntry(Event(serial: 1, time: 0, what: .daemonStarted(version: "1")))
                        try await write(try ControlAPI.encode(event) + [UInt8(ascii: "\n"), UInt8(ascii: "{")])
                        throw Broken()
                    })
            }
            try await running(server) {
                let failure = await #expect(throws: ControlFailure.self) {
                    try await events(EventQuestion(isFollowing: isFollowing), at: path)
                }
                #expect(failure?.exitCode == (isFollowing ? 3 : 1))
            }
        }
    }

    @Test(arguments: [
        ("since=yesterday", "‘yesterday’ is not the number of an event, a duration such as 10m, or a time"),
        ("kind=endpoints", "‘endpoints’ is no kind of event; there are "), ("follow=maybe", "is not true or false"),
        ("last=5", "unknown parameter ‘last’"),
    ])
    func `a question that means nothing is refused`(query: String, words: String) async throws {
        try await serving(EventLog()) { path in
            let reply = try await SocketClient.asking(path, deadline: .seconds(600), sizeLimit: 1 << 20) { client in
                try await client.follow(.init(.GET, "/v1/events?\(query)")) { _ in }
            }
            #expect(reply?.status == 400)
            #expect(reply.map { String(buffer: $0.body).contains(words) } == true)
        }
    }

    @Test(arguments: ["7", "10m", "2026-11-27T11:49:35.694Z"])
    func `a place in time is written as it is read`(text: String) {
        #expect(EventQuestion.Start(text)?.description == text)
    }

    @Test func `a time may have no fractions of a second`() {
        #expect(EventQuestion.Start("2026-11-27T11:49:35Z") == .time(1_795_780_175_000))
        for text in ["", "-1", "10", "10x", "2026-11-27", "18446744073709551615"] {
            #expect((EventQuestion.Start(text) == nil) == (text != "10"), "\(text)")
        }
    }

    @Test func `lines are put together from pieces that end anywhere`() {
        var reader = LineReader()
        #expect(reader.read(.init(string: "on")) == [])
        #expect(reader.read(.init(string: "e\ntwo\n\n\nthr")) == ["one", "two"])
        #expect(reader.read(.init(string: "ee")) == [])
        #expect(reader.read(.init(string: "\n")) == ["three"])
    }

    @Test func `events are lines for a terminal of 80 columns, under their day`() throws {
        var text = EventText(isColoured: false)
        let id = String(repeating: "a", count: 12) + String(repeating: "b", count: 52)
        var event = EventEntry(Event(serial: 1, time: 1_795_780_175_694, what: pool(1)))
        #expect(
            text.lines(of: event) == """
                2026-11-27 UTC
                11:49:35  pool.released      pool pool-1 was released: a test

                """)
        event.kind = "configuration.reloaded"
        event.sentence = "endpoint \(id) joined sandbox /run/docker/netns/0123456789ab and that is a long sentence"
        #expect(
            text.lines(of: event) == """
                11:49:35  configuration.reloaded
                                             endpoint aaaaaaaaaaaa joined sandbox
                                             /run/docker/netns/0123456789ab and that is a long
                                             sentence

                """)
        event.time = "2026-11-28T00:00:00.000Z"
        #expect(text.lines(of: event).hasPrefix("2026-11-28 UTC\n00:00:00  configuration.reloaded\n"))
    }

    @Test func `what is bad is red, on a terminal`() {
        var text = EventText(isColoured: true)
        let lines = text.lines(of: EventEntry(Event(serial: 1, time: 0, what: .poolShortage(reason: "none is left"))))
        #expect(lines.contains("\u{1B}[31mshortage.pool\u{1B}[0m      none is left"))
    }
}
