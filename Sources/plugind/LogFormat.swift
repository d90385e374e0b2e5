// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc
import Logging
import Synchronization

/// How a log line is written, to standard error. `text` is for people and journals, `json` for collectors.
enum LogFormat: String, CaseIterable, Sendable {
    case text
    case json
}

/// How much is logged, and how: for every logger that was made of it, also while the process runs.
final class LogSettings: Sendable {
    private let levelIndex: Atomic<Int>
    private let formatIndex: Atomic<Int>
    private static let levels = Logger.Level.allCases
    private static let formats = LogFormat.allCases

    init(level: Logger.Level, format: LogFormat) {
        levelIndex = Atomic(level.index)
        formatIndex = Atomic(format.index)
    }

    var level: Logger.Level {
        get { Self.levels[levelIndex.load(ordering: .relaxed)] }
        set { levelIndex.store(newValue.index, ordering: .relaxed) }
    }

    var format: LogFormat {
        get { Self.formats[formatIndex.load(ordering: .relaxed)] }
        set { formatIndex.store(newValue.index, ordering: .relaxed) }
    }

    func makeLogger() -> Logger {
        Logger(label: "plugind") { _ in LineHandler(settings: self) }
    }
}

extension CaseIterable where Self: Equatable, AllCases == [Self] {
    fileprivate var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Writes each event as one line, in one system call, so that lines of different threads never mix.
private struct LineHandler: LogHandler {
    let settings: LogSettings
    /// The logger's own, if it has one.
    var ownLevel: Logger.Level?
    var metadata = Logger.Metadata()

    var logLevel: Logger.Level {
        get { ownLevel ?? settings.level }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let own = event.metadata { fields.merge(own) { $1 } }
        if let error = event.error { fields["error"] = "\(error)" }
        let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
        let line =
            switch settings.format {
            case .text: Self.text(event, sorted)
            case .json: Self.json(event, sorted)
            }
        let bytes = Array(line.utf8)
        write(STDERR_FILENO, bytes, bytes.count)
    }

    private static func text(_ event: LogEvent, _ fields: [(String, String)]) -> String {
        var line = "\(timestamp()) \(event.level.rawValue.uppercased()) \(event.message)"
        for (key, value) in fields {
            let isPlain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") }
            line += " \(key)=" + (isPlain ? value : quoted(value))
        }
        return line + "\n"
    }

    private static func json(_ event: LogEvent, _ fields: [(String, String)]) -> String {
        let all =
            [("time", timestamp()), ("level", event.level.rawValue), ("message", event.message.description)] + fields
        return "{" + all.map { quoted($0.0) + ":" + quoted($0.1) }.joined(separator: ",") + "}\n"
    }

    /// A JSON string, which is also what a person expects of a quoted value.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// UTC with milliseconds: `2026-11-21T03:19:07.123Z`.
    private static func timestamp() -> String {
        let milliseconds = Int(Date.now.timeIntervalSince1970 * 1000)
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 32)
        let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
        let date = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return date + ".\(String(1000 + milliseconds % 1000).dropFirst())Z"
    }
}
