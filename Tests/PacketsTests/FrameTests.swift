import NetworkVocabulary
import Packets
import TestSupport
import Testing

@Suite struct FrameTests {
    @Test(arguments: KernelFrames.all) func `what the kernel sent is written back byte for byte`(_ hex: String) throws {
        let bytes = try Dissector.bytes(hex)
        let frame = try Frame(parsing: bytes)
        #expect(frame.bytes == bytes)
        #expect(frame.fault == nil)
    }

    /// Tcpdump's words for the same frames, in the same order.
    @Test(arguments: [
        (KernelFrames.echoRequest, "icmp 127.0.0.1 > 127.0.0.1 echo request id 17938 seq 1 ttl 64 df len 8"),
        (KernelFrames.echoReply, "icmp 127.0.0.1 > 127.0.0.1 echo reply id 17938 seq 1 ttl 64 len 8"),
        (KernelFrames.echoRequest6, "icmp6 ::1 > ::1 echo request id 17939 seq 1 ttl 64 len 8"),
        (KernelFrames.datagram, "udp 127.0.0.1:37558 > 127.0.0.1:9 ttl 64 df len 2"),
        (
            KernelFrames.unreachable,
            "icmp 127.0.0.1 > 127.0.0.1 unreachable port { udp 127.0.0.1:37558 > 127.0.0.1:9 ttl 64 df } "
                + "ttl 64 tos 192 len 30"
        ),
        (
            KernelFrames.unreachable6,
            "icmp6 ::1 > ::1 unreachable port { udp [::1]:43054 > [::1]:9 ttl 64 } ttl 64 len 50"
        ),
        (KernelFrames.syn, "tcp 127.0.0.1:33272 > 127.0.0.1:9 S ttl 64 df"),
        (KernelFrames.reset, "tcp 127.0.0.1:9 > 127.0.0.1:33272 R. ttl 64 df"),
        (KernelFrames.syn6, "tcp [::1]:51412 > [::1]:9 S ttl 64"),
    ])
    func `what the kernel sent is described as tcpdump reads it`(_ hex: String, _ line: String) throws {
        #expect(try Frame(parsing: try Dissector.bytes(hex)).line(.ip) == line)
    }

    @Test func `sequence numbers, window and segment size are those tcpdump shows`() throws {
        #expect(
            try Frame(parsing: try Dissector.bytes(KernelFrames.syn)).line(.sequence)
                == "tcp 127.0.0.1:33272 > 127.0.0.1:9 S seq 907352657 win 65495 mss 65495")
        #expect(
            try Frame(parsing: try Dissector.bytes(KernelFrames.reset)).line(.sequence)
                == "tcp 127.0.0.1:9 > 127.0.0.1:33272 R. seq 0 ack 907352658 win 0")
    }

    @Test(
        arguments: [
            (KernelFrames.syn, [("tcp", 0xfe30, 0xb5aa)]), (KernelFrames.datagram, [("udp", 0xfe1d, 0x06af)]),
            (KernelFrames.syn6, [("tcp", 0x0030, 0x00fa)]), (KernelFrames.reset, []), (KernelFrames.echoRequest, []),
            (KernelFrames.unreachable, []), (KernelFrames.unreachable6, []),
        ] as [(String, [(String, UInt16, UInt16)])])
    func `checksums that the kernel left to hardware are faults, and the expected value is tcpdump's`(
        _ hex: String, _ faults: [(String, UInt16, UInt16)]
    ) throws {
        let found = try Frame(parsing: try Dissector.bytes(hex)).checksumFaults
        #expect(found.map(\.layer.rawValue) == faults.map(\.0))
        #expect(found.map(\.found) == faults.map(\.1))
        #expect(found.map(\.expected) == faults.map(\.2))
    }

    @Test func `an error's quoted packet is that which caused it`() throws {
        let error = try Frame(parsing: try Dissector.bytes(KernelFrames.unreachable))
        let cause = try Frame(parsing: try Dissector.bytes(KernelFrames.datagram))
        #expect(error.ip?.quoted == cause.ip)
        #expect(error.ip?.quoted?.ports?.source == 37558)
    }

    /// The same packet from its parts: lengths and checksums are ours, the bytes the kernel's.
    @Test func `a frame that is built has the kernel's lengths and checksums`() throws {
        let loopback = IPv4Address(127, 0, 0, 1)
        let none = MACAddress(0, 0, 0, 0, 0, 0)
        let reset = TCPSegment(
            source: 9, destination: 33272, acknowledgment: 907_352_658, flags: [.rst, .ack], window: 0)
        let packet = IPv4Packet(source: loopback, destination: loopback, flags: .dontFragment, body: .tcp(reset))
        let frame = Frame(destination: none, source: none, body: .ipv4(packet))
        #expect(Dissector.hex(frame.bytes) == KernelFrames.reset)
        #expect(try Frame(parsing: frame.bytes) == frame)
        let echo = ICMPMessage(type: 128, rest: 17939 << 16 | 1, payload: Array(0..<8))
        let one = IPv6Address(high: 0, low: 1)
        let packet6 = IPv6Packet(source: one, destination: one, flowLabel: 0x39f37, body: .icmpv6(echo))
        #expect(
            Dissector.hex(Frame(destination: none, source: none, body: .ipv6(packet6)).bytes)
                == KernelFrames.echoRequest6)
    }

    @Test func `wrong lengths and checksums are sent as they are asked for, and found again`() throws {
        var frame = try Frame(parsing: try Dissector.bytes(KernelFrames.echoRequest))
        guard case .ipv4(var packet) = frame.body, case .icmp(var message) = packet.body else {
            Issue.record("not an echo")
            return
        }
        packet.headerChecksum = .forced(0xdead)
        message.checksum = .forced(0xbeef)
        packet.body = .icmp(message)
        frame.body = .ipv4(packet)
        #expect(try Frame(parsing: frame.bytes) == frame)
        #expect(
            frame.checksumFaults.map(\.description) == [
                "ipv4 0xdead, should be 0x5493", "icmp 0xbeef, should be 0xa5dc",
            ]
        )
        packet.totalLength = .forced(1000)
        frame.body = .ipv4(packet)
        #expect(Dissector.hex(frame.bytes).contains("450003e8"))
        #expect(try Frame(parsing: frame.bytes).ip?.isWhole == false)
    }

    @Test(arguments: [
        ("", "ethernet at offset 0 needs 14 bytes, has 0"),
        ("0000000000000000000000008100000108004500", "ipv4 at offset 18 needs 20 bytes, has 2"),
        ("000000000000000000000000810000", "vlan at offset 14 needs 4 bytes, has 1"),
        ("0000000000000000000000000806000108000604", "arp at offset 14 needs 8 bytes, has 6"),
        ("00000000000000000000000008060001080006040001", "arp at offset 14 needs 28 bytes, has 8"),
    ])
    func `bytes that end too early say in which layer, and where`(_ hex: String, _ fault: String) throws {
        let bytes = try Dissector.bytes(hex)
        var found: PacketFault?
        do throws(PacketFault) { found = try Frame(parsing: bytes).fault } catch { found = error }
        #expect(found?.description == fault)
    }

    @Test(
        arguments: [
            (14, 0x55, "ipv4 at offset 14 says it is version 5"),
            (14, 0x44, "ipv4 at offset 14 says its header has 16 bytes"),
            (14, 0x4f, "ipv4 at offset 14 needs 60 bytes, has 40"),
            (17, 19, "ipv4 at offset 14 says it has 19 bytes in all"),
            (17, 39, "tcp at offset 34 needs 20 bytes, has 19"),
            (46, 0x40, "tcp at offset 34 says its header has 16 bytes"),
            (46, 0x60, "tcp at offset 34 needs 24 bytes, has 20"),
        ] as [(Int, UInt8, String)])
    func `headers that contradict themselves are kept with the reason`(
        _ offset: Int, _ value: UInt8, _ fault: String
    ) throws {
        var bytes = try Dissector.bytes(KernelFrames.reset)
        bytes[offset] = value
        let frame = try Frame(parsing: bytes)
        #expect(frame.fault?.description == fault)
        #expect(frame.description.hasSuffix("malformed"))
        #expect(frame.bytes.prefix(14) == bytes.prefix(14))
        #expect(frame.bytes.count == bytes.count)
    }

    @Test func `no truncation and no changed bit ends the process, and what is well-formed is written back`() throws {
        var samples = try KernelFrames.all.map { try Dissector.bytes($0) }
        for line in PacketLineTests.lines where !line.contains("any") && !line.contains("$") {
            samples.append(try PacketPattern(parsing: line).frame(PacketLineTests.defaults).bytes)
        }
        var generator = SeededGenerator(seed: 21)
        for sample in samples {
            for count in 0..<sample.count { try Self.probe(Array(sample[..<count])) }
            for bit in 0..<sample.count * 8 {
                var changed = sample
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
                try Self.probe(changed)
            }
            for _ in 0..<200 {
                var changed = sample
                for _ in 0..<4 { changed[Int.random(in: 12..<changed.count, using: &generator)] = generator.next() }
                try Self.probe(changed)
            }
        }
    }

    static func probe(_ bytes: [UInt8]) throws {
        guard let frame = try? Frame(parsing: bytes) else {
            #expect(bytes.count < 14)
            return
        }
        #expect(bytes.count >= 14)
        let written = frame.bytes
        #expect(written.count == bytes.count)
        if frame.fault == nil { #expect(written == bytes, "\(Dissector.hex(bytes))") }
        let again = try Frame(parsing: written)
        #expect(again.checksumFaults == frame.checksumFaults)
        let pattern = try PacketPattern(parsing: frame.line(.everything))
        #expect(pattern.matches(frame), "\(pattern) \(Dissector.hex(bytes))")
        if case .udp(let datagram)? = frame.ip?.body, let vxlan = try? VXLANPacket(parsing: datagram.payload) {
            #expect(vxlan.bytes == datagram.payload)
            _ = try? vxlan.frame()
        }
        _ = frame.ip?.quoted?.ports
    }

    @Test func `payloads beyond every length field are written without a trap`() {
        let large = [UInt8](repeating: 1, count: 200_000)
        let any4 = IPv4Address(10, 0, 0, 1)
        let any6 = IPv6Address(high: 0, low: 1)
        let mac = MACAddress(2, 0, 0, 0, 0, 1)
        let transports: [Transport] = [
            .tcp(TCPSegment(source: 1, destination: 2, flags: .ack, options: large, payload: large)),
            .udp(UDPDatagram(source: 1, destination: 2, payload: large)),
            .icmp(ICMPMessage(type: 8, payload: large)), .icmpv6(ICMPMessage(type: 128, payload: large)),
            .other(large),
        ]
        for body in transports {
            let v4 = IPv4Packet(source: any4, destination: any4, fragmentOffset: .max, options: large, body: body)
            let v6 = IPv6Packet(
                source: any6, destination: any6, flowLabel: .max,
                extensions: [IPv6Extension(number: 60, content: large)], body: body)
            for packet in [Frame.Body.ipv4(v4), .ipv6(v6)] {
                #expect(Frame(destination: mac, source: mac, body: packet).bytes.count > 200_000)
            }
        }
    }
}
