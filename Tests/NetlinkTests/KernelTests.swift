// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Calls of the real kernel, each checked with the host's own commands. One at a time: all share the namespace of the
/// process.
@Suite("Kernel", .tags(.netns), .requiresNetns, .leavesNothing, .serialized)
enum KernelTests {}

extension Tag {
    @Tag static var netns: Tag
}

extension Trait where Self == ConditionTrait {
    /// Skipped by a plain `swift test`; `scripts/netns-test.sh` sets the variable, so there nothing is skipped unseen.
    static var requiresNetns: Self {
        .enabled(if: ProcessInfo.processInfo.environment["NETNS_TESTS"] == "1", "run scripts/netns-test.sh")
    }

    /// Skipped where the kernel has no IPv6.
    static var requiresIPv6: Self {
        .enabled(if: FileManager.default.fileExists(atPath: "/proc/sys/net/ipv6"), "this kernel has no IPv6")
    }
}
