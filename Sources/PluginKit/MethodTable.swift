// SPDX-License-Identifier: Apache-2.0

public import Logging

/// The methods a daemon serves: takes a path and a body, finds the method, answers in JSON.
///
/// Knows neither HTTP nor networks. Every failure becomes a reply here, so that a server has nothing to catch.
public struct MethodTable: Sendable {
    /// What the requester is told about an error of a known type.
    public struct Explanation: Hashable, Sendable {
        /// The HTTP status. Not 404: the engine reads that as "method not implemented".
        public var status: Int
        /// Lower case, no full stop. The engine shows it to the person who typed `docker`.
        public var text: String

        public init(status: Int, text: String) {
            self.status = status
            self.text = text
        }
    }

    /// A request that was answered.
    public struct Observation: Hashable, Sendable {
        /// Nil if the table has no such method.
        public var method: String?
        /// The HTTP status of the reply.
        public var status: Int
        public var duration: Duration

        public init(method: String?, status: Int, duration: Duration) {
            self.method = method
            self.status = status
            self.duration = duration
        }
    }

    private struct Entry {
        let name: String
        let answer: @Sendable ([UInt8]) async throws -> [UInt8]
    }

    /// By path.
    private var entries: [String: Entry] = [:]
    private let logger: Logger
    private let observe: (@Sendable (Observation) -> Void)?
    private let explain: @Sendable (any Error) -> Explanation?

    /// `explain` is the daemon's one place that turns an error into words; an error it does not know is a bug,
    /// logged in full and answered "internal error". `observe` is told of each request once it is answered.
    public init(
        logger: Logger, observe: (@Sendable (Observation) -> Void)? = nil,
        explain: @escaping @Sendable (any Error) -> Explanation?
    ) {
        self.logger = logger
        self.observe = observe
        self.explain = explain
    }

    /// Serves `method` with `answer`. Each method is served once.
    public mutating func on<Method: PluginMethod>(
        _ method: Method.Type, _ answer: @escaping @Sendable (Method) async throws -> Method.Reply
    ) {
        let path = "/\(Method.name)"
        precondition(entries[path] == nil, "\(Method.name) is served twice")
        entries[path] = Entry(name: Method.name) { body in
            let request = try JSONDoor.decode(Method.self, from: body)
            return try JSONDoor.encode(try await answer(request))
        }
    }

    /// Answers one request. `path` is the request's, such as `/NetworkDriver.Join`.
    ///
    /// Logs one line per request: at debug if it succeeded, at notice if it was refused, at error if it failed.
    public func answer(path: String, body: [UInt8]) async -> PluginReply {
        guard let entry = entries[path] else {
            finish(path, nil, .notice, status: 404)
            return .failure(status: 404, text: "\(path) is not a method of this plugin")
        }
        let start = ContinuousClock.now
        do {
            let reply = PluginReply(status: 200, body: try await entry.answer(body))
            finish(path, entry, .debug, status: reply.status, since: start)
            return reply
        } catch {
            let explanation = (error as? BadRequest).map { Explanation(status: 400, text: $0.text) } ?? explain(error)
            guard let explanation else {
                finish(path, entry, .error, status: 500, since: start, error)
                return .failure(status: 500, text: "internal error")
            }
            let level: Logger.Level = explanation.status < 500 ? .notice : .error
            finish(path, entry, level, status: explanation.status, since: start, error)
            return .failure(status: explanation.status, text: explanation.text)
        }
    }

    /// Logs and tells of a request. The log's metadata is not made unless the level is on.
    private func finish(
        _ path: String, _ entry: Entry?, _ level: Logger.Level, status: Int,
        since start: ContinuousClock.Instant? = nil, _ error: (any Error)? = nil
    ) {
        let duration = start.map { ContinuousClock.now - $0 } ?? .zero
        logger.log(
            level: level, "Answered request", error: error,
            metadata: [
                "method": "\(path.dropFirst())", "status": "\(status)", "duration": "\(duration)",
            ])
        observe?(Observation(method: entry?.name, status: status, duration: duration))
    }
}
