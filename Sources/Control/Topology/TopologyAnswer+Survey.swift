// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import IPAM
import NetDriver
import Store

extension TopologyAnswer {
    /// `names` are the containers that hold the addresses, `conflicts` what the pools overlap.
    init(_ survey: HostSurvey, names: [InterfaceAddress: String], conflicts: [PoolConflict]) {
        let problems = Dictionary(survey.differences.map { ($0.subject, $0.problems) }) { $0 + $1 }
        let records = Dictionary(uniqueKeysWithValues: survey.view.networks.map { ($0.record.id, $0.record) })
        let endpoints = survey.view.endpoints.map {
            EndpointStatus($0, network: records[$0.record.network], names)
        }
        let rules = survey.view.condition.areRulesOwed
        self.problems =
            problems["host", default: []]
            + (rules ? ["the packet filter's rules, or forwarding, could not be put right yet"] : [])
        links = HostLinkStatus.all(of: survey)
        let conflictsOfSubnets = Dictionary(grouping: conflicts, by: \.pool.subnet)
        networks = survey.view.networks.map { network in
            let status = NetworkStatus(network)
            return Marked(
                status,
                problems: problems["network \(status.id)", default: []] + status.overlaps(conflictsOfSubnets))
        }
        self.endpoints = endpoints.map { endpoint in
            let known = problems["endpoint \(endpoint.id)", default: []]
            return Marked(endpoint, problems: known.isEmpty ? endpoint.lost : known)
        }
        ports = zip(survey.view.endpoints, endpoints).flatMap { endpoint, status in
            endpoint.reaches.map { PortStatus($0, of: status) }
        }.sorted().map { Marked($0, problems: $0.problems) }
    }

    /// Without what is of other networks; the host stays whole, without their bridges.
    func only(_ network: NetworkID) -> TopologyAnswer {
        let others = Set(networks.lazy.filter { $0.status.id != network }.map(\.status.bridge.description))
        return TopologyAnswer(
            problems: problems, links: links.filter { !others.contains($0.name) },
            networks: networks.filter { $0.status.id == network },
            endpoints: endpoints.filter { $0.status.network == network },
            ports: ports.filter { $0.status.network == network })
    }
}

extension HostLinkStatus {
    fileprivate static func all(of survey: HostSurvey) -> [HostLinkStatus] {
        let names = Dictionary(survey.links.map { ($0.index, $0.name) }) { $1 }
        let addresses = Dictionary(grouping: survey.addresses, by: \.link)
        let defaults = survey.routes.filter { $0.destination.length == 0 && $0.table == Route.mainTable }
        let families = Dictionary(grouping: defaults) { $0.link }.mapValues { Set($0.map(\.destination.family)) }
        return survey.links.map { link in
            HostLinkStatus(
                name: link.name, kind: link.kind.isEmpty ? nil : link.kind, state: link.isUp ? .up : .down,
                mac: link.mac, mtu: link.mtu, master: link.master.flatMap { names[$0] },
                addresses: addresses[link.index, default: []].map(\.address).sorted {
                    ($0.address, $0.prefixLength) < ($1.address, $1.prefixLength)
                },
                defaultRoutes: families[link.index, default: []].sorted { $0 == .v4 && $1 == .v6 }
                    .map { $0 == .v4 ? "ipv4" : "ipv6" })
        }
    }
}

extension NetworkStatus {
    /// `conflicts` are those of the pool that is each subnet.
    fileprivate func overlaps(_ conflicts: [String: [PoolConflict]]) -> [String] {
        subnets.flatMap { subnet in
            conflicts["\(subnet.subnet)", default: []].map { "\(subnet.subnet) overlaps \($0.what)" }
        }
    }
}

extension EndpointStatus {
    /// A link that went with its sandbox is not put back, so that nothing is to be done about it.
    fileprivate var lost: [String] {
        state == "ready" && link == .missing ? ["the port is missing, and its sandbox is gone"] : []
    }
}

extension PortStatus {
    fileprivate var problems: [String] {
        (isHeld ? [] : ["another program has the host's port"])
            + (how == .none ? ["the host's port leads nowhere: \(transport ?? "it") is not forwarded"] : [])
    }
}
