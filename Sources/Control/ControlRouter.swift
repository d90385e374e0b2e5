// SPDX-License-Identifier: Apache-2.0

public import Logging
public import PluginKit
public import PluginServer

/// The paths of the control API: takes a request, finds who answers it, answers in JSON.
///
/// Knows no socket. Every failure becomes a reply here, `{"error": "…"}`, so that a server has nothing to catch.
public struct ControlRouter: Sendable {
    /// A method and a path, such as `GET /v1/pools/{id}`.
    public struct Route: Hashable, Sendable, CustomStringConvertible {
        public let method: String
        let pattern: PathPattern

        public var path: String { pattern.description }
        public var description: String { "\(method) \(path)" }
    }

    private typealias Answer = @Sendable (ControlRequest) async throws -> SocketReply

    /// In the order in which they were added.
    public private(set) var routes: [Route] = []
    private var answers: [Route: (query: [String], answer: Answer)] = [:]
    private let logger: Logger
    private let explain: @Sendable (any Error) -> MethodTable.Explanation?

    /// `explain` is the daemon's one place that turns an error into words; an error it does not know is a bug, logged in
    /// full and answered "internal error".
    public init(logger: Logger, explain: @escaping @Sendable (any Error) -> MethodTable.Explanation?) {
        self.logger = logger
        self.explain = explain
    }

    /// Answers `method` on `path`, which begins with a slash after the version, with what `answer` gives. Each is answered
    /// by one. `query` are the parameters that may follow the question mark; another one is refused.
    mutating func on<Reply: Encodable>(
        _ method: String, _ path: String, query: [String] = [], status: Int = 200,
        _ answer: @escaping @Sendable (ControlRequest) async throws -> Reply
    ) {
        serve(method, ControlAPI.version + path, query) { request in
            SocketReply(
                status: status, contentType: ControlAPI.contentType,
                body: try ControlAPI.encode(try await answer(request)))
        }
    }

    /// Likewise, with what `answer` writes: one JSON object in each line.
    mutating func onLines(
        _ method: String, _ path: String, query: [String],
        _ answer: @escaping @Sendable (ControlRequest) async throws -> SocketStream
    ) {
        serve(method, ControlAPI.version + path, query) { request in
            SocketReply(status: 200, contentType: ControlAPI.linesContentType, stream: try await answer(request))
        }
    }

    /// Answers `method` on `path`, which has no version: others than plugind say what it is and what its answer means.
    mutating func onUnversioned(
        _ method: String, _ path: String, _ answer: @escaping @Sendable () async throws -> SocketReply
    ) {
        serve(method, path, []) { _ in try await answer() }
    }

    private mutating func serve(_ method: String, _ path: String, _ query: [String], _ answer: @escaping Answer) {
        let route = Route(method: method, pattern: PathPattern(path))
        precondition(answers[route] == nil, "\(route) is served twice")
        routes.append(route)
        answers[route] = (query, answer)
    }

    /// Answers one request.
    ///
    /// Logs one line per request: at debug if it succeeded, at notice if it was refused, at error if it failed.
    public func answer(_ request: SocketRequest) async -> SocketReply {
        let start = ContinuousClock.now
        do {
            let reply = try await reply(to: request)
            log(request, .debug, status: reply.status, since: start)
            return reply
        } catch let refusal as MethodNotAllowed {
            log(request, .notice, status: 405, since: start)
            let text =
                "\(request.method) is not allowed on \(request.path), only "
                + refusal.allowed.joined(separator: " and ") + (refusal.allowed.count == 1 ? " is" : " are")
            return .refusal(status: 405, text, allowed: refusal.allowed)
        } catch {
            let known = (error as? ControlError).map { MethodTable.Explanation(status: $0.status, text: $0.text) }
            guard let explanation = known ?? explain(error) else {
                log(request, .error, status: 500, since: start, error)
                return .refusal(status: 500, "internal error")
            }
            let level: Logger.Level = explanation.status < 500 ? .notice : .error
            log(request, level, status: explanation.status, since: start, error)
            return .refusal(status: explanation.status, explanation.text)
        }
    }

    private func reply(to request: SocketRequest) async throws -> SocketReply {
        let found = routes.compactMap { route in route.pattern.match(request.path).map { (route, $0) } }
        guard !found.isEmpty else {
            throw ControlError.notFound(
                "\(request.path) is not known to this plugind; known are "
                    + routes.map(\.description).joined(separator: ", "))
        }
        guard let (route, parameters) = found.first(where: { $0.0.method == request.method }),
            let (known, answer) = answers[route]
        else {
            throw MethodNotAllowed(allowed: found.map(\.0.method))
        }
        guard let body = request.body else {
            throw ControlError(
                status: 413, text: "the request body has more than \(SocketServer.bodyLimit) bytes")
        }
        let query = try parse(request.query ?? "", known, of: request.path)
        return try await answer(ControlRequest(parameters: parameters, query: query, body: body))
    }

    /// `last=20&subject=10.0.0.5`, percent-encoded. A parameter that is not known is refused: it would be a misspelt one.
    private func parse(_ text: String, _ known: [String], of path: String) throws -> [String: String] {
        var query: [String: String] = [:]
        for part in text.split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = String(percentEncoded: halves[0]),
                let value = String(percentEncoded: halves.count == 2 ? halves[1] : "")
            else { throw ControlError.badRequest("the query ‘\(text)’ is not percent-encoded UTF-8") }
            guard known.contains(name) else {
                let advice = known.isEmpty ? "\(path) takes none" : "known are \(known.joined(separator: ", "))"
                throw ControlError.badRequest("unknown parameter ‘\(name)’; \(advice)")
            }
            guard query.updateValue(value, forKey: name) == nil else {
                throw ControlError.badRequest("parameter \(name) is there twice")
            }
        }
        return query
    }

    /// The metadata is not made unless the level is on.
    private func log(
        _ request: SocketRequest, _ level: Logger.Level, status: Int, since start: ContinuousClock.Instant,
        _ error: (any Error)? = nil
    ) {
        logger.log(
            level: level, "Answered control request", error: error,
            metadata: [
                "method": "\(request.method) \(request.path)", "status": "\(status)",
                "duration": "\(ContinuousClock.now - start)",
            ])
    }
}

/// A path that has other methods.
private struct MethodNotAllowed: Error {
    let allowed: [String]
}

extension SocketReply {
    fileprivate static func refusal(status: Int, _ text: String, allowed: [String] = []) -> SocketReply {
        // A struct of one string can always be encoded.
        let body = (try? ControlAPI.encode(Refusal(error: text))) ?? Array(#"{"error":"internal error"}"#.utf8)
        return SocketReply(status: status, contentType: ControlAPI.contentType, allowed: allowed, body: body)
    }
}
