// SPDX-License-Identifier: Apache-2.0

extension Table {
    /// The tables as version 2 has them. Never edited, as its migration is not.
    static let version2 = [
        Table("network", key: ["id"], values: ["bridge", "phase", "body"]),
        Table("endpoint", key: ["id"], values: ["network", "phase", "body"]),
        Table("pool", key: ["id"], values: ["body"]),
        addressOfVersion2,
        Table("setting", key: ["key"], values: ["value"]),
    ]
    static let addressOfVersion2 = Table("address", key: ["pool", "address"], values: ["role", "name", "mac"])

    /// As version 3 has it.
    static let addressOfVersion3 = Table(
        "address", key: ["pool", "address"], values: ["role", "name", "mac", "since", "flags"])

    /// The tables with checksums in a database of `version`.
    static func all(ofVersion version: Int) -> [Table] {
        switch version {
        case ..<2: []
        case 2: version2
        default: all
        }
    }
}
