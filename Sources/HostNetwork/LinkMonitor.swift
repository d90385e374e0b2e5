// SPDX-License-Identifier: Apache-2.0

// Sources are safe to use from every thread (dispatch_source_cancel(3)); on Linux their type does not say so.
@preconcurrency import Dispatch
import Synchronization

/// Tells of every change of links, addresses and routes in the namespace, from the moment it exists.
///
/// Changes are in the kernel's order. They come late by nature: when one is read, the next may have happened. So a
/// change is a reason to look, not a state to rely on.
public final class LinkMonitor: Sendable {
    /// What changed, as it is after the change; what is gone, as it was.
    public enum Change: Hashable, Sendable {
        case link(Link)
        case linkGone(Link)
        case address(LinkAddress)
        case addressGone(LinkAddress)
        case route(Route)
        case routeGone(Route)
        /// Changes came faster than they were read, and the kernel dropped some: look at everything again.
        case overrun
    }

    /// For one reader. Ends when the monitor is stopped or let go of, or cannot read any more.
    public let changes: AsyncStream<Change>
    private let source: any DispatchSourceRead

    public init() throws(KernelError) {
        let reader = try ChangeReader()
        let (changes, continuation) = AsyncStream.makeStream(of: Change.self)
        let source = DispatchSource.makeReadSource(
            fileDescriptor: reader.descriptor, queue: DispatchQueue(label: "plugind.link-monitor"))
        source.setEventHandler {
            guard reader.read(into: continuation) else { return source.cancel() }
        }
        // Keeps the socket until nothing waits on its descriptor any more.
        source.setCancelHandler {
            withExtendedLifetime(reader) { continuation.finish() }
        }
        continuation.onTermination = { _ in source.cancel() }
        source.activate()
        self.changes = changes
        self.source = source
    }

    deinit {
        source.cancel()
    }

    /// Ends `changes`. Stopping twice is the same as stopping once.
    public func stop() {
        source.cancel()
    }
}

/// The socket, shared by the handlers of its source.
private final class ChangeReader: Sendable {
    let descriptor: Int32
    private let socket: Mutex<NetlinkSocket>

    init() throws(KernelError) {
        let socket = try NetlinkSocket(for: .changes)
        descriptor = socket.descriptor
        self.socket = Mutex(socket)
    }

    /// Passes on what waits to be read. Returns false if reading is over.
    func read(into continuation: AsyncStream<LinkMonitor.Change>.Continuation) -> Bool {
        socket.withLock { socket in
            do throws(KernelError) {
                while let change = try socket.nextChange() {
                    continuation.yield(change)
                }
                return true
            } catch {
                return false
            }
        }
    }
}
