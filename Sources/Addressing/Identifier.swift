// SPDX-License-Identifier: Apache-2.0

extension String {
    /// True for 1 to 128 bytes of letters, digits, `_`, `.` and `-`.
    ///
    /// The engine's ids are 64 hexadecimal digits, a swarm's are 25 digits of base 36. Wider than either, yet
    /// nothing that could escape from a file name, a log line or a command.
    var isIdentifier: Bool {
        (1...128).contains(utf8.count)
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                    true
                default:
                    false
                }
            }
    }
}
