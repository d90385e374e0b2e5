// SPDX-License-Identifier: Apache-2.0

import Addressing
import Logging
import NetDriver
import PluginKit

extension MethodTable {
    /// A table that answers a network driver's calls of an endpoint's life like a driver that has nothing to do.
    static func ofLife() throws -> MethodTable {
        let quiet = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        guard let mac = MACAddress("02:19:da:77:86:b5"), let link = InterfaceName("pds19da7786b5"),
            let gateway = IPAddress("172.30.0.1")
        else { throw Unfit(what: "an address") }
        var table = MethodTable(logger: quiet, observe: { _ in }, explain: { _ in nil })
        table.on(CreateEndpoint.self) { _ in
            CreateEndpoint.Reply(interface: EndpointInterface(address: nil, macAddress: mac))
        }
        table.on(Join.self) { _ in Join.Reply(link: Join.Link(name: link, prefix: "eth"), gateway: gateway) }
        table.on(ProgramExternalConnectivity.self) { _ in EmptyReply() }
        table.on(EndpointOperInfo.self) { _ in EndpointOperInfo.Reply() }
        table.on(RevokeExternalConnectivity.self) { _ in EmptyReply() }
        table.on(Leave.self) { _ in EmptyReply() }
        table.on(DeleteEndpoint.self) { _ in EmptyReply() }
        return table
    }
}

/// What went wrong with what the benchmarks themselves say.
struct Unfit: Error {
    let what: String
}
