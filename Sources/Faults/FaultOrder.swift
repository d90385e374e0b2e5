// SPDX-License-Identifier: Apache-2.0

#if FAULT_POINTS
import FoundationEssentials
import Glibc
import Synchronization

/// What a test orders to happen at a fault point: a line in the file that `PLUGIND_FAULT_ORDER` names.
///
///     kill before 1 netlink: addBridge
///     28 before 2 nft: acceptInside
///     13 before * store: *
///
/// That is: `kill`, or the code to fail with (an errno, or a result code of SQLite); the side; at which time the point is
/// reached from now on; the point, or the beginning of its name and a star. An order is carried out once, and its file is
/// gone then. One that has a star for its time stands until somebody takes the file away.
///
/// Every point that is reached is appended to the file that `PLUGIND_FAULT_TRACE` names.
struct FaultOrder {
    private enum Action {
        case kill
        case fail(Int32)
    }

    private let action: Action
    private let side: FaultPoint.Side
    /// nil for every time.
    private let time: Int?
    private let name: Substring

    private static let orderFile = path(in: "PLUGIND_FAULT_ORDER")
    private static let traceFile = path(in: "PLUGIND_FAULT_TRACE")
    /// Points are reached on several threads; an order is for one of them.
    private static let turn = Mutex(())

    /// The code with which to fail at a point, or nil. Does not return if the order is to kill.
    static func code(for side: FaultPoint.Side, _ name: String) -> Int32? {
        turn.withLock { _ in
            trace(side, name)
            guard let orderFile, let line = read(orderFile), let order = FaultOrder(line),
                order.applies(to: side, name)
            else { return nil }
            if let time = order.time, time > 1 {
                write(order.line(time: time - 1), to: orderFile)
                return nil
            }
            if order.time != nil { unlink(orderFile) }
            switch order.action {
            case .kill:
                kill(getpid(), SIGKILL)
                return nil
            case .fail(let code):
                return code
            }
        }
    }

    private init?(_ line: String) {
        let words = line.split(separator: " ", maxSplits: 3)
        guard words.count == 4, let side = FaultPoint.Side(rawValue: String(words[1])) else { return nil }
        if words[0] == "kill" {
            action = .kill
        } else if let code = Int32(words[0]) {
            action = .fail(code)
        } else {
            return nil
        }
        self.side = side
        time = Int(words[2])
        name = words[3]
    }

    private func applies(to side: FaultPoint.Side, _ name: String) -> Bool {
        side == self.side && (self.name.last == "*" ? name.hasPrefix(self.name.dropLast()) : name == self.name)
    }

    private func line(time: Int) -> String {
        let action =
            switch action {
            case .kill: "kill"
            case .fail(let code): "\(code)"
            }
        return "\(action) \(side.rawValue) \(time) \(name)"
    }

    // MARK: Files

    private static func trace(_ side: FaultPoint.Side, _ name: String) {
        guard let traceFile else { return }
        let descriptor = open(traceFile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array("\(side.rawValue) \(name)\n".utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }

    private static func read(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func write(_ line: String, to path: String) {
        _ = FileManager.default.createFile(atPath: path, contents: Data(line.utf8))
    }

    private static func path(in variable: String) -> String? {
        ProcessInfo.processInfo.environment[variable]
    }
}
#endif
