import Foundation
import NetworkVocabulary
import Testing

@testable import LinuxKernel

/// Messages recorded from the kernel, with what the `conntrack` tool said of the same entries.
@Suite struct `A recorded connection` {
    @Test func `reads as conntrack read it`() throws {
        let flow = try #require(read(forwarded))
        #expect(
            line(of: flow)
                == "6 src=10.1.1.10 dst=203.0.113.5 sport=40000 dport=80 packets=4 bytes=221 src=10.1.2.20 "
                + "dst=10.1.1.10 sport=8080 dport=40000 packets=3 bytes=164 id=3318012828 mark=301989988 zone=7")
        #expect(flow.isAssured && flow.isDestinationTranslated && flow.isConfirmed && flow.hasSeenReply)
        #expect(!flow.isSourceTranslated && !flow.isDying)
        #expect(flow.timeout == 59)
        #expect(
            try line(of: #require(read(echo)))
                == "58 src=::1 dst=::1 type=128 code=0 id=31226 packets=1 bytes=104 src=::1 dst=::1 type=129 code=0 "
                + "id=31226 packets=1 bytes=104 id=3390714623 mark=0")
    }

    @Test(arguments: [forwarded, echo])
    func `cut off anywhere is no connection, or the same one with less known of it`(message: [UInt8]) throws {
        let whole = try #require(read(message))
        for length in 0..<message.count {
            guard let flow = read(Array(message[..<length])) else { continue }
            #expect(flow.original == whole.original && flow.reply == whole.reply)
            #expect(length >= 4 + 2 * 52)
        }
    }

    /// The reader may find another connection or none; it may not trap or read past the end.
    @Test(arguments: [forwarded, echo])
    func `with any bit turned is read without harm`(message: [UInt8]) {
        var others = 0
        for bit in 0..<message.count * 8 {
            var bent = message
            bent[bit / 8] ^= 1 << UInt8(bit % 8)
            if read(bent) != read(message) { others += 1 }
            // Also where the buffer ends with the message's last byte but one.
            _ = read(bent.dropLast())
        }
        #expect(others > message.count)
    }

    @Test func `of two families, or without one direction, is none`() {
        let reply = 4 + 52
        #expect(read(Array(forwarded[..<reply])) == nil)
        #expect(read(Array(forwarded[..<4]) + forwarded[reply...]) == nil)
        #expect(read(Array(forwarded[..<reply]) + echo[(4 + 84)...]) == nil)
        #expect(read([]) == nil)
    }

    @Test func `needs a module, and its absence names it`() {
        // What a kernel without the subsystem answers.
        let refusal = KernelError(operation: "count connections", object: "", errno: EINVAL)
        let named = ConntrackSocket.namingModule(refusal)
        #expect(named.isUnsupported)
        #expect(named.description.contains("nf_conntrack_netlink"))
        let other = KernelError(operation: "count connections", object: "", errno: EPERM)
        #expect(ConntrackSocket.namingModule(other) == other)
    }
}

private func read(_ message: [UInt8]) -> Flow? { message.withUnsafeBytes { Flow(conntrack: $0) } }

private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.filter(\.isHexDigit)
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(digits.dropFirst($0).prefix(2), radix: 16) }
}

/// TCP through a destination translation, in zone 7, marked and counted.
private let forwarded = bytes(
    """
    02000000
    34000180 14000180 08000100 0a01010a 08000200 cb007105 1c000280 05000100 06000000 06000200 9c400000 06000300 00500000
    34000280 14000180 08000100 0a010214 08000200 0a01010a 1c000280 05000100 06000000 06000200 1f900000 06000300 9c400000
    06001200 00070000 08000300 000001ae 08000800 12000064 08000c00 c5c4db9c 08000b00 00000001 08000700 0000003b
    30000480 2c000180 05000100 05000000 05000200 0a000000 05000300 0a000000 06000400 23000000 06000500 27000000
    1c000980 0c000100 0000000000000004 0c000200 00000000000000dd
    1c000a80 0c000100 0000000000000003 0c000200 00000000000000a4
    10001480 0c000100 18e9d2cb6ef2c25c
    """)

/// An echo over IPv6 and its answer.
private let echo = bytes(
    """
    0a000000
    54000180 2c000180 14000300 00000000000000000000000000000001 14000400 00000000000000000000000000000001
    24000280 05000100 3a000000 06000700 79fa0000 05000800 80000000 05000900 00000000
    54000280 2c000180 14000300 00000000000000000000000000000001 14000400 00000000000000000000000000000001
    24000280 05000100 3a000000 06000700 79fa0000 05000800 81000000 05000900 00000000
    08000300 0000000a 08000800 00000000 08000c00 ca1a32ff 08000b00 00000001 08000700 0000001d
    1c000980 0c000100 0000000000000001 0c000200 0000000000000068
    1c000a80 0c000100 0000000000000001 0c000200 0000000000000068
    """)
