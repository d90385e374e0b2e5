// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import IPAM
import NIOCore
import NIOHTTP1
import PluginKit
import SocketClient

/// Asks plugind over its control socket: a connection for each question.
public struct ControlClient: Sendable {
    /// An answer, and the JSON that it came in.
    public struct Answer<Value: Sendable>: Sendable {
        public let value: Value
        public let json: String
    }

    let socket: String
    let deadline: Duration
    private let beginWait: @Sendable () -> @Sendable () async -> Void
    static let sizeLimit = 64 << 20

    /// `deadline` is for each answer. `beginWait` is called when one is waited for, and what it returns when it is there.
    public init(
        socket: String, deadline: Duration = .seconds(30),
        beginWait: @escaping @Sendable () -> @Sendable () async -> Void = { {} }
    ) {
        self.beginWait = beginWait
        self.socket = socket
        self.deadline = deadline
    }

    public func pools() async throws(ControlFailure) -> Answer<PoolList> {
        try await ask(.GET, "/pools")
    }

    public func pool(_ id: PoolID) async throws(ControlFailure) -> Answer<PoolStatus> {
        try await ask(.GET, "/pools/\(id.description.percentEncoded)")
    }

    /// `text` is the id of a pool, or a subnet that one pool alone has.
    public func pool(_ text: String) async throws(ControlFailure) -> Answer<PoolStatus> {
        guard let subnet = Prefix(text) else {
            guard let id = PoolID(text) else {
                throw .refused(status: 400, text: "‘\(text)’ is neither the id of a pool nor a subnet")
            }
            return try await pool(id)
        }
        let ids = try await pools().value.pools.filter { $0.subnet == subnet }.map(\.id)
        guard let id = ids.first else {
            throw .refused(status: 404, text: "no pool has subnet \(subnet)")
        }
        guard ids.count == 1 else {
            let list = ids.map(\.description).joined(separator: ", ")
            throw .refused(status: 409, text: "subnet \(subnet) has several pools; name one of \(list)")
        }
        return try await pool(id)
    }

    public func reservations() async throws(ControlFailure) -> Answer<ReservationList> {
        try await ask(.GET, "/reservations")
    }

    public func reserve(_ request: ReservationRequest) async throws(ControlFailure) -> Answer<ReservationList> {
        try await ask(.POST, "/reservations", request)
    }

    public func unreserve(_ address: IPAddress) async throws(ControlFailure) -> Answer<ReservationEntry> {
        try await ask(.DELETE, "/reservations/\(address.description.percentEncoded)")
    }

    public func exclude(
        _ request: ExclusionRequest, from pool: PoolID
    ) async throws(ControlFailure) -> Answer<ExclusionAnswer> {
        try await ask(.POST, "/pools/\(pool.description.percentEncoded)/exclusions", request)
    }

    public func include(
        _ request: ExclusionRequest, in pool: PoolID
    ) async throws(ControlFailure) -> Answer<ExclusionAnswer> {
        try await ask(.DELETE, "/pools/\(pool.description.percentEncoded)/exclusions", request)
    }

    public func audit(_ question: AuditQuestion) async throws(ControlFailure) -> Answer<AuditList> {
        let subject = question.subject.isEmpty ? "" : "&subject=\(question.subject.percentEncoded)"
        return try await ask(.GET, "/audit?last=\(question.last)\(subject)")
    }

    /// Has the garbage collector look now. A dry run frees nothing and writes nothing.
    public func collectGarbage(dryRun: Bool) async throws(ControlFailure) -> Answer<GarbageAnswer> {
        try await ask(.POST, "/gc?dryRun=\(dryRun)")
    }

    /// Has the host brought in line with the state. A dry run only looks.
    public func reconcile(dryRun: Bool) async throws(ControlFailure) -> Answer<ReconcileAnswer> {
        try await ask(.POST, "/reconcile?dryRun=\(dryRun)")
    }

    func ask<Value: Decodable>(
        _ method: HTTPMethod, _ path: String, _ body: (any Encodable)? = nil
    ) async throws(ControlFailure) -> Answer<Value> {
        do {
            let question = try question(method, path, body)
            let reply = try await reply(to: question)
            guard (200..<300).contains(reply.status) else { throw refusal(reply, method, path) }
            return Answer(
                value: try ControlAPI.decode(Value.self, from: reply.body.readableBytesView),
                json: String(buffer: reply.body))
        } catch let error as DecodingError {
            throw unexpected(error, method, path)
        } catch {
            throw failure(error)
        }
    }

    private func reply(to question: SocketClient.Question) async throws -> SocketClient.Reply {
        let endWait = beginWait()
        let result: Result<SocketClient.Reply, any Error>
        do {
            result = .success(
                try await SocketClient.asking(socket, deadline: deadline, sizeLimit: Self.sizeLimit) {
                    try await $0.ask(question)
                })
        } catch {
            result = .failure(error)
        }
        await endWait()
        return try result.get()
    }

    func question(
        _ method: HTTPMethod, _ path: String, _ body: (any Encodable)?
    ) throws -> SocketClient.Question {
        var headers: HTTPHeaders = ["Accept": ControlAPI.contentType]
        if body != nil { headers.add(name: "Content-Type", value: ControlAPI.contentType) }
        return SocketClient.Question(
            method, ControlAPI.version + path, headers: headers,
            body: try body.map { ByteBuffer(bytes: try ControlAPI.encode($0)) })
    }

    func unexpected(_ error: DecodingError, _ method: HTTPMethod, _ path: String) -> ControlFailure {
        .unusable(
            socket: socket, reason: "the answer to \(method) \(path) is not what was expected: \(error.words(of: "it"))"
        )
    }

    func refusal(_ reply: SocketClient.Reply, _ method: HTTPMethod, _ path: String) -> ControlFailure {
        guard let refusal = try? ControlAPI.decode(Refusal.self, from: reply.body.readableBytesView) else {
            return .unusable(socket: socket, reason: "\(method) \(path) was answered \(reply.status)")
        }
        return .refused(status: reply.status, text: refusal.error)
    }

    func failure(_ error: any Error) -> ControlFailure {
        switch error {
        case let failure as ControlFailure: failure
        case SocketClientError.notConnected(let code?, _): ControlFailure(socket: socket, connectError: code)
        case SocketClientError.notConnected(nil, let reason): .notReachable(socket: socket, reason: reason)
        default: .unusable(socket: socket, reason: "\(error)")
        }
    }
}
