// SPDX-License-Identifier: Apache-2.0

public import IPAM
public import Logging
import PluginKit
public import ServiceLifecycle

/// Ends the protection of addresses whose containers are gone.
///
/// The address of a stopped container that was given one by number is nobody else's, and its removal is a call that no
/// plugin gets. So the engine is asked, in the background, which containers there are.
public struct ProtectionReview: Service {
    private let ipam: IPAM
    private let engine: @Sendable () -> (any EngineDirectory)?
    private let logger: Logger

    /// `engine` gives whom to ask now; if it is nil nobody is asked.
    public init(ipam: IPAM, engine: @escaping @Sendable () -> (any EngineDirectory)?, logger: Logger) {
        self.ipam = ipam
        self.engine = engine
        self.logger = logger
    }

    public func run() async throws {
        for await _ in ipam.protectionSignals.cancelOnGracefulShutdown() { await look() }
    }

    /// Looks once. Who was not protected before the engine was asked is left for the next time.
    public func look() async {
        let protected = await ipam.protectedAddresses()
        guard !protected.isEmpty, let engine = engine() else { return }
        do {
            let fixed = try await engine.fixedAddresses()
            for address in protected where !fixed.contains(where: { $0.speaks(for: address) }) {
                try await ipam.endProtection(address)
            }
        } catch {
            logger.warning("Cannot tell which stopped containers there are", error: error)
        }
        await ipam.reviewProtectionsLater()
    }
}

extension FixedAddress {
    /// False for a container that is known to be another than the one that had the address. It may be the very one that
    /// was refused: that stays where it is, not started, and asks for the address as long as it is there.
    fileprivate func speaks(for protected: ProtectedAddress) -> Bool {
        guard address == protected.address else { return false }
        guard let name, let holder = protected.name else { return true }
        return name == holder
    }
}
