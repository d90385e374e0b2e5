// SPDX-License-Identifier: Apache-2.0

import Addressing
import NetDriver

extension PortList {
    /// A table for people, 80 columns wide.
    public func text(names: EngineNames, isColoured: Bool) -> String {
        guard !ports.isEmpty else { return "no ports\n" }
        let rows = ports.flatMap { port in
            let first: [TextTable.Cell] = [
                .init(port.at), .init(port.transport ?? "any"), .init(port.to),
                .init(port.how.rawValue, ink: port.ink),
                .init(port.container ?? names.endpoints[port.endpoint] ?? port.endpoint.short),
            ]
            return [first] + Lines.cells(port.notes, columns: 5)
        }
        return TextTable(
            columns: [
                .init(title: "REACHED AT", limit: 22), .init(title: "PROTO"), .init(title: "LEADS TO", limit: 21),
                .init(title: "HOW"), .init(title: "CONTAINER"),
            ], rows: rows
        ).text(isColoured: isColoured)
    }
}

extension PortStatus {
    /// Where it is reached from outside.
    var at: String {
        hostAddress.map { Self.words($0, hostPort) } ?? Self.words(containerAddress, containerPort)
    }

    /// Where it is not the same.
    var to: String { hostAddress == nil ? "-" : Self.words(containerAddress, containerPort) }

    var ink: Ink {
        switch how {
        case .direct, .forwarded, .routed: isHeld ? .green : .yellow
        case .open: .yellow
        case .none: .red
        }
    }

    /// Who may, and by which way, if not everybody by any; and what is wrong.
    fileprivate var notes: [String] { limits + (isHeld ? [] : ["another program has the host's port"]) }

    /// Who may, and by which way, if not everybody by any.
    var limits: [String] {
        var limits: [String] = []
        if let clients { limits += Self.list("from", clients.map(\.description)) }
        if let links { limits += Self.list("by", links.map(\.description)) }
        return limits
    }

    private static func list(_ word: String, _ parts: [String]) -> [String] {
        parts.enumerated().map { $0 == 0 ? "\(word) \($1)" : $1 }
    }

    private static func words(_ address: IPAddress, _ port: UInt16?) -> String {
        let host = address.family == .v6 ? "[\(address)]" : "\(address)"
        return "\(host):\(port.map { "\($0)" } ?? "*")"
    }
}
