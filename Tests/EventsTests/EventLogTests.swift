// SPDX-License-Identifier: Apache-2.0

import Addressing
import Synchronization
import Testing

@testable import Events

@Suite("Event log")
struct EventLogTests {
    private func pool(_ number: Int) -> Occurrence { .poolReleased("pool-\(number)", reason: "a test") }

    private func log(capacity: Int, events: Int) -> EventLog {
        let time = Mutex<Int64>(1_000)
        let log = EventLog(capacity: capacity) {
            time.withLock { time in
                time += 10
                return time
            }
        }
        for number in 0..<events { log.emit(pool(number)) }
        return log
    }

    @Test func `events come in the order in which they happened, with numbers from 1 on`() {
        let part = log(capacity: 8, events: 3).read(from: 1)
        #expect(part.events.map(\.serial) == [1, 2, 3])
        #expect(part.events.map(\.what) == [pool(0), pool(1), pool(2)])
        #expect(part.events.map(\.time) == [1_010, 1_020, 1_030])
        #expect(part.lost == 0)
        #expect(part.next == 4)
    }

    @Test(arguments: [(4, 5, 4), (5, 5, 5), (12, 5, 5), (5_001, 100, 100)])
    func `the last events are kept, and who comes too late is told how many are gone`(
        events: Int, capacity: Int, kept: Int
    ) {
        let part = log(capacity: capacity, events: events).read(from: 1)
        #expect(part.events.map(\.what) == (events - kept..<events).map(pool))
        #expect(part.lost == UInt64(events - kept))
        #expect(part.next == UInt64(events) + 1)
    }

    @Test func `a reader goes on where it was, with so many at a time as it wants`() {
        let log = log(capacity: 100, events: 10)
        var (next, serials) = (UInt64(1), [UInt64]())
        while next < log.end {
            let part = log.read(from: next, limit: 4)
            #expect(part.events.count <= 4)
            serials += part.events.map(\.serial)
            next = part.next
        }
        #expect(serials == Array(1...10))
        #expect(log.read(from: next).events.isEmpty)
        #expect(log.read(from: 1_000).next == 11)
    }

    private static let places: [(Int64, UInt64)] = [
        (.min, 8), (0, 8), (1_080, 8), (1_081, 9), (1_120, 12), (1_121, 13), (.max, 13),
    ]

    @Test(arguments: places)
    func `the place of a time is the first event since then that is there`(time: Int64, serial: UInt64) {
        #expect(log(capacity: 5, events: 12).serial(at: time) == serial)
    }

    @Test func `the place of a time in an empty log is that of the next event`() {
        #expect(EventLog().serial(at: 5) == 1)
        #expect(EventLog().read(from: 1).events.isEmpty)
    }

    @Test func `a slow reader holds nobody up, and is told of what it missed`() async {
        let log = EventLog(capacity: 10)
        let signals = log.signals(each: .seconds(3600))
        for number in 0..<1_000 { log.emit(pool(number)) }
        var iterator = signals.makeAsyncIterator()
        // One signal, however much happened.
        await iterator.next()
        let part = log.read(from: 1)
        #expect(part.lost == 990)
        #expect(part.events.count == 10)
    }

    @Test func `a signal comes after each event, and without any after a beat`() async {
        let log = EventLog()
        var iterator = log.signals(each: .milliseconds(1)).makeAsyncIterator()
        await iterator.next()
        #expect(log.end == 1)
        var events = log.signals(each: .seconds(3600)).makeAsyncIterator()
        for number in 0..<5 {
            log.emit(pool(number))
            await events.next()
        }
    }

    @Test func `many threads tell, and each event is there once`() async {
        let log = EventLog(capacity: 100_000)
        let (threads, each) = (8, 2_000)
        let reader = Task {
            var (next, seen) = (UInt64(1), [Occurrence]())
            let signals = log.signals(each: .milliseconds(1))
            for await _ in signals {
                let part = log.read(from: next)
                seen += part.events.map(\.what)
                next = part.next
                if seen.count == threads * each { break }
            }
            return seen
        }
        await withTaskGroup { tasks in
            for thread in 0..<threads {
                tasks.addTask { for number in 0..<each { log.emit(pool(thread * each + number)) } }
            }
        }
        let seen = await reader.value
        #expect(Set(seen).count == threads * each)
        for thread in 0..<threads {
            let own = (thread * each..<(thread + 1) * each).map(pool)
            let set = Set(own)
            #expect(seen.filter { set.contains($0) } == own)
        }
    }
}
