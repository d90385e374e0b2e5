// SPDX-License-Identifier: Apache-2.0

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
        /// Forwarding, or another setting of the link of that index, or of all links (-1), or of those to come (-2).
        case settings(link: Int32)
        /// Changes came faster than they were read, and the kernel dropped some: look at everything again.
        case overrun
    }

    /// A change and who asked for it.
    public struct Notice: Hashable, Sendable {
        public var change: Change
        /// The netlink port of who asked for it: mostly a process id. 0 is the kernel itself.
        public var sender: UInt32

        public init(_ change: Change, sender: UInt32 = 0) {
            self.change = change
            self.sender = sender
        }
    }

    /// What was read in one go, for one reader. Ends when the monitor is stopped or let go of, or cannot read any more.
    public var notices: AsyncStream<[Notice]> { source.notices }
    private let source: NoticeSource<Notice>

    /// Changes that follow the first within `gathering` are read together with it: making a link alone is several.
    public init(gathering: Duration = .zero) throws(KernelError) {
        let reader = try ChangeReader()
        source = NoticeSource("plugind.link-monitor", descriptor: reader.descriptor, gathering: gathering) {
            reader.read(into: $0)
        }
    }

    /// Ends `notices`. Stopping twice is the same as stopping once.
    public func stop() {
        source.stop()
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

    /// No more than so many are passed on at once: a routing daemon that fills a table makes millions.
    private static let limit = 4096

    /// Passes on what waits to be read. Returns false if reading is over.
    func read(into continuation: AsyncStream<[LinkMonitor.Notice]>.Continuation) -> Bool {
        socket.withLock { socket in
            var notices: [LinkMonitor.Notice] = []
            defer { if !notices.isEmpty { continuation.yield(notices) } }
            do throws(KernelError) {
                while let notice = try socket.nextNotice() {
                    if notices.count < Self.limit {
                        notices.append(notice)
                    } else {
                        notices[Self.limit - 1] = .init(.overrun)
                    }
                }
                return true
            } catch {
                return false
            }
        }
    }
}
