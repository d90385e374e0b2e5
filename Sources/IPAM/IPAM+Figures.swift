// SPDX-License-Identifier: Apache-2.0

extension IPAM {
    /// How many releases the store refused, which are tried again.
    public func owedCounts() -> (addresses: Int, pools: Int) {
        (owed.addresses.values.reduce(0) { $0 + $1.count }, owed.pools.count)
    }
}
