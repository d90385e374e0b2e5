// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
package import IPAM
import Logging
package import Store

extension IPAM {
    /// An IPAM that begins with `state`.
    package static func make(
        _ state: StoredState = StoredState(), store: any StateStore = ForgetfulStore()
    ) throws -> IPAM {
        let clock = HurriedClock()
        return try IPAM(
            state: state, store: store, defaultPools: .standard, occupied: { [] },
            random: SystemRandomNumberGenerator(), now: { clock() },
            // What is measured is what addresses take; events take no more than so much, however many those are.
            events: EventLog(capacity: 1),
            logger: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() })
    }
}
