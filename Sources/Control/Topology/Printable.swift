// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Without what a terminal or a picture would take for something else than text: control characters, among them
    /// those that turn the direction of writing, are question marks.
    var printable: String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars { text.append(scalar.isControl ? "?" : scalar) }
        return String(text)
    }

    /// The same for who can read ASCII only.
    var ascii: String { String(map { $0.isASCII ? $0 : "?" }) }

    /// How many columns of a terminal it takes.
    var columns: Int { utf8.allSatisfy { $0 < 0x80 } ? utf8.count : reduce(0) { $0 + $1.columns } }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
        default: false
        }
    }

    /// East Asian wide characters (UAX 11), in blocks, and what is shown as a picture.
    fileprivate var isWide: Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
            true
        default: properties.isEmojiPresentation
        }
    }
}

extension Character {
    var columns: Int { unicodeScalars.contains(where: \.isWide) ? 2 : 1 }
}
