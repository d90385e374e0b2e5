// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import Testing

@testable import Control

@Suite("What the commands print")
struct TextTests {
    private static func pool(
        _ subnet: String, id: String? = nil, _ change: (inout PoolStatus) -> Void = { _ in }
    ) throws -> PoolStatus {
        let prefix = try #require(Prefix(subnet))
        var pool = PoolStatus(.make(id: try #require(PoolID(id ?? "plugind-local/\(subnet)")), subnet: prefix))
        change(&pool)
        return pool
    }

    @Test func `pools are a table with a bar, and a long id has a line of its own`() throws {
        let pools = try [
            Self.pool("10.0.0.0/24"),
            Self.pool("fd12:3456:789a:1::/64") {
                ($0.used, $0.usedOutside, $0.sticky, $0.quarantined, $0.reserved) = (4, 0, 0, 0, 0)
                ($0.size, $0.allocatable, $0.free) = (1 << 64, 1 << 64 - 1, 1 << 64 - 5)
                $0.exhaustedInSeconds = nil
            },
            Self.pool("10.1.0.0/16", id: "plugind-local/10.1.0.0/16/10.1.128.0/17") {
                ($0.used, $0.usedOutside, $0.sticky, $0.quarantined, $0.reserved) = (32_766, 0, 0, 0, 0)
                ($0.allocatable, $0.free, $0.exhaustedInSeconds) = (32_766, 0, 0)
            },
        ]
        #expect(
            PoolList(pools: pools).text(isColoured: false) == """
                POOL                                 USE               USED    FREE  FULL IN
                plugind-local/10.0.0.0/24            ####++....  49%    100      60     24 h
                plugind-local/fd12:3456:789a:1::/64  #.........  <1%      4  1.8e19        -
                plugind-local/10.1.0.0/16/10.1.128.0/17
                                                     ########## 100%  32766       0  < 1 min

                """)
    }

    @Test func `a pool is told in full`() throws {
        #expect(
            try Self.pool("10.0.0.0/24").text(isColoured: false) == """
                plugind-local/10.0.0.0/24
                  subnet        10.0.0.0/24
                  ip range      10.0.0.0/24
                  use           ###################++++++++.............  49%
                  addresses     256
                  allocatable   200
                  used          100
                  used outside  1
                  sticky        30
                  quarantined   5
                  reserved      6
                  free          60
                  excluded      54
                  growth        2.5 an hour
                  full in       24 h

                """)
    }

    @Test func `reservations are a table`() throws {
        let pool = try #require(PoolID("plugind-local/10.0.0.0/24"))
        let long = try #require(PoolID("plugind-local/fd12:3456:789a:1::/64/fd12:3456:789a:1::8000/113"))
        let list = try ReservationList(
            reservations: [
                .make(.make("web", "10.0.0.5"), .command),
                .make(.make("02:00:00:00:00:01", "10.0.0.6"), .pool(pool)),
                .make(.make("web", "fd12:3456:789a:1:1111:2222:3333:4444"), .pool(long)),
                .make(.make("web", "fd12:3456:789a:1:1111:2222:3333:5555"), .configuration),
            ].map(ReservationEntry.init))
        #expect(
            list.text(isColoured: false) == """
                ADDRESS                               FOR                MADE BY
                10.0.0.5                              web                command
                10.0.0.6                              02:00:00:00:00:01
                                                                       plugind-local/10.0.0.0/24
                fd12:3456:789a:1:1111:2222:3333:4444  web
                                  plugind-local/fd12:3456:789a:1::/64/fd12:3456:789a:1::8000/113
                fd12:3456:789a:1:1111:2222:3333:5555  web                configuration

                """)
    }

    @Test func `nothing is told in words`() {
        #expect(PoolList(pools: []).text(isColoured: true) == "no pools\n")
        #expect(ReservationList(reservations: []).text(isColoured: true) == "no reservations\n")
    }

    @Test func `no line is wider than 80 columns, whatever the numbers`() throws {
        let pools = try [
            Self.pool("fd12:3456:789a:1::/64") {
                ($0.used, $0.free, $0.exhaustedInSeconds) = (.max, .max, .max)
            },
            Self.pool("192.168.100.128/25") {
                ($0.used, $0.free, $0.exhaustedInSeconds) = (999_999, 999_999_999, 7199)
            },
        ]
        for line in PoolList(pools: pools).text(isColoured: false).split(separator: "\n") {
            #expect(line.count <= 80, "\(line)")
        }
        for pool in pools {
            for line in pool.text(isColoured: false).split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        }
    }

    @Test(arguments: [(100, "\u{1B}[32m"), (151, "\u{1B}[33m"), (181, "\u{1B}[31m")] as [(UInt128, String)])
    func `colours say how full a pool is, and change no width`(used: UInt128, colour: String) throws {
        let list = PoolList(pools: [try Self.pool("10.0.0.0/24") { $0.used = used }])
        let text = list.text(isColoured: true)
        #expect(text.contains(colour))
        let plain = text.replacing(/\u{1B}\[[0-9]+m/, with: "")
        #expect(plain == list.text(isColoured: false))
    }

    private static let bars: [(used: UInt128, kept: UInt128, allocatable: UInt128, text: String)] = [
        (0, 0, 200, "..........   0%"),
        (1, 1, 200, "#+........  <1%"),
        (199, 1, 200, "#########+  99%"),
        (200, 0, 200, "########## 100%"),
        (195, 5, 200, "#########+  97%"),
        (0, 200, 200, "++++++++++   0%"),
        (0, 0, 0, "########## 100%"),
        (3, 0, 2, "########## 100%"),
        (1000, 0, .max, "#.........  <1%"),
    ]

    @Test(arguments: bars)
    func `a few are not none, and not all are all`(used: UInt128, kept: UInt128, allocatable: UInt128, text: String)
        throws
    {
        let pool = try Self.pool("10.0.0.0/24") {
            ($0.used, $0.usedOutside, $0.sticky, $0.quarantined, $0.reserved) = (used, 0, kept, 0, 0)
            $0.allocatable = allocatable
        }
        #expect(UseBar(pool, width: 10).text == text)
    }

    private static let numbers: [(UInt128, String)] = [
        (0, "0"), (65_536, "65536"), (999_999, "999999"), (1_000_000, "1.0M"), (16_777_215, "16.7M"),
        (99_999_999, "99.9M"), (100_000_000, "100M"), (999_999_999, "999M"), (4_294_967_296, "4.2G"),
        (281_474_976_710_656, "281T"), (999_999_999_999_999, "999T"), (1_000_000_000_000_000, "1.0e15"),
        (1 << 64, "1.8e19"), (.max, "3.4e38"),
    ]

    @Test(arguments: numbers) func `a number is short`(number: UInt128, text: String) {
        #expect(number.short == text)
    }

    @Test(
        arguments: [
            (0, "< 1 min"), (59, "< 1 min"), (60, "1 min"), (7199, "119 min"), (7200, "2 h"), (172_799, "47 h"),
            (172_800, "2 d"), (31_535_999, "364 d"), (31_536_000, "> 1 y"), (.max, "> 1 y"),
        ] as [(Int64, String)])
    func `a time is short`(seconds: Int64, text: String) {
        #expect(Duration.seconds(seconds).short == text)
    }
}
