// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc

/// Who a datagram came from, and which address of the host it was sent to.
struct Flow: Hashable, Sendable {
    var client: SocketName
    /// An answer has to come from this address: the client would not know it from another.
    var local: IPAddress
    /// The link of a link-local `local`; otherwise 0.
    var link: UInt32
}

/// Room for one datagram, which is used again for the next.
struct DatagramBuffer {
    /// No datagram is longer.
    private var bytes = [UInt8](repeating: 0, count: 1 << 16)
    private var count = 0

    /// Makes a socket tell which address each datagram was sent to. Returns false, with errno, if the kernel refuses.
    static func askForAddresses(_ socket: BoundSocket, _ family: AddressFamily) -> Bool {
        switch family {
        case .v4: socket.set(CInt(IPPROTO_IP), IP_PKTINFO, to: 1)
        case .v6: socket.set(CInt(IPPROTO_IPV6), IPV6_RECVPKTINFO, to: 1)
        }
    }

    /// Takes the next datagram from a connected socket. Returns false, with errno, if there is none.
    mutating func receive(from socket: CInt) -> Bool {
        let result = bytes.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
        count = max(result, 0)
        return result >= 0
    }

    /// Takes the next datagram from a socket that was asked for addresses. Nil, with errno, if there is none.
    mutating func receiveFlow(from socket: CInt) -> Flow? {
        var storage = sockaddr_storage()
        var flow: Flow?
        let result = bytes.withUnsafeMutableBytes { bytes in
            withUnsafeMutableBytes(of: &storage) { storage in
                withMessage(bytes, name: storage, controlSize: PacketInfo.room) { message in
                    let result = recvmsg(socket, &message, 0)
                    guard result >= 0 else { return result }
                    let control = UnsafeRawBufferPointer(start: message.msg_control, count: message.msg_controllen)
                    if let client = SocketName(UnsafeRawBufferPointer(storage)), let info = PacketInfo(control) {
                        flow = Flow(client: client, local: info.address, link: info.link)
                    }
                    return result
                }
            }
        }
        count = max(result, 0)
        return flow
    }

    /// Sends the datagram over a connected socket. Returns false, with errno, if the kernel refuses.
    func send(over socket: CInt) -> Bool {
        bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, count, CInt(MSG_NOSIGNAL)) } >= 0
    }

    /// Sends the datagram to the client of a flow, from the address that it wrote to. One that the kernel does not take
    /// is lost, as datagrams may be.
    mutating func answer(_ flow: Flow, over socket: CInt) {
        let count = count
        bytes.withUnsafeMutableBytes { bytes in
            flow.client.withPointer { name, size in
                let name = UnsafeMutableRawBufferPointer(
                    start: UnsafeMutableRawPointer(mutating: name), count: Int(size))
                let payload = UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
                _ = withMessage(payload, name: name, controlSize: PacketInfo.size(flow.local.family)) { message in
                    PacketInfo(address: flow.local, link: flow.link).write(to: message.msg_control)
                    return sendmsg(socket, &message, CInt(MSG_NOSIGNAL))
                }
            }
        }
    }
}

/// Calls `body` with a message of one part, with zeroed room for control data.
private func withMessage(
    _ payload: UnsafeMutableRawBufferPointer, name: UnsafeMutableRawBufferPointer, controlSize: Int,
    _ body: (inout msghdr) -> Int
) -> Int {
    var part = iovec(iov_base: payload.baseAddress, iov_len: payload.count)
    return withUnsafeMutablePointer(to: &part) { part in
        withUnsafeTemporaryAllocation(byteCount: controlSize, alignment: MemoryLayout<cmsghdr>.alignment) { control in
            control.initializeMemory(as: UInt8.self, repeating: 0)
            var message = msghdr()
            message.msg_name = name.baseAddress
            message.msg_namelen = socklen_t(name.count)
            message.msg_iov = part
            message.msg_iovlen = 1
            message.msg_control = control.baseAddress
            message.msg_controllen = control.count
            return body(&message)
        }
    }
}
