// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Store
import Testing

extension NetworkRecord {
    static func example() throws -> NetworkRecord {
        NetworkRecord(
            id: try #require(NetworkID("09dff9c378bc2a0e")), phase: .creating,
            bridge: try #require(InterfaceName("br-09dff9c378bc")),
            bridgeMAC: try #require(MACAddress("02:11:22:33:44:55")),
            mtu: 1500, isInternal: false, linkPrefix: "eth",
            subnets: [
                .init(prefix: try #require(Prefix("10.0.0.0/24")), gateway: InterfaceAddress("10.0.0.1/24")),
                .init(prefix: try #require(Prefix("fd00::/64")), gateway: nil),
            ],
            options: ["com.docker.network.driver.mtu": "1500"])
    }
}

extension EndpointRecord {
    static func example() throws -> EndpointRecord {
        EndpointRecord(
            id: try #require(EndpointID("56e4d91db20dac74")), network: try NetworkRecord.example().id, phase: .ready,
            hostLink: try #require(InterfaceName("pdh56e4d91db20d")),
            sandboxLink: try #require(InterfaceName("pds56e4d91db20d")),
            mac: try #require(MACAddress("02:11:22:33:44:66")), ipv4: InterfaceAddress("10.0.0.2/24"), ipv6: nil,
            sandboxKey: "/var/run/docker/netns/8045bf7a6e79", attach: .direct, linkName: InterfaceName("lan0"),
            settings: [try #require(LinkSetting("net.ipv4.conf.IFNAME.log_martians=1"))])
    }
}

extension StoredState {
    static func example() throws -> StoredState {
        StoredState(
            networks: [try NetworkRecord.example()], endpoints: [try EndpointRecord.example()],
            pools: [
                PoolRecord(
                    id: "plugind-local/10.0.0.0/24", space: "plugind-local",
                    prefix: try #require(Prefix("10.0.0.0/24")),
                    subPool: Prefix("10.0.0.128/25"), options: ["a": "b"], isChosen: true)
            ],
            addresses: [
                AddressRecord(
                    pool: "plugind-local/10.0.0.0/24", address: try #require(IPAddress("10.0.0.2")), role: .address,
                    name: "web", mac: MACAddress("02:11:22:33:44:66"), isFixed: true, since: 1_795_780_175_694)
            ],
            rests: [
                RestRecord(
                    pool: "plugind-local/10.0.0.0/24", address: try #require(IPAddress("10.0.0.3")), name: nil,
                    mac: MACAddress("02:11:22:33:44:77"), isConfirmed: false, released: 1_795_780_175_695)
            ],
            reservations: [ReservationRecord(name: "db", address: try #require(IPAddress("10.0.0.4")))],
            exclusions: [try .example("plugind-local/10.0.0.0/24")],
            settings: ["ula": "fd00::/48"])
    }
}

extension StoredState {
    /// Enough of everything to fill several pages of each table.
    static func large(networks: Int = 12, endpointsEach: Int = 6) throws -> StoredState {
        var state = StoredState(settings: ["ula": "fd00::/48", "note": "ä"])
        for index in 1...networks {
            var network = try NetworkRecord.example()
            network.id = try #require(NetworkID(String(format: "%064x", index)))
            network.phase = .ready
            network.bridge = try #require(InterfaceName("br-\(index)"))
            let pool = PoolRecord(
                id: "plugind-local/10.0.\(index).0/24", space: "plugind-local",
                prefix: try #require(Prefix("10.0.\(index).0/24")), subPool: nil, options: [:], isChosen: false)
            state.networks.append(network)
            state.pools.append(pool)
            state.exclusions.append(
                ExclusionRecord(
                    pool: pool.id, first: try #require(IPAddress("10.0.\(index).240")),
                    last: try #require(IPAddress("10.0.\(index).249"))))
            for number in 1...endpointsEach {
                var endpoint = try EndpointRecord.example()
                endpoint.id = try #require(EndpointID(String(format: "%032x%032x", index, number)))
                endpoint.network = network.id
                endpoint.ipv4 = InterfaceAddress("10.0.\(index).\(number)/24")
                state.endpoints.append(endpoint)
                let name = number.isMultiple(of: 2) ? "web-\(number)" : nil
                state.addresses.append(
                    AddressRecord(
                        pool: pool.id, address: try #require(IPAddress("10.0.\(index).\(number)")), role: .address,
                        name: name, mac: endpoint.mac, isFixed: number.isMultiple(of: 3), isConfirmed: name != nil,
                        since: number == 1 ? 0 : 1_795_780_175_000 + Int64(number)))
                state.rests.append(
                    RestRecord(
                        pool: pool.id, address: try #require(IPAddress("10.0.\(index).\(100 + number)")), name: name,
                        mac: endpoint.mac, isConfirmed: name != nil, isFixed: number.isMultiple(of: 3),
                        released: 1_795_780_176_000 + Int64(number)))
                let reserved = try #require(IPAddress("10.0.\(index).\(200 + number)"))
                state.reservations.append(
                    name.map { ReservationRecord(name: $0, address: reserved) }
                        ?? ReservationRecord(mac: endpoint.mac, address: reserved))
            }
        }
        return state.sorted
    }

    /// In the order in which the store reads them.
    var sorted: StoredState {
        var state = self
        state.networks.sort { $0.id.description < $1.id.description }
        state.endpoints.sort { $0.id.description < $1.id.description }
        state.pools.sort { $0.id < $1.id }
        state.addresses.sort { ($0.pool, $0.address.description) < ($1.pool, $1.address.description) }
        state.rests.sort { ($0.pool, $0.address.description) < ($1.pool, $1.address.description) }
        state.reservations.sort { $0.address.description < $1.address.description }
        state.exclusions.sort { ($0.pool, $0.first.description) < ($1.pool, $1.first.description) }
        return state
    }

    /// What puts it into a store.
    var changes: [Change] {
        networks.map(Change.putNetwork) + endpoints.map(Change.putEndpoint) + pools.map(Change.putPool)
            + addresses.map(Change.putAddress) + rests.map(Change.putRest)
            + reservations.map(Change.putReservation) + exclusions.map(Change.putExclusion)
            + settings.map { Change.putSetting(key: $0, value: $1) }
    }
}

extension ExclusionRecord {
    static func example(_ pool: String) throws -> ExclusionRecord {
        ExclusionRecord(
            pool: pool, first: try #require(IPAddress("10.0.0.9")), last: try #require(IPAddress("10.0.0.10")))
    }
}

extension AuditRecord {
    static func example(_ time: Int64) -> AuditRecord {
        AuditRecord(time: time, subject: "endpoint 56e4d91db20dac74", decision: "kept", reason: "the engine knows it")
    }
}
