// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc
import Synchronization

/// Tells of every change of the packet filter in the namespace, from the moment it exists, other than those that were
/// asked for over the ports to be ignored.
///
/// As with `LinkMonitor`, a change is a reason to look, not a state to rely on: when one is read, the next may have
/// happened.
public final class FirewallMonitor: Sendable {
    public enum Family: Hashable, Sendable {
        case inet, ip, ip6, bridge, other
    }

    public enum Change: Hashable, Sendable {
        /// A table changed, or something in it; `chain` is told if it was a chain or a rule.
        case rules(family: Family, table: String, chain: String?)
        /// Changes came faster than they were read, and the kernel dropped some: look at everything again.
        case overrun
    }

    /// A change and who asked for it. Those of a transaction that are equal are told once.
    public struct Notice: Hashable, Sendable {
        public var change: Change
        /// The netlink port of who asked for it. 0 is the kernel itself.
        public var sender: UInt32
        /// As in `nft (process 123)`, where the kernel told. The number is the initial namespace's, of the thread.
        public var process: String?

        public init(_ change: Change, sender: UInt32 = 0, process: String? = nil) {
            self.change = change
            self.sender = sender
            self.process = process
        }
    }

    /// What was read in one go, for one reader. Ends when the monitor is stopped or let go of, or cannot read any more.
    public var notices: AsyncStream<[Notice]> { source.notices }
    private let source: NoticeSource<Notice>

    /// Changes that follow the first within `gathering` are read together with it. Nothing is told of what comes from
    /// `ports`, nor, with `ignoringOwn`, from those that `ownPorts()` has when it comes: a port may be there only then.
    public init(
        gathering: Duration = .zero, ignoring ports: Set<UInt32> = [], ignoringOwn: Bool = false
    ) throws(KernelError) {
        let reader = try FirewallReader(ignoring: ports, ignoringOwn: ignoringOwn)
        source = NoticeSource("plugind.firewall-monitor", descriptor: reader.descriptor, gathering: gathering) {
            reader.read(into: $0)
        }
    }

    /// Ends `notices`. Stopping twice is the same as stopping once.
    public func stop() {
        source.stop()
    }

    /// The netlink ports over which this process changes the packet filter.
    ///
    /// A libnftables context gets its port with the first command that it runs, and keeps it; before libnftables 0.9.9 it
    /// takes another one when somebody's change interrupts its listing. Takes some 200 µs.
    public static func ownPorts() -> Set<UInt32> {
        let files = FileManager.default
        let descriptors = (try? files.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let own = Set(descriptors.compactMap { try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") })

        // Columns: sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode. Of the thread, which may be in another namespace
        // than the process began in.
        guard let table = files.contents(atPath: "/proc/thread-self/net/netlink") else { return [] }
        let ports = String(decoding: table, as: UTF8.self).split(separator: "\n").compactMap { line -> UInt32? in
            let columns = line.split(separator: " ")
            // NETLINK_NETFILTER.
            guard columns.count >= 10, columns[1] == "12", own.contains("socket:[\(columns[9])]") else { return nil }
            return UInt32(columns[2])
        }
        // A socket that sent nothing yet has none.
        return Set(ports).subtracting([0])
    }
}

/// The socket, shared by the handlers of its source.
private final class FirewallReader: Sendable {
    let descriptor: Int32
    private let socket: Mutex<NetlinkSocket>
    private let ignored: Set<UInt32>
    private let ignoresOwn: Bool

    init(ignoring ports: Set<UInt32>, ignoringOwn: Bool) throws(KernelError) {
        let socket = try NetlinkSocket(for: .firewallChanges)
        descriptor = socket.descriptor
        self.socket = Mutex(socket)
        ignored = ports
        ignoresOwn = ignoringOwn
    }

    /// Passes on what waits to be read. Returns false if reading is over.
    func read(into continuation: AsyncStream<[FirewallMonitor.Notice]>.Continuation) -> Bool {
        var senders = Senders(ignored: ignored, ignoresOwn: ignoresOwn)
        return socket.withLock { socket in
            var gathered = GatheredNotices()
            defer {
                let notices = gathered.finish()
                if !notices.isEmpty { continuation.yield(notices) }
            }
            do throws(KernelError) {
                while true {
                    while let event = try socket.nextFirewallEvent() {
                        if senders.isHeard(event.sender) { gathered.add(event) }
                    }
                    // Who made a transaction is told last, and a moment after the rest.
                    guard gathered.isAwaitingProcess, waitForMore() else { return true }
                }
            } catch {
                return false
            }
        }
    }

    private func waitForMore() -> Bool {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wait, 1, 100) > 0
    }
}

/// Who is listened to in one go.
private struct Senders {
    /// 0 is the kernel itself.
    private var heard: Set<UInt32> = [0]
    private var ignored: Set<UInt32>
    private let ignoresOwn: Bool

    init(ignored: Set<UInt32>, ignoresOwn: Bool) {
        self.ignored = ignored
        self.ignoresOwn = ignoresOwn
    }

    mutating func isHeard(_ sender: UInt32) -> Bool {
        if heard.contains(sender) { return true }
        if ignored.contains(sender) { return false }
        // Looked up once for each stranger.
        if ignoresOwn { ignored.formUnion(FirewallMonitor.ownPorts()) }
        guard !ignored.contains(sender) else { return false }
        heard.insert(sender)
        return true
    }
}
