// SPDX-License-Identifier: Apache-2.0

extension Change {
    /// What is done, without what it is done to: the name of a fault point.
    var kind: String {
        switch self {
        case .putNetwork(let network): "put network \(network.phase.rawValue)"
        case .deleteNetwork: "delete network"
        case .putEndpoint(let endpoint): "put endpoint \(endpoint.phase.rawValue)"
        case .deleteEndpoint: "delete endpoint"
        case .putPool: "put pool"
        case .deletePool: "delete pool"
        case .putAddress: "put address"
        case .deleteAddress: "delete address"
        case .putRest: "put rest"
        case .deleteRest: "delete rest"
        case .putReservation: "put reservation"
        case .deleteReservation: "delete reservation"
        case .putExclusion: "put exclusion"
        case .deleteExclusion: "delete exclusion"
        case .putSetting: "put setting"
        case .audit: "audit"
        }
    }
}
