// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import Store

/// A wish for an address in a pool.
public struct AddressRequest: Hashable, Sendable {
    public var pool: PoolID
    /// Nil leaves the choice to plugind.
    public var address: IPAddress?
    public var role: AddressRecord.Role
    /// The container's name, which engines send from 29 on.
    public var name: String?
    /// The MAC address, if the user chose one.
    public var mac: MACAddress?

    public init(
        pool: PoolID, address: IPAddress? = nil, role: AddressRecord.Role = .address, name: String? = nil,
        mac: MACAddress? = nil
    ) {
        self.pool = pool
        self.address = address
        self.role = role
        self.name = name
        self.mac = mac
    }
}

extension AddressRequest {
    /// Takes what it knows from the engine's options and leaves the rest: a user's `--ipam-opt` may be among them.
    ///
    /// `com.docker.network.ipam.serial` asks for one address after the other, which is what plugind does anyway.
    init(pool: PoolID, address: IPAddress?, options: [String: String]) throws(IPAMError) {
        let isGateway = options["RequestAddressType"] == "com.docker.network.gateway"
        self.init(pool: pool, address: address, role: isGateway ? .gateway : .address)
        if let name = options["com.docker.network.endpoint.name"], !name.isEmpty {
            self.name = name
        }
        let macKey = "com.docker.network.endpoint.macaddress"
        if let text = options[macKey], !text.isEmpty {
            guard let mac = MACAddress(text) else { throw .invalidMACAddress(option: macKey, text) }
            self.mac = mac
        }
    }
}
