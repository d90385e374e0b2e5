// SPDX-License-Identifier: Apache-2.0

import Addressing
import ArgumentParser
import Control
import IPAM

extension Pools {
    /// `plugind pools exclude`: addresses that nobody is to get.
    struct Exclude: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take addresses out of a pool, until they are included again.",
            discussion: """
                All of them, or none. Who holds one keeps it; after that it is given only to who asks for it by number, or \
                whom it is reserved for. It lasts as long as the pool.

                Exits with 1 if plugind refuses or fails, with 3 if it cannot be reached, with 64 if it is used wrongly.
                """)

        @OptionGroup var what: ExclusionArguments

        func run() async throws {
            try await what.change { client, id, request throws(ControlFailure) in
                try await client.exclude(request, from: id)
            }
        }
    }

    /// `plugind pools include`: the end of what `exclude` did.
    struct Include: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give back what was taken out of a pool by plugind pools exclude.",
            discussion: """
                All of it, or nothing. What the pool's option plugind.exclude excludes stays so, as long as its network.

                Exits with 1 if plugind refuses or fails, with 3 if it cannot be reached, with 64 if it is used wrongly.
                """)

        @OptionGroup var what: ExclusionArguments

        func run() async throws {
            try await what.change { client, id, request throws(ControlFailure) in
                try await client.include(request, in: id)
            }
        }
    }
}

/// What both commands are given, and how they say what became of it.
struct ExclusionArguments: ParsableArguments {
    @Argument(help: "The pool, by its id or its subnet.")
    var pool: String

    @Argument(
        help: "Addresses: one, a range such as 10.0.0.10-10.0.0.19, or a prefix.",
        transform: ExclusionArguments.range)
    var ranges: [AddressRange]

    @OptionGroup var control: ControlOptions

    typealias Step =
        (ControlClient, PoolID, ExclusionRequest) async throws(ControlFailure) -> ControlClient.Answer<ExclusionAnswer>

    func change(_ step: Step) async throws {
        do throws(ControlFailure) {
            let client = control.client
            let id = try await client.pool(pool).value.id
            control.show(try await step(client, id, ExclusionRequest(ranges: ranges))) { answer, _ in answer.text() }
        } catch {
            throw ControlOptions.complain(error)
        }
    }

    @Sendable private static func range(_ text: String) throws -> AddressRange {
        do throws(AddressRangeProblem) {
            return try AddressRange(text)
        } catch {
            throw ValidationError("‘\(text)’ \(error.reason)")
        }
    }
}
