// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// How many requests were answered, by status: a run in which all were refused has shown little.
enum Count {
    private static let counts = Mutex<[Int: Int]>([:])

    static func answers(of status: Int) {
        counts.withLock { $0[status, default: 0] += 1 }
    }

    static func printAtExit() {
        atexit {
            let counts = Count.counts.withLock { $0 }
            let parts = counts.sorted { $0.key < $1.key }.map { "\($0.value) with \($0.key)" }
            print("answered \(counts.values.reduce(0, +)) requests: \(parts.joined(separator: ", "))")
        }
    }
}
