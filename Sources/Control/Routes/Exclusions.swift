// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import IPAM
import PluginKit

/// The body of `POST` and `DELETE /v1/pools/{id}/exclusions`: addresses that are to be taken out of a pool, or given back.
public struct ExclusionRequest: Hashable, Sendable {
    public var ranges: [AddressRange]

    public init(ranges: [AddressRange]) {
        self.ranges = ranges
    }
}

extension ExclusionRequest: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case ranges
    }

    /// A field that is not known is refused: it would be a misspelt one.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let unknown = try JSONValue.members(of: decoder, besides: CodingKeys.self).keys.min() {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "unknown field ‘\(unknown)’; there is ranges"))
        }
        ranges = try container.decode([String].self, forKey: .ranges).map { text in
            do throws(AddressRangeProblem) {
                return try AddressRange(text)
            } catch {
                throw DecodingError.dataCorruptedError(
                    forKey: .ranges, in: container, debugDescription: "‘\(text)’ \(error.reason)")
            }
        }
        guard !ranges.isEmpty else {
            throw DecodingError.dataCorruptedError(
                forKey: .ranges, in: container, debugDescription: "expected at least one range")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(ranges.map(\.text), forKey: .ranges)
    }
}

/// What a pool's exclusions are after that.
public struct ExclusionAnswer: Codable, Hashable, Sendable {
    /// An address that stays with who holds it.
    public struct Held: Codable, Hashable, Sendable {
        public var address: IPAddress
        /// For people.
        public var holder: String
    }

    public var pool: PoolID
    /// All that commands have excluded from the pool, in ascending order.
    public var exclusions: [String]
    /// Of the ranges that were asked for, what is held. Whoever has it keeps it.
    public var held: [Held]
    /// Of the ranges that were asked for, what the pool's option `plugind.exclude` excludes in any case.
    public var excludedByOption: [String]

    public init(_ report: ExclusionReport) {
        pool = report.pool
        exclusions = report.exclusions.map(\.text)
        held = report.held.map { Held(address: $0.address, holder: $0.holder) }
        excludedByOption = report.byOption.map(\.text)
    }
}

extension ControlRouter {
    /// What can be done about the addresses of a pool that nobody is to get.
    public mutating func onExclusions(_ ipam: IPAM) {
        on("POST", "/pools/{id}/exclusions", status: 201) { request in
            let ranges = try request.decode(ExclusionRequest.self).ranges
            return try await Self.answer(request) { try await ipam.exclude(ranges, from: $0) }
        }
        on("DELETE", "/pools/{id}/exclusions") { request in
            let ranges = try request.decode(ExclusionRequest.self).ranges
            return try await Self.answer(request) { try await ipam.include(ranges, in: $0) }
        }
    }

    private static func answer(
        _ request: ControlRequest, _ change: (PoolID) async throws -> ExclusionReport
    ) async throws -> ExclusionAnswer {
        let id: PoolID = try request.parameter("id", as: "the id of a pool")
        do {
            return ExclusionAnswer(try await change(id))
        } catch IPAMError.unknownPool {
            throw ControlError.notFound("pool \(id) is not known to plugind")
        }
    }
}
