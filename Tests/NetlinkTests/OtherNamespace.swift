// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A network namespace that lives as long as a process that sleeps in it.
struct OtherNamespace {
    let process: Int32
    private let output: UnsafeMutablePointer<FILE>

    static func make() throws -> OtherNamespace {
        // The shell says its process id and becomes the sleeper; a line of `unshare`'s child says that it is there.
        let output = try #require(popen("echo $$; exec unshare --net sh -c 'echo there; exec sleep 60'", "re"))
        let lines = [readLine(output), readLine(output)]
        let process = try #require(lines[0].flatMap { Int32($0) })
        try #require(lines[1] == "there", "unshare made no namespace")
        return OtherNamespace(process: process, output: output)
    }

    func end() {
        // Not SIGTERM: the test runner ignores it, and so do its children.
        kill(process, SIGKILL)
        pclose(output)
    }

    private static func readLine(_ output: UnsafeMutablePointer<FILE>) -> String? {
        var buffer = [CChar](repeating: 0, count: 64)
        guard fgets(&buffer, Int32(buffer.count), output) != nil else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            .trimmingCharacters(in: .newlines)
    }
}
