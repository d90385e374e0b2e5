// SPDX-License-Identifier: Apache-2.0
//
// What libFuzzer calls; its library has the `main` of this program. Feeds every method of both APIs with whatever it
// makes of the recorded sessions.

import Dispatch
import Glibc

/// Runs one input, and waits for its end: it is then that coverage is counted.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ length: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: bytes, count: length))
    let isDone = DispatchSemaphore(value: 0)
    Task.detached {
        await Session().run(Request.requests(in: input))
        isDone.signal()
    }
    isDone.wait()
    return 0
}

/// Comes first. With `FUZZ_SEEDS` set the program writes the inputs to begin with into that directory, and that is all.
@c(LLVMFuzzerInitialize)
public func initialize(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    guard let directory = getenv("FUZZ_SEEDS") else {
        Count.printAtExit()
        return 0
    }
    do {
        try Seeds.write(into: String(cString: directory))
        exit(0)
    } catch {
        fatalError("json: no inputs to begin with: \(error)")
    }
}
