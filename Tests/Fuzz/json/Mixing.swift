// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// What libFuzzer does with two inputs. Its own changes are of bytes; this one is of sessions: one gets requests of the
/// other, loses, repeats or exchanges some, or has something happen in between.
@c(LLVMFuzzerCustomCrossOver)
public func mix(
    _ one: UnsafePointer<UInt8>?, _ oneLength: Int, _ other: UnsafePointer<UInt8>?, _ otherLength: Int,
    _ result: UnsafeMutablePointer<UInt8>?, _ capacity: Int, _ seed: CUnsignedInt
) -> Int {
    var random = SeededGenerator(seed: UInt64(seed))
    var session = lines(of: UnsafeBufferPointer(start: one, count: oneLength))
    session.mix(with: lines(of: UnsafeBufferPointer(start: other, count: otherLength)), using: &random)
    let bytes = Array(session.joined(separator: [UInt8(ascii: "\n")])).prefix(capacity)
    for (index, byte) in bytes.enumerated() { result?[index] = byte }
    return bytes.count
}

private typealias Line = [UInt8]

private func lines(of input: UnsafeBufferPointer<UInt8>) -> [Line] {
    input.split(separator: UInt8(ascii: "\n")).map(Line.init)
}

private let incidents = [
    "/Fuzz.Restart", "/Fuzz.StoreFails 1", "/Fuzz.StoreFails 12", "/Fuzz.KernelRefuses addBridge",
    "/Fuzz.KernelRefuses addVethPair", "/Fuzz.KernelRefuses deleteLink", "/Fuzz.KernelAllows",
].map { Line($0.utf8) }

extension [Line] {
    fileprivate mutating func mix(with others: [Line], using random: inout SeededGenerator) {
        guard let place = indices.randomElement(using: &random) else { return self = others }
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            guard let start = others.indices.randomElement(using: &random) else { return }
            insert(contentsOf: others[start...].prefix(.random(in: 1...8, using: &random)), at: place)
        case 1: append(self[place])
        case 2: remove(at: place)
        case 3: swapAt(place, .random(in: 0..<count, using: &random))
        case 4: insert(contentsOf: incidents.randomElement(using: &random).map { [$0] } ?? [], at: place)
        default: self[place] = self[place].with(bodyOf: others.randomElement(using: &random) ?? [])
        }
    }
}

extension Line {
    /// The same path with another request's body.
    fileprivate func with(bodyOf other: Line) -> Line {
        prefix { $0 != UInt8(ascii: " ") } + other.drop { $0 != UInt8(ascii: " ") }
    }
}
