// SPDX-License-Identifier: Apache-2.0

// Sources are safe to use from every thread (dispatch_source_cancel(3)); on Linux their type does not say so.
@preconcurrency import Dispatch
import Glibc

/// What comes in at a socket of the kernel's, as a stream, read on a thread of its own. Ends when it is stopped or let go
/// of, or when nothing can be read any more.
final class NoticeSource<Notice: Sendable>: Sendable {
    /// What was read in one go, for one reader.
    let notices: AsyncStream<[Notice]>
    private let source: any DispatchSourceRead

    /// `read` passes on what waits to be read, and returns false if reading is over. What follows the first within
    /// `gathering` is read together with it.
    init(
        _ label: String, descriptor: Int32, gathering: Duration,
        read: @escaping @Sendable (AsyncStream<[Notice]>.Continuation) -> Bool
    ) {
        let (notices, continuation) = AsyncStream.makeStream(of: [Notice].self)
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: DispatchQueue(label: label))
        let pause = useconds_t(gathering / .microseconds(1))
        source.setEventHandler {
            // The queue has a thread of its own, and nothing else to do.
            if pause > 0 { usleep(pause) }
            guard read(continuation) else { return source.cancel() }
        }
        // Keeps the socket, which `read` has, until nothing waits on its descriptor any more.
        source.setCancelHandler {
            withExtendedLifetime(read) { continuation.finish() }
        }
        continuation.onTermination = { _ in source.cancel() }
        source.activate()
        self.notices = notices
        self.source = source
    }

    deinit {
        source.cancel()
    }

    /// Stopping twice is the same as stopping once.
    func stop() {
        source.cancel()
    }
}
