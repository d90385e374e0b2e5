// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import PluginKit

@Suite("Reminders", .timeLimit(.minutes(10)))
struct ReminderTests {
    @Test func `a signal comes after the pause`() async {
        let reminder = Reminder()
        reminder.after(.milliseconds(1))
        var count = 0
        for await _ in reminder.signals {
            count += 1
            if count == 2 { break }
            reminder.after(.milliseconds(1))
        }
        #expect(count == 2)
    }

    @Test func `a longer pause does not put off a shorter one, a shorter one comes first`() async {
        let reminder = Reminder()
        reminder.after(.seconds(3600))
        reminder.after(.milliseconds(1))
        reminder.after(.seconds(3600))
        for await _ in reminder.signals { break }
    }

    @Test func `letting go of it ends the signals`() async {
        var reminder: Reminder? = Reminder()
        let signals = reminder?.signals
        reminder?.after(.seconds(3600))
        reminder = nil
        if let signals { for await _ in signals {} }
    }

    @Test func `pauses double up to a minute and begin anew after a success`() {
        var backoff = Backoff()
        let pauses = (0..<9).map { _ in
            defer { backoff.fail() }
            return backoff.pause
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
        backoff.reset()
        #expect(backoff.pause == .seconds(1))
    }
}
