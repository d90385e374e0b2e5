// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver
import Store

/// One call of an engine.
enum Call: Sendable {
    case requestPool(PoolRequest)
    case releasePool(PoolID)
    case requestAddress(AddressRequest)
    case releaseAddress(IPAddress, PoolID)
    case createNetwork(NetworkRequest)
    case deleteNetwork(NetworkID)
    case createEndpoint(EndpointRequest)
    case deleteEndpoint(EndpointID, NetworkID)
    case join(EndpointID, NetworkID, sandbox: String)
    case leave(EndpointID, NetworkID)
    case publish([PortRequest], EndpointID, NetworkID, isWithoutIPv6Proxy: Bool)
    case unpublish(EndpointID, NetworkID)
}

/// What a call was answered with.
enum Answer: Sendable {
    case pool(GrantedPool)
    case address(InterfaceAddress)
    case mac(MACAddress)
    case attachment(Attachment)
    case nothing
}

/// How a call ended, as its caller saw it.
enum Outcome: Sendable {
    case answered(Answer)
    case refused(any Error)
    /// The daemon died first. What it did is not known.
    case lost

    var answer: Answer? {
        guard case .answered(let answer) = self else { return nil }
        return answer
    }

    /// True if the store, the kernel or the packet filter was made to refuse, so that the call did not come to its end.
    var isInjected: Bool {
        guard case .refused(let error) = self else { return false }
        return "\(error)".contains(Injection.words)
    }
}

/// What a call or a finding is about.
enum Subject: Hashable, Sendable {
    case pool(PoolID)
    case address(IPAddress, PoolID)
    case network(NetworkID)
    case endpoint(EndpointID)

    /// True if what happens to the one may decide what happens to the other.
    func concerns(_ other: Subject) -> Bool {
        switch (self, other) {
        case (.pool(let pool), .address(_, let other)), (.address(_, let pool), .pool(let other)): pool == other
        default: self == other
        }
    }
}

extension Call {
    /// What the call names.
    var subjects: [Subject] {
        switch self {
        case .requestPool(let request): [request.id.map(Subject.pool)].compactMap(\.self)
        case .releasePool(let id): [.pool(id)]
        case .requestAddress(let request):
            [request.address.map { .address($0, request.pool) } ?? .pool(request.pool)]
        case .releaseAddress(let address, let pool): [.address(address, pool)]
        case .createNetwork(let request): [.network(request.id)]
        case .deleteNetwork(let id): [.network(id)]
        case .createEndpoint(let request): [.endpoint(request.id), .network(request.network)]
        case .deleteEndpoint(let id, let network): [.endpoint(id), .network(network)]
        case .join(let id, let network, _): [.endpoint(id), .network(network)]
        case .leave(let id, let network): [.endpoint(id), .network(network)]
        case .publish(_, let id, let network, _): [.endpoint(id), .network(network)]
        case .unpublish(let id, let network): [.endpoint(id), .network(network)]
        }
    }
}

extension Call: CustomStringConvertible {
    var description: String {
        switch self {
        case .requestPool(let request):
            "request pool \(request.id?.description ?? "of \(request.family) in \(request.space)")"
        case .releasePool(let id): "release pool \(id)"
        case .requestAddress(let request):
            "request \(request.role) \(request.address?.description ?? "any") of \(request.pool)"
        case .releaseAddress(let address, let pool): "release address \(address) of \(pool)"
        case .createNetwork(let request):
            "create network \(request.id) \(request.subnets.map(\.prefix.description)) internal \(request.isInternal)"
        case .deleteNetwork(let id): "delete network \(id)"
        case .createEndpoint(let request):
            "create endpoint \(request.id) of \(request.network) with \(request.ipv4?.description ?? "no address")"
        case .deleteEndpoint(let id, let network): "delete endpoint \(id) of \(network)"
        case .join(let id, let network, let sandbox): "join \(id) of \(network) to \(sandbox)"
        case .leave(let id, let network): "leave \(id) of \(network)"
        case .publish(let ports, let id, let network, let isWithoutIPv6Proxy):
            "publish \(ports.map(\.words)) of \(id) of \(network)\(isWithoutIPv6Proxy ? " without IPv6" : "")"
        case .unpublish(let id, let network): "unpublish \(id) of \(network)"
        }
    }
}

extension Outcome: CustomStringConvertible {
    var description: String {
        switch self {
        case .answered(.pool(let pool)): "\(pool.id)"
        case .answered(.address(let address)): "\(address)"
        case .answered(.mac(let mac)): "\(mac)"
        case .answered(.attachment(let attachment)): attachment.link.map { "\($0)" } ?? "made in its sandbox"
        case .answered(.nothing): "done"
        case .refused(let error): "\(error)"
        case .lost: "(lost)"
        }
    }
}

extension PortRequest {
    var words: String {
        let ports = hostPorts.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "any"
        return "\(hostAddress?.description ?? "") \(ports):\(port)/\(transport)"
    }
}
