// SPDX-License-Identifier: Apache-2.0

import Faults
import Glibc

extension RTNetlink {
    public func writeSysctl(_ path: String, _ value: String) throws(KernelError) {
        let operation = "set \(path) to \(value)"
        // Link names are part of paths; whatever they contain, this writes below /proc/sys.
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        guard components.allSatisfy({ !["", ".", ".."].contains($0) }) else {
            throw KernelError(operation, code: EINVAL)
        }

        // `net/ipv6/conf/br0/accept_ra` less the link's name.
        try FaultPoint.around(
            "sysctl: \(components.dropFirst().first ?? "") \(components.last ?? "")",
            failure: { KernelError(operation, code: $0) }
        ) { () throws(KernelError) in
            let descriptor = open("/proc/sys/\(path)", O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw KernelError(operation, code: errno) }
            defer { close(descriptor) }
            // In one piece: the kernel takes every write for a value of its own.
            let bytes = Array(value.utf8)
            guard write(descriptor, bytes, bytes.count) == bytes.count else {
                throw KernelError(operation, code: errno)
            }
        }
    }
}
