// SPDX-License-Identifier: Apache-2.0

import Faults
import Glibc

extension RTNetlink {
    public func writeSysctl(_ path: String, _ value: String) throws(KernelError) {
        try writeSysctl(path, value, in: nil)
    }

    /// Writes the one of the network namespace of a descriptor, or of the daemon's.
    func writeSysctl(_ path: String, _ value: String, in namespace: Int32?) throws(KernelError) {
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
            let descriptor = try Self.openSysctl("/proc/sys/\(path)", in: namespace, operation)
            defer { close(descriptor) }
            // In one piece: the kernel takes every write for a value of its own.
            let bytes = Array(value.utf8)
            guard write(descriptor, bytes, bytes.count) == bytes.count else {
                throw KernelError(operation, code: errno)
            }
        }
    }

    /// The files of /proc/sys/net are those of the namespace that the thread is in when it opens them.
    private static func openSysctl(
        _ path: String, in namespace: Int32?, _ operation: String
    ) throws(KernelError) -> Int32 {
        guard let namespace else {
            let descriptor = open(path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw KernelError(operation, code: errno) }
            return descriptor
        }
        return try NetlinkSocket.openSysctl(path, in: namespace, operation)
    }
}
