// SPDX-License-Identifier: Apache-2.0

/// One request of an input, and what may be done besides to the daemon that gets it.
///
/// An input is a session, written as people would: `PATH BODY`, each request on a line of its own. A line that does not
/// begin with `/` goes on with the body of the one before, so that a body may be anything but another request.
struct Request {
    var path: String
    var body: [UInt8]

    static func requests(in input: [UInt8]) -> [Request] {
        var requests: [Request] = []
        for line in input.split(separator: newline, omittingEmptySubsequences: false) {
            if line.first == slash || requests.isEmpty {
                let path = line.prefix { $0 != space }
                requests.append(
                    Request(
                        path: String(decoding: path, as: UTF8.self), body: Array(line[path.endIndex...].dropFirst())))
            } else {
                requests[requests.endIndex - 1].body += [newline] + line
            }
        }
        return requests
    }

    private static let newline = UInt8(ascii: "\n")
    private static let slash = UInt8(ascii: "/")
    private static let space = UInt8(ascii: " ")
}

extension Request {
    /// Something that happens to the daemon, written as a request that no engine sends.
    enum Incident {
        /// The daemon is stopped and started.
        case restart
        /// The next commits fail, as many as the body has bytes.
        case storeFails(Int)
        /// From now on the kernel refuses the call that the body names, with EBUSY.
        case kernelRefuses(String)
        /// It takes everything again.
        case kernelAllows
    }

    var incident: Incident? {
        switch path {
        case "/Fuzz.Restart": .restart
        case "/Fuzz.StoreFails": .storeFails(min(body.count, 4))
        case "/Fuzz.KernelRefuses": .kernelRefuses(String(decoding: body, as: UTF8.self))
        case "/Fuzz.KernelAllows": .kernelAllows
        default: nil
        }
    }
}
