// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store

extension Driver {
    /// Where the host is not as the store says, by looking alone. Networks come before endpoints, each in the order of
    /// their ids.
    ///
    /// What is in the hands of a call is not looked at. Rules of the packet filter are not compared: `reconcile()` makes
    /// them anew, whatever they are. Throws if the host cannot be looked at.
    public func differences() throws -> [HostDifference] {
        try differences(in: hostView())
    }

    func differences(in view: HostView) throws -> [HostDifference] {
        var differences: [HostDifference] = []
        var broken: Set<NetworkID> = []
        for network in networks.values.sorted(by: { $0.id < $1.id }) {
            let object = HostObject.network(network.id)
            let difference = difference(of: object, network.phase, network.bridge) { () throws(DriverError) in
                let repairs = try repairs(of: object, in: view)
                if repairs.contains(.addBridge) { broken.insert(network.id) }
                return (repairs, [])
            }
            if let difference { differences.append(difference) }
        }
        for endpoint in endpoints.values.sorted(by: { $0.id < $1.id }) {
            let object = HostObject.endpoint(endpoint.id)
            let difference = difference(of: object, endpoint.phase, endpoint.hostLink) { () throws(DriverError) in
                var repairs = try repairs(of: object, in: view)
                // A port that is there is in no bridge of the network's while that has none.
                if broken.contains(endpoint.network), repairs != [.addPort],
                    view.link(tagged: LinkNames.alias(of: endpoint.id), named: endpoint.hostLink) != nil
                {
                    repairs.append(.attach)
                }
                return (repairs, unheld[endpoint.id].map { ["published ports \(Self.words(for: $0))"] } ?? [])
            }
            if let difference { differences.append(difference) }
        }
        let host = try networks.values.filter { $0.phase == .ready }
            .reduce(into: Set<AddressFamily>()) { $0.formUnion(edge(of: $1).forwardedFamilies) }
            .filter { try !kernel.isForwarding($0) }.map { $0 == .v4 ? "IPv4" : "IPv6" }.sorted()
        guard !host.isEmpty else { return differences }
        return [
            HostDifference(
                subject: "host", repairs: host.map { "forwarding of \($0)" },
                problems: host.map { "\($0) is not forwarded" })
        ] + differences
    }

    /// Brings the host in line with the store, as `reconcile()`, and tells what that changed. What it was is what was
    /// different before and is not different any more.
    public func mendDifferences() async throws -> MendedHost {
        let before = try differences()
        try await reconcile()
        let left = try differences()
        let rest = Dictionary(left.map { ($0.subject, Set($0.repairs + $0.problems)) }) { $0.union($1) }
        let mended = before.compactMap { difference -> HostDifference? in
            var mended = difference
            mended.obstacle = nil
            mended.problems.removeAll { rest[difference.subject]?.contains($0) == true }
            mended.repairs.removeAll { rest[difference.subject]?.contains($0) == true }
            return mended.repairs.isEmpty ? nil : mended
        }
        return MendedHost(mended: mended, left: left)
    }

    /// Nil if it is as it should be, or in the hands of a call.
    private func difference(
        of object: HostObject, _ phase: Phase, _ link: InterfaceName,
        _ repairs: () throws(DriverError) -> (known: [Repair], others: [String])
    ) -> HostDifference? {
        let subject =
            switch object {
            case .network(let id): "network \(id)"
            case .endpoint(let id): "endpoint \(id)"
            }
        var difference = HostDifference(subject: subject, link: link.description, repairs: [])
        guard phase == .ready else {
            difference.repairs = ["deletion"]
            difference.problems = ["it should be gone, and could not be deleted yet"]
            return owed.contains(object) ? difference : nil
        }
        do {
            let repairs = try repairs()
            difference.repairs = repairs.known.map(\.description) + repairs.others
            difference.problems = repairs.known.map(\.problem)
        } catch {
            difference.obstacle = error.description
            difference.problems = [error.description]
        }
        return difference.repairs.isEmpty && difference.obstacle == nil ? nil : difference
    }
}
