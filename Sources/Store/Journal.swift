// SPDX-License-Identifier: Apache-2.0

import Glibc

/// SQLite's journal as it lies on the disk, looked at before SQLite does.
///
/// SQLite takes the first frame that does not fit its checksum for the journal's end, and must: a loss of power may have
/// torn the last transaction, which nobody was told of. But every transaction is flushed before the next is written; so
/// where another one follows, what is broken had been whole, and the rest must not be dropped.
/// The format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.
enum Journal: Equatable {
    /// Not there, or without anything that SQLite would read.
    case missing
    case whole
    case damaged(String)

    private static let headerSize = 32
    private static let frameHeaderSize = 24

    init(at path: String) throws(StoreError) {
        guard access(path, F_OK) == 0 else {
            self = .missing
            return
        }
        let file = try ReadableFile(path)
        let header = try file.read(Self.headerSize, at: 0)
        guard let sum = Sum(header: header) else {
            self = .missing
            return
        }
        let salts = header[16..<24]
        let pageSize = Int(header.number(at: 8))
        self = try Self.look(at: file, pageSize: pageSize, salts: salts, sum)
    }

    private static func look(
        at file: borrowing ReadableFile, pageSize: Int, salts: ArraySlice<UInt8>, _ start: Sum
    ) throws(StoreError) -> Journal {
        var sum = start
        var broken: Int?
        var transactionEnded = false
        var index = 0
        while true {
            let offset = headerSize + index * (frameHeaderSize + pageSize)
            // Behind the first broken frame only the headers matter.
            let count = broken == nil ? frameHeaderSize + pageSize : frameHeaderSize
            let frame = try file.read(count, at: offset)
            // A journal gets its first frame together with its header, before anything depends on it.
            guard frame.count == count else { return index == 0 ? .missing : .whole }
            // Others are of the time before the journal began anew from its front.
            let isCurrent = frame[8..<16].elementsEqual(salts)
            if isCurrent && transactionEnded {
                return .damaged("is broken at byte \(headerSize + (broken ?? index) * (frameHeaderSize + pageSize))")
            }
            if broken == nil {
                sum.add(frame[0..<8])
                sum.add(frame[frameHeaderSize...])
                if !isCurrent || !sum.matches(frame[16..<24]) { broken = index }
            }
            // A frame that ends a transaction says how long the database then is.
            if broken != nil && isCurrent { transactionEnded = frame.number(at: 4) != 0 }
            index += 1
        }
    }
}

/// The running checksum of a journal.
private struct Sum {
    private var first: UInt32 = 0
    private var second: UInt32 = 0
    private let isBigEndian: Bool

    /// Nil unless these are the bytes that a journal begins with.
    init?(header: [UInt8]) {
        guard header.count == 32, header.number(at: 0) | 1 == 0x377f_0683, header.number(at: 4) == 3_007_000 else {
            return nil
        }
        isBigEndian = header.number(at: 0) & 1 == 1
        add(header[0..<24])
        let pageSize = header.number(at: 8)
        guard matches(header[24..<32]), pageSize.nonzeroBitCount == 1, (512...65536).contains(pageSize) else {
            return nil
        }
    }

    mutating func add(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { bytes in
            for offset in stride(from: 0, to: bytes.count, by: 8) {
                first &+= word(bytes, offset) &+ second
                second &+= word(bytes, offset + 4) &+ first
            }
        }
    }

    func matches(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.elementsEqual(
            [first, second].flatMap { number in withUnsafeBytes(of: number.bigEndian) { Array($0) } })
    }

    private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
    }
}

extension [UInt8] {
    fileprivate func number(at offset: Int) -> UInt32 {
        self[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
