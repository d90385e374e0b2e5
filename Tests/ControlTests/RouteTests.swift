// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import Store
import TestSupport
import Testing

@testable import Control

@Suite("Control API's routes")
struct RouteTests {
    @Test func `without pools and reservations the lists are empty`() async throws {
        let router = ControlRouter.make(try IPAM.make())
        #expect(await router.ask("GET", "/v1/pools") == #"200 {"pools":[]}"#)
        #expect(await router.ask("GET", "/v1/reservations") == #"200 {"reservations":[]}"#)
    }

    @Test func `a pool is told with its numbers`() async throws {
        let ipam = try IPAM.make()
        let id = try await ipam.pool("10.0.0.0/29")
        try await ipam.address(in: id)
        let router = ControlRouter.make(ipam)
        let pool =
            #"{"allocatable":6,"excluded":0,"excludedByOption":[],"exclusions":[],"free":5,"id":"plugind-local/10.0.0.0/29","quarantined":0,"reserved":0,"#
            + #""size":8,"space":"plugind-local","sticky":0,"subnet":"10.0.0.0/29","used":1,"usedOutside":0}"#
        #expect(await router.ask("GET", "/v1/pools") == #"200 {"pools":[\#(pool)]}"#)
        #expect(await router.ask("GET", "/v1/pools/plugind-local%2F10.0.0.0%2F29") == "200 \(pool)")
    }

    @Test func `a large number is told as it is`() async throws {
        let ipam = try IPAM.make()
        try await ipam.pool("fd00::/64")
        let answer = await ControlRouter.make(ipam).ask("GET", "/v1/pools")
        #expect(answer.contains(#""size":18446744073709551616,"#), "\(answer)")
    }

    @Test func `an unknown pool is 404`() async throws {
        let router = ControlRouter.make(try IPAM.make())
        #expect(
            await router.ask("GET", "/v1/pools/plugind-local%2F10.0.0.0%2F29")
                == #"404 {"error":"pool plugind-local/10.0.0.0/29 is not known to plugind"}"#)
        #expect(
            await router.ask("GET", "/v1/pools/a%20b")
                == #"400 {"error":"‘a b’ in the path is not the id of a pool"}"#)
    }

    @Test func `reservations are made, listed and ended`() async throws {
        let store = FakeStore()
        let router = ControlRouter.make(try IPAM.make(store: store))
        let v4 = #"{"address":"10.0.0.5","name":"web","source":"command"}"#
        let v6 = #"{"address":"fd00::5","name":"web","source":"command"}"#
        let request = #"{"name":"web","addresses":["fd00::5","10.0.0.5"]}"#
        #expect(await router.ask("POST", "/v1/reservations", request) == #"201 {"reservations":[\#(v4),\#(v6)]}"#)
        #expect(await router.ask("GET", "/v1/reservations") == #"200 {"reservations":[\#(v4),\#(v6)]}"#)
        #expect(store.state.reservations.count == 2)
        #expect(await router.ask("DELETE", "/v1/reservations/fd00%3A%3A5") == "200 \(v6)")
        #expect(await router.ask("DELETE", "/v1/reservations/fd00::5") == #"404 {"error":"fd00::5 is not reserved"}"#)
        #expect(await router.ask("GET", "/v1/reservations") == #"200 {"reservations":[\#(v4)]}"#)
        #expect(store.state.reservations.count == 1)
    }

    @Test func `the same reservation again is success`() async throws {
        let router = ControlRouter.make(try IPAM.make())
        let request = #"{"mac":"02:00:00:00:00:01","addresses":["10.0.0.5"]}"#
        let first = await router.ask("POST", "/v1/reservations", request)
        #expect(
            first
                == #"201 {"reservations":[{"address":"10.0.0.5","mac":"02:00:00:00:00:01","source":"command"}]}"#)
        #expect(await router.ask("POST", "/v1/reservations", request) == first)
    }

    @Test func `of several addresses all are reserved or none`() async throws {
        let ipam = try IPAM.make(reservations: [.make("db", "10.0.0.7")])
        try await ipam.reserve([.make("web", "10.0.0.4")])
        let router = ControlRouter.make(ipam)
        let answer = await router.ask(
            "POST", "/v1/reservations", #"{"name":"web","addresses":["10.0.0.4","10.0.0.5","10.0.0.7"]}"#)
        #expect(answer == #"409 {"error":"address 10.0.0.7 is reserved for container db"}"#)
        #expect(
            await ipam.reservationList().map(\.reservation.description) == ["web=10.0.0.4", "db=10.0.0.7"],
            "what was reserved before stays")
    }

    @Test func `a reservation that the store refuses is 500 and none`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        store.failNext()
        let answer = await ControlRouter.make(ipam).ask(
            "POST", "/v1/reservations", #"{"name":"web","addresses":["10.0.0.5","10.0.0.6"]}"#)
        #expect(answer.hasPrefix("500 ") && answer.contains("the disk is full"), "\(answer)")
        #expect(await ipam.reservationList().isEmpty)
    }

    @Test func `what was not reserved by command is not ended by command`() async throws {
        let ipam = try IPAM.make(reservations: [.make("db", "10.0.0.7")])
        try await ipam.pool("10.0.1.0/24", options: ["plugind.reserve": "web=10.0.1.9"])
        let router = ControlRouter.make(ipam)
        #expect(
            await router.ask("GET", "/v1/reservations")
                == #"200 {"reservations":[{"address":"10.0.0.7","name":"db","source":"configuration"},"#
                + #"{"address":"10.0.1.9","name":"web","pool":"plugind-local/10.0.1.0/24","source":"pool"}]}"#)
        for address in ["10.0.0.7", "10.0.1.9"] {
            let answer = await router.ask("DELETE", "/v1/reservations/\(address)")
            #expect(answer.hasPrefix(#"409 {"error":"the reservation of \#(address) is "#), "\(answer)")
        }
    }

    private static let requests = [
        (#"{"addresses":["10.0.0.5"]}"#, "expected one of the fields name and mac"),
        (
            #"{"name":"web","mac":"02:00:00:00:00:01","addresses":["10.0.0.5"]}"#,
            "expected one of the fields name and mac"
        ),
        (#"{"name":"web"}"#, "field addresses is missing"),
        (#"{"name":"web","addresses":[]}"#, "addresses: expected at least one address"),
        (#"{"name":"web","addresses":"10.0.0.5"}"#, "addresses: expected a list"),
        (#"{"name":"web","addresses":["10.0.0.5/24"]}"#, "addresses[0]: ‘10.0.0.5/24’ is not a valid IPAddress"),
        (#"{"name":"a b","addresses":["10.0.0.5"]}"#, "name: ‘a b’ is not a container's name"),
        (#"{"name":"02:00:00:00:00:01","addresses":["::1"]}"#, "name: ‘02:00:00:00:00:01’ is not a container's name"),
        (#"{"mac":"web","addresses":["10.0.0.5"]}"#, "mac: ‘web’ is not a valid MACAddress"),
        (#"{"mac":"ff:ff:ff:ff:ff:ff","addresses":["::1"]}"#, "mac: no link can have ff:ff:ff:ff:ff:ff"),
        (
            #"{"name":"web","address":["10.0.0.5"]}"#,
            "unknown field ‘address’; fields are name, mac, addresses"
        ),
    ]

    @Test(arguments: requests)
    func `a reservation that cannot be meant is 400`(body: String, words: String) async throws {
        let router = ControlRouter.make(try IPAM.make())
        #expect(await router.ask("POST", "/v1/reservations", body) == #"400 {"error":"\#(words)"}"#)
    }
}
