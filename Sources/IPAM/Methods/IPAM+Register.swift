// SPDX-License-Identifier: Apache-2.0

public import PluginKit

extension IPAM {
    /// Serves the engine's IPAM methods.
    public nonisolated func register(in table: inout MethodTable) {
        table.on(GetCapabilities.self) { _ in GetCapabilities.Reply(requiresMACAddress: self.macClaims == .on) }
        table.on(GetDefaultAddressSpaces.self) { _ in
            GetDefaultAddressSpaces.Reply(local: AddressSpace.local.rawValue, global: AddressSpace.global.rawValue)
        }
        table.on(RequestPool.self) { request in
            let granted = try await self.requestPool(
                PoolRequest(
                    space: request.addressSpace, pool: request.pool, subPool: request.subPool,
                    isIPv6: request.isIPv6, options: request.options))
            return RequestPool.Reply(poolID: granted.id, pool: granted.prefix)
        }
        table.on(ReleasePool.self) { request in
            try await self.releasePool(request.poolID)
            return EmptyReply()
        }
        table.on(RequestAddress.self) { request in
            let address = try await self.requestAddress(
                AddressRequest(pool: request.poolID, address: request.address, options: request.options))
            return RequestAddress.Reply(address: address)
        }
        table.on(ReleaseAddress.self) { request in
            try await self.releaseAddress(request.address, in: request.poolID)
            return EmptyReply()
        }
    }
}
