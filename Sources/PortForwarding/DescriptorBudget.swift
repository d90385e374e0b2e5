// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// How many descriptors all forwarding together may use. Clients must not be able to use up those that the daemon needs
/// for its own work.
final class DescriptorBudget: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) {
        left = Atomic(count)
    }

    /// Half of what the process may have open.
    static func ofProcess() -> DescriptorBudget {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .init(512) }
        return .init(Int(min(limit.rlim_cur, 1 << 20)) / 2)
    }

    /// Takes one. Returns false if none is left.
    func take() -> Bool {
        let remaining = left.subtract(1, ordering: .relaxed).newValue
        if remaining < 0 { giveBack() }
        return remaining >= 0
    }

    func giveBack() {
        left.add(1, ordering: .relaxed)
    }
}
