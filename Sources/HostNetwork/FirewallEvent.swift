// SPDX-License-Identifier: Apache-2.0

import CNetlink

/// A change of the packet filter as it is read.
struct FirewallEvent {
    enum Kind {
        case change(FirewallMonitor.Change)
        /// The changes before this one are those of a transaction, and who made it.
        case transaction(process: String?)
        case overrun
    }
    var kind: Kind
    var sender: UInt32
}

extension FirewallEvent {
    init(_ record: cnl_firewall_change, sender: UInt32) {
        self.sender = sender
        switch record.part {
        case .generation:
            let process = String(cString: record.process_name)
            kind = .transaction(process: process.isEmpty ? nil : "\(process) (process \(record.process))")
        case .chain, .rule:
            kind = .change(Self.rules(record, chain: String(cString: record.name)))
        case .table, .set, .element, .object, .flowtable:
            kind = .change(Self.rules(record, chain: nil))
        }
    }

    private static func rules(_ record: cnl_firewall_change, chain: String?) -> FirewallMonitor.Change {
        .rules(family: family(record), table: String(cString: record.table), chain: chain)
    }

    /// By the numbers of NFPROTO_… (linux/netfilter.h).
    private static func family(_ record: cnl_firewall_change) -> FirewallMonitor.Family {
        switch record.family {
        case 1: .inet
        case 2: .ip
        case 7: .bridge
        case 10: .ip6
        default: .other
        }
    }
}

/// Notices in the order in which they came, equal ones once.
struct GatheredNotices {
    /// No more than so many are passed on at once.
    static let limit = 4096

    private var notices: [FirewallMonitor.Notice] = []
    private var seen: Set<FirewallMonitor.Notice> = []
    /// Those since the last end of a transaction.
    private var pending: [FirewallMonitor.Notice] = []
    private var seenPending: Set<FirewallMonitor.Notice> = []

    /// Whether the end of a transaction is still to come. What the kernel does by itself is none.
    var isAwaitingProcess: Bool { pending.contains { $0.sender != 0 } }

    mutating func add(_ event: FirewallEvent) {
        switch event.kind {
        case .change(let change):
            let notice = FirewallMonitor.Notice(change, sender: event.sender)
            if seenPending.insert(notice).inserted { pending.append(notice) }
        case .transaction(let process):
            endTransaction(sender: event.sender, process: process)
        case .overrun:
            endTransaction()
            pass(.init(.overrun))
        }
    }

    mutating func finish() -> [FirewallMonitor.Notice] {
        endTransaction()
        return notices
    }

    private mutating func endTransaction(sender: UInt32 = 0, process: String? = nil) {
        for var notice in pending {
            if notice.sender == sender { notice.process = process }
            pass(notice)
        }
        pending = []
        seenPending = []
    }

    private mutating func pass(_ notice: FirewallMonitor.Notice) {
        guard seen.insert(notice).inserted else { return }
        if notices.count < Self.limit {
            notices.append(notice)
        } else {
            notices[Self.limit - 1] = .init(.overrun)
        }
    }
}
