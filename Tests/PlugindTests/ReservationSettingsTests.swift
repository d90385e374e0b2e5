// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import Testing

@testable import plugind

@Suite("Reservations in the configuration")
struct ReservationSettingsTests {
    @Test func `a name or a MAC address has one address or several`() throws {
        let text = """
            reservations:
              - {name: web, address: 10.0.0.5}
              - name: my.db-1
                addresses: [10.0.0.6, "fd00::6"]
              - mac: 02:42:AC:11:00:02
                addresses:
                  - 10.0.0.7
            """
        let expected: [(Identity, String)] = [
            (.name("web"), "10.0.0.5"), (.name("my.db-1"), "10.0.0.6"), (.name("my.db-1"), "fd00::6"),
            (.mac(try #require(MACAddress("02:42:ac:11:00:02"))), "10.0.0.7"),
        ]
        let reservations = try expected.map { identity, address in
            Reservation(identity: identity, address: try #require(IPAddress(address)))
        }
        #expect(try configuration(of: text).reservations == reservations)
    }

    @Test(arguments: ["reservations:", "reservations: []"]) func `none are none`(text: String) throws {
        #expect(try configuration(of: text).reservations == [])
    }

    @Test(arguments: [
        ("web=10.0.0.5", "line 1: reservations: this is not a list, such as [{name: web, address: 10.0.0.5}]"),
        (
            "[web]", "line 1: reservations, entry 1: this is not a mapping, such as {name: web, address: 10.0.0.5}"
        ),
        ("\n- address: 10.0.0.5", "line 2: reservations, entry 1: name or mac is missing"),
        (
            "\n- {name: web, mac: '02:42:ac:11:00:02', address: 10.0.0.5}",
            "line 2: reservations, entry 1: name and mac are both there; a reservation is for one of them"
        ),
        ("\n- name: web", "line 2: reservations, entry 1: address or addresses is missing"),
        (
            "\n- {name: web, address: 10.0.0.5, addresses: [10.0.0.6]}",
            "line 2: reservations, entry 1: address and addresses are both there; one of them is enough"
        ),
        ("\n- {name: web, addresses: []}", "line 2: reservations, entry 1, addresses: the list is empty"),
        (
            "\n- {name: web, addresses: 10.0.0.5}",
            "line 2: reservations, entry 1, addresses: this is not a list, such as [10.0.0.5, fd00::5]"
        ),
        (
            "\n- name: web\n  adresses: [10.0.0.5]",
            "line 3: reservations, entry 1: unknown key ‘adresses’; did you mean ‘addresses’?"
        ),
        (
            "\n- name: web\n  pool: 10.0.0.0/8",
            "line 3: reservations, entry 1: unknown key ‘pool’; keys are name, mac, address, addresses"
        ),
        (
            "\n- {name: /web, address: 10.0.0.5}",
            "line 2: reservations, entry 1, name: ‘/web’ is not a container's name (letters, digits, ‘-’, ‘_’, ‘.’)"
        ),
        (
            "\n- {name: '02:42:ac:11:00:02', address: 10.0.0.5}",
            "line 2: reservations, entry 1, name: ‘02:42:ac:11:00:02’ is not a container's name (letters, digits, ‘-’, "
                + "‘_’, ‘.’)"
        ),
        (
            "\n- {mac: web, address: 10.0.0.5}",
            "line 2: reservations, entry 1, mac: ‘web’ is not the MAC address of a link, such as 02:42:ac:11:00:02"
        ),
        (
            "\n- {mac: 'ff:ff:ff:ff:ff:ff', address: 10.0.0.5}",
            "line 2: reservations, entry 1, mac: ‘ff:ff:ff:ff:ff:ff’ is not the MAC address of a link, such as "
                + "02:42:ac:11:00:02"
        ),
        (
            "\n- {name: web, address: 10.0.0.256}",
            "line 2: reservations, entry 1, address: ‘10.0.0.256’ is not an address, such as 10.0.0.5 or fd00::5"
        ),
        (
            "\n- {name: web, addresses: [10.0.0.5, 10.0.0.6/24]}",
            "line 2: reservations, entry 1, addresses, entry 2: ‘10.0.0.6/24’ is not an address, such as 10.0.0.5 or "
                + "fd00::5"
        ),
        (
            "\n- {name: web, address: 10.0.0.5}\n- {name: db, addresses: ['fd00::5', 10.0.0.5]}",
            "line 3: reservations, entry 2, addresses, entry 2: 10.0.0.5 is already reserved by entry 1"
        ),
        (
            "\n- {name: web, addresses: ['fd00::5', 'fd00::0:5']}",
            "line 2: reservations, entry 1, addresses, entry 2: fd00::5 is already reserved by entry 1"
        ),
    ])
    func `a bad reservation is refused, with the number of the entry`(value: String, words: String) {
        let error = #expect(throws: ConfigurationError.self) { try configuration(of: "reservations: \(value)") }
        #expect(error?.description == "FILE, \(words)")
    }
}
