// SPDX-License-Identifier: Apache-2.0

import NetDriver
import PluginKit

/// A request as an engine of version 28 sends it, with an answer that costs nothing to find: what is measured is the way
/// there and back.
struct Call: Sendable {
    /// The benchmark's name: the method's, and what is special about the request.
    let name: String
    let path: String
    let body: [UInt8]

    /// `members` are those of the request besides the network and the endpoint.
    private init<Method: PluginMethod>(_ method: Method.Type, _ members: String = "", special: String = "") {
        let name = Method.name.split(separator: ".").last.map(String.init) ?? Method.name
        self.init("\(name)\(special)", "/\(Method.name)", #"{\#(Self.endpoint)\#(members)}"#)
    }

    private init(_ name: String, _ path: String, _ body: String) {
        self.name = name
        self.path = path
        // The engine ends a body so.
        self.body = Array("\(body)\n".utf8)
    }

    /// The calls to a network driver of an endpoint's life, in their order, and those that have ports once more with some.
    static let ofDriver = [
        Call(CreateEndpoint.self, #",\#(interface),"Options":{\#(noPorts)}"#),
        Call(CreateEndpoint.self, #",\#(interface),"Options":{\#(fourPorts)}"#, special: ":ports"),
        Call(Join.self, #",\#(sandbox),"Options":{\#(noPorts)}"#),
        Call(Join.self, #",\#(sandbox),"Options":{\#(fourPorts)}"#, special: ":ports"),
        Call(ProgramExternalConnectivity.self, #","Options":{\#(proxy),\#(noPorts)}"#),
        Call(ProgramExternalConnectivity.self, #","Options":{\#(proxy),\#(fourPorts)}"#, special: ":ports"),
        Call(EndpointOperInfo.self),
        Call(RevokeExternalConnectivity.self),
        Call(Leave.self),
        Call(DeleteEndpoint.self),
    ]

    /// Those to IPAM. The address is named, so that it is known which one to release.
    static let ofIPAM = [
        Call("RequestAddress", "/IpamDriver.RequestAddress", #"{\#(address),"Options":null}"#),
        Call("ReleaseAddress", "/IpamDriver.ReleaseAddress", #"{\#(address)}"#),
    ]

    /// Makes the pool of those calls.
    static let pool = Call(
        "RequestPool", "/IpamDriver.RequestPool",
        #"{"AddressSpace":"plugind-local","Pool":"172.30.0.0/24","SubPool":"","Options":{},"V6":false}"#)

    private static let address = #""PoolID":"plugind-local/172.30.0.0/24","Address":"172.30.0.2""#
    private static let endpoint = """
        "NetworkID":"db66a90f2d72135e5b0db44d61af9602bfd0c8cd14c3a23dafee71d459935a6e",\
        "EndpointID":"19da7786b5c58eb47f180e98aac519f7d69ca50c674aa66d020cc5880ed45038"
        """
    private static let interface = #""Interface":{"Address":"172.30.0.2/24","AddressIPv6":"","MacAddress":""}"#
    private static let sandbox = #""SandboxKey":"/var/run/docker/netns/d2b7414251b5""#
    private static let proxy = #""com.docker.network.driver.private.no_proxy_6to4":false"#
    private static let noPorts = """
        "com.docker.network.endpoint.exposedports":[],"com.docker.network.portmap":[]
        """
    private static let fourPorts = """
        "com.docker.network.endpoint.exposedports":[{"Proto":6,"Port":9001},{"Proto":6,"Port":9000},\
        {"Proto":6,"Port":80},{"Proto":17,"Port":53}],"com.docker.network.portmap":[\
        {"Proto":6,"IP":"","Port":9001,"HostIP":"","HostPort":9001,"HostPortEnd":9001},\
        {"Proto":6,"IP":"","Port":9000,"HostIP":"","HostPort":9000,"HostPortEnd":9000},\
        {"Proto":6,"IP":"","Port":80,"HostIP":"","HostPort":8080,"HostPortEnd":8080},\
        {"Proto":17,"IP":"","Port":53,"HostIP":"127.0.0.1","HostPort":53,"HostPortEnd":53}]
        """
}
