// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@Suite("Settings of a link")
struct LinkSettingTests {
    @Test(arguments: [
        ("net.ipv4.conf.IFNAME.log_martians=1", "net/ipv4/conf/lan0/log_martians", "1"),
        ("net.ipv6.neigh.IFNAME.base_reachable_time_ms=3000", "net/ipv6/neigh/lan0/base_reachable_time_ms", "3000"),
        ("net.mpls.conf.IFNAME.input=1", "net/mpls/conf/lan0/input", "1"),
        ("net.ipv6.conf.IFNAME.stable_secret=2001:db8::1", "net/ipv6/conf/lan0/stable_secret", "2001:db8::1"),
        ("net.ipv4.conf.IFNAME.tag=a=b c", "net/ipv4/conf/lan0/tag", "a=b c"),
    ])
    func `a setting is read, written as it was, and has its place below a link of any name`(
        text: String, path: String, value: String
    ) throws {
        let setting = try #require(LinkSetting(text))
        #expect(setting.description == text)
        #expect(setting.value == value)
        // A link's name may have dots, which are none of the path's.
        #expect(setting.path(of: try #require(InterfaceName("lan0"))) == path)
        let name = try #require(InterfaceName("lan.7"))
        #expect(setting.path(of: name) == path.replacing("lan0", with: "lan.7"))
    }

    @Test(arguments: [
        "", "=", "=1", "net.ipv4.conf.IFNAME.log_martians", "net.ipv4.conf.IFNAME.log_martians=",
        "net.ipv4.conf.eth0.log_martians=1", "net.ipv4.conf.IFNAME=1",
        "net.ipv4.conf.IFNAME.=1", "net.ipv4.conf.IFNAME.a.b=1", "net.ipv4.conf..a=1", "net.ipv5.conf.IFNAME.a=1",
        "net.core.conf.IFNAME.a=1", "net.ipv4.route.IFNAME.a=1", "kernel.ipv4.conf.IFNAME.a=1",
        "net.ipv4.conf.IFNAME.../ip_forward=1", "net.ipv4.conf.IFNAME.a/b=1", "net.ipv4.conf.IFNAME.a-b=1",
        "net/ipv4/conf/IFNAME/a=1", "net.ipv4.conf.IFNAME.a=1\n", "net.ipv4.conf.IFNAME.a=é",
        " net.ipv4.conf.IFNAME.a=1", "net.ipv4.conf.IFNAME.a =1",
    ])
    func `what is not exactly a setting of a link is refused`(text: String) {
        #expect(LinkSetting(text) == nil)
    }
}
