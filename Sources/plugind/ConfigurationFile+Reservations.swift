// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM

extension ConfigurationFile.Value {
    /// Addresses that are kept for a name or a MAC. Each address is kept for one alone; one may have several.
    func reservations() throws(ConfigurationError) -> [Reservation] {
        let example = "{name: web, address: 10.0.0.5}"
        var reservations: [Reservation] = []
        /// Which entry an address was reserved by.
        var numbers: [IPAddress: Int] = [:]
        for (index, entry) in try entries(such: "[\(example)]").enumerated() {
            let members = try entry.members(["name", "mac", "address", "addresses"], such: example)
            let identity = try entry.identity(members)
            for (address, value) in try entry.addresses(members) {
                if let number = numbers.updateValue(index + 1, forKey: address) {
                    throw value.refused("\(address) is already reserved by entry \(number)")
                }
                reservations.append(Reservation(identity: identity, address: address))
            }
        }
        return reservations
    }

    private func identity(_ members: [String: Self]) throws(ConfigurationError) -> Identity {
        switch (members["name"], members["mac"]) {
        case (let name?, nil):
            let text = try name.text()
            guard case .name(let name)? = Identity(text.text) else {
                throw text.refused("is not a container's name (letters, digits, ‘-’, ‘_’, ‘.’)")
            }
            return .name(name)
        case (nil, let mac?):
            let text = try mac.text()
            guard case .mac(let mac)? = Identity(text.text) else {
                throw text.refused("is not the MAC address of a link, such as 02:42:ac:11:00:02")
            }
            return .mac(mac)
        case (nil, nil): throw refused("name or mac is missing")
        case (_?, _?): throw refused("name and mac are both there; a reservation is for one of them")
        }
    }

    /// The addresses of a reservation, each with where it was said.
    private func addresses(_ members: [String: Self]) throws(ConfigurationError) -> [(IPAddress, Self)] {
        let values: [Self]
        switch (members["address"], members["addresses"]) {
        case (let one?, nil): values = [one]
        case (nil, let several?):
            values = try several.entries(such: "[10.0.0.5, fd00::5]")
            guard !values.isEmpty else { throw several.refused("the list is empty") }
        case (nil, nil): throw refused("address or addresses is missing")
        case (_?, _?): throw refused("address and addresses are both there; one of them is enough")
        }
        return try values.map { value throws(ConfigurationError) in
            let text = try value.text()
            guard let address = IPAddress(text.text) else {
                throw text.refused("is not an address, such as 10.0.0.5 or fd00::5")
            }
            return (address, value)
        }
    }
}
