// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The text as one segment of a path: all but letters, digits and `-._~` percent-encoded (RFC 3986 section 2.3).
    var percentEncoded: String {
        let digits = Array("0123456789ABCDEF".utf8)
        let bytes = utf8.flatMap { byte in
            switch UnicodeScalar(byte) {
            case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_", "~": [byte]
            default: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Fails for `%` without two hexadecimal digits after it, and for what is not UTF-8.
    init?(percentEncoded text: Substring) {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            guard digits.count == 2 else { return nil }
            rest.removeFirst(2)
            bytes.append(UInt8(digits[0] << 4 | digits[1]))
        }
        self.init(validating: bytes, as: UTF8.self)
    }
}
