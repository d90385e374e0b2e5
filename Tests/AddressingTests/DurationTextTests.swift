// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@Suite("Durations as text")
struct DurationTextTests {
    @Test(
        arguments: [
            ("0s", 0), ("1s", 1), ("90s", 90), ("10m", 600), ("24h", 86_400), ("7d", 604_800), ("0d", 0),
            ("999999999s", 999_999_999), ("999999999d", 86_399_999_913_600),
        ] as [(String, Int64)])
    func `a duration is a whole number and a unit`(text: String, seconds: Int64) {
        #expect(Duration(text: text) == .seconds(seconds))
    }

    @Test(arguments: [
        "", "s", "0", "10", "10 m", " 10m", "10m ", "-1s", "+1s", "1.5h", "1w", "1S", "1m30s", "10ms", "٣s", "007s",
        "00s",
        "1000000000s", "99999999999999999999s", "fast", "1s\n", "0x1s",
    ])
    func `what is not exactly a duration is refused`(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test(
        arguments: [
            (.zero, "0s"), (.seconds(1), "1s"), (.seconds(60), "1m"), (.seconds(90), "90s"), (.seconds(3_600), "1h"),
            (.seconds(5_400), "90m"), (.seconds(86_400), "1d"), (.seconds(129_600), "36h"), (.seconds(604_800), "7d"),
            (.seconds(86_401), "86401s"), (.milliseconds(59_999), "59s"), (.milliseconds(999), "0s"),
            (.seconds(-90), "-90s"),
        ] as [(Duration, String)])
    func `a duration is written in the largest unit of which there is a whole number`(
        duration: Duration, text: String
    ) {
        #expect(duration.text == text)
    }

    @Test(arguments: ["s", "m", "h", "d"])
    func `what is written is read as the same`(unit: String) throws {
        for number in Array(0...200) + [3_599, 3_600, 86_399, 86_400, 999_999_999] {
            let duration = try #require(Duration(text: "\(number)\(unit)"))
            #expect(Duration(text: duration.text) == duration, "\(number)\(unit)")
        }
    }
}
