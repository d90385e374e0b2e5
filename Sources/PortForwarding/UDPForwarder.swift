// SPDX-License-Identifier: Apache-2.0

import Addressing
// Sources and groups are safe to use from every thread; on Linux their types do not say so.
@preconcurrency import Dispatch
import Glibc
import HostNetwork
import Synchronization

/// Forwards the datagrams of a held port to the container, and its answers to whom they are for.
///
/// Every client has a session: a socket of its own towards the container, by which an answer is known to be the
/// client's. A session ends when nothing went either way for a while, and the one that is idle for longest when there
/// are too many.
final class UDPForwarder: Sendable {
    private struct Session {
        /// Closed by the source, when nothing waits on it any more.
        let socket: CInt
        let source: any DispatchSourceRead
        var lastUsed: ContinuousClock.Instant
    }

    private struct State {
        /// The host's port. Nil once this has ended.
        var socket: BoundSocket?
        /// Of the host's port. Nil from the moment this is to end.
        var source: (any DispatchSourceRead)?
        var sessions: [Flow: Session] = [:]
        var buffer = DatagramBuffer()
        var isSweepDue = false
    }

    /// So many sessions at once.
    static let sessionLimit = 1024
    /// So many datagrams are read in one go, so that no socket keeps the others waiting.
    private static let batch = 64

    private let target: SocketName
    private let clients: ClientList
    private let idleTime: Duration
    private let budget: DescriptorBudget
    private let queue = DispatchQueue(label: "plugind.udp-forwarder")
    /// Left when the last source is done with its descriptor.
    private let sources = DispatchGroup()
    private let state: Mutex<State>

    /// Forwards from the moment it exists until it is ended. From now on this owns the socket, which nobody else may
    /// keep. Sessions end when they are idle for `idleTime`, or a little later.
    init(
        _ socket: BoundSocket, _ family: AddressFamily, to target: PortTarget, idleTime: Duration,
        budget: DescriptorBudget
    ) throws(ForwardingError) {
        guard DatagramBuffer.askForAddresses(socket, family) else { throw ForwardingError(code: errno) }
        self.target = SocketName(target.address, port: target.port)
        clients = ClientList(prefixes: target.clients)
        self.idleTime = idleTime
        self.budget = budget
        state = Mutex(State(socket: socket))
        let source = watch(socket.number, closing: false) { $0.forward() }
        state.withLock { $0.source = source }
        guard socket.open() else {
            let code = errno
            end()
            throw ForwardingError(code: code)
        }
    }

    /// Closes the socket and ends all sessions, and returns when that is done. Not for the forwarder's own queue.
    func end() {
        state.withLock { state in
            state.source?.cancel()
            state.source = nil
            for flow in state.sessions.keys { endSession(flow, in: &state) }
        }
        sources.wait()
        state.withLock { $0.socket = nil }
    }

    /// Calls `handler` whenever there is something to read, until the source is cancelled, which frees this.
    private func watch(
        _ descriptor: CInt, closing: Bool, _ handler: @escaping @Sendable (UDPForwarder) -> Void
    ) -> any DispatchSourceRead {
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        sources.enter()
        source.setEventHandler { handler(self) }
        source.setCancelHandler { [sources] in
            if closing { close(descriptor) }
            sources.leave()
        }
        source.activate()
        return source
    }

    /// Passes on what clients sent.
    private func forward() {
        state.withLock { state in
            guard state.source != nil, let socket = state.socket else { return }
            let now = ContinuousClock.now
            for _ in 0..<Self.batch {
                guard let flow = state.buffer.receiveFlow(from: socket.number) else { return }
                guard let session = session(for: flow, at: now, in: &state) else { continue }
                // The first refusal is that of an earlier datagram (ECONNREFUSED), and does away with it.
                if !state.buffer.send(over: session), errno == ECONNREFUSED { _ = state.buffer.send(over: session) }
            }
        }
    }

    /// Passes on what the container sent to a client.
    private func answer(_ flow: Flow) {
        state.withLock { state in
            guard let host = state.socket, let session = state.sessions[flow]?.socket else { return }
            for _ in 0..<Self.batch {
                guard state.buffer.receive(from: session) else { return }
                state.buffer.answer(flow, over: host.number)
                state.sessions[flow]?.lastUsed = .now
            }
        }
    }

    /// The socket of a client's session, which begins if there is none; nil if there can be none.
    private func session(for flow: Flow, at now: ContinuousClock.Instant, in state: inout State) -> CInt? {
        if let session = state.sessions[flow]?.socket {
            state.sessions[flow]?.lastUsed = now
            return session
        }
        guard clients.admits(flow.client.address, at: flow.local), makeRoom(in: &state) else { return nil }
        guard let socket = Descriptor(openSocket(target.address.family, SOCK_DGRAM, protocol: 0)),
            target.withPointer({ connect(socket.number, $0, $1) }) == 0
        else {
            budget.giveBack()
            return nil
        }
        let session = socket.release()
        let source = watch(session, closing: true) { $0.answer(flow) }
        state.sessions[flow] = Session(socket: session, source: source, lastUsed: now)
        sweepLater(&state)
        return session
    }

    /// Takes a descriptor for one more session, if need be that of the session that is idle for longest.
    private func makeRoom(in state: inout State) -> Bool {
        if state.sessions.count < Self.sessionLimit, budget.take() { return true }
        guard let oldest = state.sessions.min(by: { $0.value.lastUsed < $1.value.lastUsed }) else { return false }
        endSession(oldest.key, in: &state)
        return budget.take()
    }

    /// Its descriptor counts no more, although it is closed only when the queue comes to it, which is soon.
    private func endSession(_ flow: Flow, in state: inout State) {
        guard let session = state.sessions.removeValue(forKey: flow) else { return }
        session.source.cancel()
        budget.giveBack()
    }

    private func sweepLater(_ state: inout State) {
        guard !state.isSweepDue else { return }
        state.isSweepDue = true
        let interval = idleTime / 8
        queue.asyncAfter(deadline: .now() + interval / .seconds(1)) { [weak self] in self?.sweep() }
    }

    /// Ends the sessions that are idle.
    private func sweep() {
        state.withLock { state in
            state.isSweepDue = false
            let oldest = ContinuousClock.now - idleTime
            for (flow, session) in state.sessions where session.lastUsed <= oldest { endSession(flow, in: &state) }
            if !state.sessions.isEmpty { sweepLater(&state) }
        }
    }
}
