// SPDX-License-Identifier: Apache-2.0

import Addressing
import ArgumentParser
import Control
import IPAM

/// `plugind reserve`: addresses that are kept for one container or MAC address.
struct Reserve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep addresses for a container, by its name, or for a MAC address.",
        discussion: """
            A reserved address is given to nobody else, in any pool that has it. Who holds it already keeps it.

            Exits with 1 if plugind refuses or fails, with 3 if it cannot be reached, with 64 if it is used wrongly.
            """,
        subcommands: [Add.self, List.self, Remove.self]
    )

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reserve addresses. All of them are reserved, or none.")

        @Argument(
            help: ArgumentHelp("A container's name, or a MAC address.", valueName: "name|mac"),
            transform: Reserve.identity)
        var identity: Identity

        @Argument(help: "Addresses of either family.", transform: Reserve.address)
        var addresses: [IPAddress]

        @OptionGroup var control: ControlOptions

        func run() async throws {
            let request = ReservationRequest(identity: identity, addresses: addresses)
            do throws(ControlFailure) {
                control.show(try await control.client.reserve(request)) { list, _ in
                    list.reservations.map { "\($0.address) is reserved for \($0.identity)\n" }.joined()
                }
            } catch {
                throw ControlOptions.complain(error)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List all reservations.",
            discussion: "MADE BY is command, configuration, or the pool whose option plugind.reserve it is.")

        @OptionGroup var control: ControlOptions

        func run() async throws {
            do throws(ControlFailure) {
                control.show(try await control.client.reservations()) { $0.text(isColoured: $1) }
            } catch {
                throw ControlOptions.complain(error)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End reservations that were made by command.",
            discussion: "One that cannot be ended does not keep the others from it. With --json, one line for each.")

        @Argument(help: "Addresses that are reserved.", transform: Reserve.address)
        var addresses: [IPAddress]

        @OptionGroup var control: ControlOptions

        func run() async throws {
            var result = ExitCode.success
            for address in addresses {
                do throws(ControlFailure) {
                    control.show(try await control.client.unreserve(address)) { entry, _ in
                        "\(entry.address) is no longer reserved for \(entry.identity)\n"
                    }
                } catch {
                    result = ControlOptions.complain(error)
                }
            }
            guard result.isSuccess else { throw result }
        }
    }

    @Sendable private static func identity(_ text: String) throws -> Identity {
        guard let identity = Identity(text) else {
            throw ValidationError("‘\(text)’ is neither a container's name nor a MAC address that a link can have")
        }
        return identity
    }

    @Sendable private static func address(_ text: String) throws -> IPAddress {
        guard let address = IPAddress(text) else {
            throw ValidationError("‘\(text)’ is not an address, such as 10.0.0.5 or fd00::5")
        }
        return address
    }
}
