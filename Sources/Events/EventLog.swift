// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The last events, in memory: what happened since the daemon started.
///
/// Whoever has something to tell is never held up: an event goes into the log under a lock that is held for as long as it
/// takes to store it, and wakes those who wait. A reader has a place in the log of its own, so the log is the buffer of
/// all of them, and one who is slower than the log is long is told how many events it missed.
public final class EventLog: Sendable {
    /// Some of the log, as a reader gets it.
    public struct Part: Sendable {
        /// How many between the place that was asked for and the first of `events` are not in the log any more.
        public let lost: UInt64
        /// In the order in which they happened.
        public let events: [Event]
        /// Where to read on.
        public let next: UInt64
    }

    /// How many events the log keeps.
    public static let standardCapacity = 10_000

    private struct Content {
        /// An event is at its serial number less one, modulo the capacity.
        var ring: [Event] = []
        var nextSerial: UInt64 = 1
        var readers: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var nextReader: UInt64 = 0

        func first(capacity: Int) -> UInt64 { nextSerial - UInt64(min(ring.count, capacity)) }
    }

    private let capacity: Int
    private let now: @Sendable () -> Int64
    private let content = Mutex(Content())

    /// `now` gives milliseconds since 1970.
    public init(
        capacity: Int = EventLog.standardCapacity, now: @escaping @Sendable () -> Int64 = EventLog.millisecondsNow
    ) {
        precondition(capacity > 0)
        self.capacity = capacity
        self.now = now
    }

    /// To be called once it has happened, and is stored where that is to be.
    public func emit(_ what: Occurrence) {
        content.withLock { content in
            // Within the lock, so that times are in the order of the numbers as far as the clock lets them.
            let event = Event(serial: content.nextSerial, time: now(), what: what)
            if content.ring.count < capacity {
                content.ring.append(event)
            } else {
                content.ring[index(of: event.serial)] = event
            }
            content.nextSerial += 1
            for reader in content.readers.values { reader.yield() }
        }
    }

    /// The number that the next event gets.
    public var end: UInt64 { content.withLock { $0.nextSerial } }

    /// The events from number `serial` on, `limit` at most.
    public func read(from serial: UInt64, limit: Int = .max) -> Part {
        content.withLock { content in
            let first = content.first(capacity: capacity)
            // One that is not there yet is what the next one will be.
            let start = min(max(serial, first), content.nextSerial)
            let end = start + min(UInt64(limit), content.nextSerial - start)
            return Part(
                lost: start - min(serial, start), events: (start..<end).map { content.ring[index(of: $0)] }, next: end)
        }
    }

    /// The number of the first event in the log that happened at `time` or later, in milliseconds since 1970; that of the
    /// next one if none did.
    public func serial(at time: Int64) -> UInt64 {
        content.withLock { content in
            var (low, high) = (content.first(capacity: capacity), content.nextSerial)
            while low < high {
                let middle = low + (high - low) / 2
                if content.ring[index(of: middle)].time < time { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    /// Gives a signal after events, and in any case each `beat`, for as long as somebody reads the signals. Signals that
    /// nobody has read yet are one.
    public func signals(each beat: Duration) -> AsyncStream<Void> {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let reader = content.withLock { content in
            content.nextReader += 1
            content.readers[content.nextReader] = continuation
            return content.nextReader
        }
        let heart = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: beat)
                continuation.yield()
            }
        }
        continuation.onTermination = { [weak self] _ in
            heart.cancel()
            self?.forget(reader)
        }
        return signals
    }

    private func forget(_ reader: UInt64) {
        content.withLock { _ = $0.readers.removeValue(forKey: reader) }
    }

    private func index(of serial: UInt64) -> Int { Int((serial - 1) % UInt64(capacity)) }

    @Sendable public static func millisecondsNow() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
