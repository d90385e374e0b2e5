// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A command of the host, through the shell.
enum HostCommand {
    /// Runs it, and fails the test if it fails.
    ///
    /// Not with Foundation's `Process`: that needs a loopback that is up, and hangs in a fresh namespace.
    @discardableResult
    static func run(_ command: String) throws -> Data {
        let output = try #require(popen(command, "re"))
        var data = Data()
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&buffer, 1, buffer.count, output), count > 0 {
            data.append(contentsOf: buffer[..<count])
        }
        try #require(pclose(output) == 0, "\(command)")
        return data
    }

    /// What it prints, without indentation.
    static func lines(_ command: String) throws -> [String] {
        String(decoding: try run(command), as: UTF8.self).split(separator: "\n")
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
