// SPDX-License-Identifier: Apache-2.0

import HostNetwork
import IPAM
import NetDriver
import PluginKit
import Store

extension MethodTable.Explanation {
    /// The one place where an error becomes a status and a sentence. An error of no known type is a bug: nil.
    ///
    /// The engine treats all statuses but 200 alike (404 apart); they are for people and for our own tests.
    init?(of error: any Error) {
        switch error {
        case let error as DriverError: self.init(status: error.isBadRequest ? 400 : 409, text: error.description)
        case let error as IPAMError: self.init(status: error.isBadRequest ? 400 : 409, text: error.description)
        case let error as ReservationError: self.init(status: 409, text: error.description)
        case let error as ExclusionError: self.init(status: 409, text: error.description)
        case let error as KernelError: self.init(status: 500, text: error.description)
        case let error as HostPortError: self.init(status: 409, text: error.description)
        case let error as FirewallError: self.init(status: 500, text: error.description)
        case let error as StoreError: self.init(status: 500, text: error.description)
        default: return nil
        }
    }
}
