// SPDX-License-Identifier: Apache-2.0

/// A change that is on its way to the store.
///
/// Whoever meets a pool or an address with one waits here, and then looks at the model again.
/// Belongs to one actor, which keeps it from being used by two threads at once.
final class PendingChange {
    private var isSettled = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// Returns once the change has been stored or refused, and the model says which.
    func settled(isolation: isolated any Actor = #isolation) async {
        guard !isSettled else { return }
        await withCheckedContinuation { waiters.append($0) }
    }

    /// To be called after the model was brought up to date.
    func settle() {
        isSettled = true
        let waiters = waiters
        self.waiters = []
        for waiter in waiters { waiter.resume() }
    }
}
