// SPDX-License-Identifier: Apache-2.0

/// How a terminal shows a text: ECMA-48, select graphic rendition.
enum Ink: Int {
    case bold = 1
    case faint = 2
    case red = 31
    case green = 32
    case yellow = 33

    func applied(to text: String) -> String {
        "\u{1B}[\(rawValue)m\(text)\u{1B}[0m"
    }
}
