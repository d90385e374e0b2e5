// SPDX-License-Identifier: Apache-2.0

import Addressing
import TestSupport
import Testing

@Suite("The nearest known name")
struct NearestTests {
    private static let names = ["sticky", "quarantine", "order", "ranges", "exclude", "reserve", "name"]

    @Test(arguments: [
        ("sticky", "sticky"), ("Sticky", "sticky"), ("STICKY", "sticky"),
        // Added, dropped, replaced, swapped.
        ("stickyy", "sticky"), ("stiky", "sticky"), ("stizky", "sticky"), ("stikcy", "sticky"), ("tsicky", "sticky"),
        ("range", "ranges"), ("excluded", "exclude"), ("reserved", "reserve"), ("quarantäne", "quarantine"),
        ("qarentine", "quarantine"), ("nmae", "name"), ("ordre", "order"),
    ])
    func `a slip of the hand has a nearest name`(text: String, name: String) {
        #expect(text.nearest(among: Self.names) == name)
    }

    @Test(arguments: ["", "s", "st", "colour", "size", "reservation", "stickystickysticky", "yktics", "xxxx", "🎲"])
    func `another word has none`(text: String) {
        #expect(text.nearest(among: Self.names) == nil)
    }

    @Test func `of two that are as near the first is taken, and of none there is none`() {
        #expect("gat".nearest(among: ["cat", "hat"]) == "cat")
        #expect("gat".nearest(among: ["hat", "cat"]) == "hat")
        #expect("gat".nearest(among: ["that", "cat"]) == "cat")
        #expect("gat".nearest(among: []) == nil)
        #expect("gat".nearest(among: [""]) == nil)
        #expect("".nearest(among: [""]) == nil)
    }

    @Test func `a name that has nothing in common is not near, be it ever so short`() {
        #expect("a".nearest(among: ["b", "ab"]) == "ab")
        #expect("ab".nearest(among: ["c", "cd"]) == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `one edit of a long name leads back to it`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let letters = Array("abcdefghijklmnopqrstuvwxyz-")
        for _ in 0..<2_000 {
            let name = String((0..<8).map { _ in letters.randomElement(using: &random) ?? "a" })
            var edited = Array(name)
            let place = Int.random(in: 0..<7, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: edited.remove(at: place)
            case 1: edited.insert(letters.randomElement(using: &random) ?? "a", at: place)
            case 2: edited[place] = letters.randomElement(using: &random) ?? "a"
            default: edited.swapAt(place, place + 1)
            }
            #expect(String(edited).nearest(among: ["0123456789", name]) == name, "\(name), seed \(seed)")
        }
    }
}
