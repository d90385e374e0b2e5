// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM

extension ReservationList {
    /// A table for people, 80 columns wide.
    public func text(isColoured: Bool) -> String {
        guard !reservations.isEmpty else { return "no reservations\n" }
        let rows = reservations.map { entry in
            [
                TextTable.Cell(entry.address.description), TextTable.Cell(entry.identity.text),
                TextTable.Cell(entry.sourceText),
            ]
        }
        return TextTable(
            columns: [.init(title: "ADDRESS", limit: 39), .init(title: "FOR", limit: 24), .init(title: "MADE BY")],
            rows: rows
        ).text(isColoured: isColoured)
    }
}

extension ReservationEntry {
    fileprivate var sourceText: String {
        switch (source, pool) {
        case (.pool, let pool?): pool.description
        default: source.rawValue
        }
    }
}
