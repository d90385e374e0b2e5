// SPDX-License-Identifier: Apache-2.0

public import Logging
import Synchronization

/// Keeps what is logged.
public final class LogRecorder: Sendable {
    public struct Line: Sendable {
        public var level: Logger.Level
        public var error: (any Error)?
        public var metadata: Logger.Metadata
    }

    private let level: Logger.Level
    private let recorded = Mutex<[Line]>([])

    /// Keeps the lines from `level` on.
    public init(from level: Logger.Level = .debug) {
        self.level = level
    }

    public var lines: [Line] { recorded.withLock { $0 } }

    public var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(recorder: self) }
        logger.logLevel = level
        return logger
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            recorder.recorded.withLock {
                $0.append(Line(level: event.level, error: event.error, metadata: event.metadata ?? [:]))
            }
        }
    }
}
