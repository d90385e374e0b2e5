// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import NetDriver

@Suite("Network options")
struct NetworkOptionsTests {
    @Test func `without options the defaults hold`() throws {
        let options = try NetworkOptions([:])
        #expect(options.bridge == nil && options.mtu == 1500 && options.linkPrefix == "eth")
    }

    @Test func `options are understood under the built-in driver's names`() throws {
        let options = try NetworkOptions([
            "com.docker.network.bridge.name": "lan0", "com.docker.network.driver.mtu": "9000",
            "com.docker.network.container_iface_prefix": "net", "com.docker.network.bridge.enable_icc": "1",
        ])
        #expect(options.bridge == InterfaceName("lan0") && options.mtu == 9000 && options.linkPrefix == "net")
    }

    @Test(arguments: [
        ("com.docker.network.driver.mtu", "67", "out of range, 68 to 65535 bytes"),
        ("com.docker.network.driver.mtu", "65536", "out of range, 68 to 65535 bytes"),
        ("com.docker.network.driver.mtu", "+1500", "not a number of bytes"),
        ("com.docker.network.driver.mtu", "", "not a number of bytes"),
        ("com.docker.network.driver.mtu", "99999999999999999999", "not a number of bytes"),
        (
            "com.docker.network.bridge.name", "bridge-with-long-name",
            "a link's name has at most 15 bytes, this one has 21"
        ),
        ("com.docker.network.bridge.name", "a/b", "not a bridge's name"),
        ("com.docker.network.bridge.name", "all", "not a bridge's name"),
        ("com.docker.network.bridge.name", "default", "not a bridge's name"),
        ("com.docker.network.bridge.name", "", "not a bridge's name"),
        ("com.docker.network.bridge.name", "br*", "not a bridge's name"),
        ("com.docker.network.bridge.name", "br\"", "not a bridge's name"),
        ("com.docker.network.container_iface_prefix", "thirteenbytes", "not the beginning of a link's name"),
        ("com.docker.network.bridge.default_bridge", "true", "is not served by this version"),
        ("com.docker.network.bridge.default_bridge", "maybe", "neither true nor false"),
        ("com.docker.network.bridge.nmae", "x", "unknown option"),
        ("plugind.sticky", "off", "unknown option plugind.sticky; known are: com.docker.network.bridge"),
    ])
    func `what cannot be meant is refused in words`(key: String, value: String, words: String) {
        let error = #expect(throws: DriverError.self) { try NetworkOptions([key: value]) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains(key) == true)
        #expect(error?.isBadRequest == true)
    }

    @Test(arguments: ["1279", "68"]) func `IPv6 needs 1280 bytes`(mtu: String) throws {
        let options = ["com.docker.network.driver.mtu": mtu]
        #expect(throws: DriverError.self) { try NetworkOptions(options, minimumMTU: 1280) }
        #expect(try NetworkOptions(options).mtu == UInt32(mtu))
    }

    @Test(arguments: ["68", "65535"]) func `the ends of the range are in it`(mtu: String) throws {
        #expect(try NetworkOptions(["com.docker.network.driver.mtu": mtu]).mtu == UInt32(mtu))
    }

    @Test func `what only the engine's own bridge has may be said not to be so`() {
        #expect(throws: Never.self) { try NetworkOptions(["com.docker.network.bridge.default_bridge": "false"]) }
    }

    @Test func `other drivers' options are nobody's business`() throws {
        #expect(throws: Never.self) { try NetworkOptions(["com.example.colour": "red", "parent": "eth0"]) }
    }
}
