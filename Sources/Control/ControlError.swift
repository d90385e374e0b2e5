// SPDX-License-Identifier: Apache-2.0

/// A request that the control API refuses by itself, in words.
struct ControlError: Error, Hashable, CustomStringConvertible {
    let status: Int
    let text: String

    var description: String { text }

    static func badRequest(_ text: String) -> ControlError { ControlError(status: 400, text: text) }
    static func notFound(_ text: String) -> ControlError { ControlError(status: 404, text: text) }
}
