// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import plugind

@Suite("Waiting")
struct PatienceTests {
    @Test func `a line is written over itself and cleared in the end`() {
        var line = WaitingLine("Asking plugind")
        #expect(line.end() == "")
        #expect(line.text(after: .milliseconds(1003)) == "\rAsking plugind … 1 s")
        #expect(line.text(after: .seconds(61)) == "\rAsking plugind … 61 s")
        #expect(line.end() == "\r\u{1B}[K")
    }
}
