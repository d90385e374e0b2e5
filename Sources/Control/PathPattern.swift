// SPDX-License-Identifier: Apache-2.0

/// A path of the API, in which `{name}` stands for any one segment: `/v1/pools/{id}`.
struct PathPattern: Hashable, Sendable, CustomStringConvertible {
    private enum Segment: Hashable {
        case text(String)
        case parameter(String)
    }

    let description: String
    private let segments: [Segment]

    init(_ description: String) {
        self.description = description
        segments = description.split(separator: "/").map { segment in
            segment.hasPrefix("{") && segment.hasSuffix("}")
                ? .parameter(String(segment.dropFirst().dropLast())) : .text(String(segment))
        }
    }

    /// What `path`, which is percent-encoded, has in place of each `{name}`; nil if it is another path.
    func match(_ path: String) -> [String: String]? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path.hasPrefix("/"), parts.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (segment, part) in zip(segments, parts) {
            guard let value = String(percentEncoded: part), !value.isEmpty else { return nil }
            switch segment {
            case .text(let text): guard value == text else { return nil }
            case .parameter(let name): parameters[name] = value
            }
        }
        return parameters
    }
}
