import Foundation
import NetworkVocabulary
import Packets
import TestSupport
import Testing

@Suite struct CaptureTests {
    static let packets: [CapturedPacket] = (0..<40).map { number in
        var generator = SeededGenerator(seed: UInt64(number))
        let bytes = (0..<Int.random(in: 14...90, using: &generator)).map { _ in generator.next() as UInt8 }
        return CapturedPacket(
            interface: number % 3,
            time: CaptureTime(seconds: 1_700_000_000 + Int64(number), nanoseconds: UInt32(number) * 7_654_321),
            bytes: bytes, originalLength: number % 5 == 0 ? 1500 : nil,
            comments: number % 4 == 0 ? ["packet \(number)", "größer\n"] : [])
    }

    static let pcapng: [UInt8] = {
        var writer = PcapngWriter()
        for name in ["guest0", "public0", "x"] {
            writer.add(CaptureInterface(snapLength: 262_144, name: name, comments: ["of a test"]))
        }
        for packet in packets { writer.write(packet) }
        return writer.take()
    }()

    static let pcap: [UInt8] = {
        var writer = PcapWriter()
        for packet in packets { writer.write(packet) }
        return writer.take()
    }()

    static func file(_ format: String) -> [UInt8] { format == "pcap" ? pcap : pcapng }

    @Test func `what is written to pcapng is read back whole`() {
        let (packets, interfaces, fault) = CaptureReader.packets(in: Self.pcapng)
        #expect(fault == nil)
        #expect(packets == Self.packets)
        #expect(interfaces.map(\.name) == ["guest0", "public0", "x"])
        #expect(interfaces.allSatisfy { $0.comments == ["of a test"] && $0.linkType == 1 })
    }

    @Test func `what is written to pcap is read back but for interfaces and comments`() {
        let (packets, _, fault) = CaptureReader.packets(in: Self.pcap)
        #expect(fault == nil)
        #expect(packets.map(\.bytes) == Self.packets.map(\.bytes))
        #expect(packets.map(\.time) == Self.packets.map(\.time))
        #expect(packets.map(\.originalLength) == Self.packets.map(\.originalLength))
    }

    @Test(arguments: ["pcap", "pcapng"]) func `bytes may come one at a time`(_ format: String) throws {
        let file = Self.file(format)
        var reader = CaptureReader()
        var packets: [CapturedPacket] = []
        for byte in file {
            reader.append([byte])
            while let packet = try reader.next() { packets.append(packet) }
        }
        try reader.finish()
        #expect(packets == CaptureReader.packets(in: file).packets)
        #expect(reader.offset == file.count)
    }

    @Test(arguments: ["pcap", "pcapng"]) func `a file that is cut off gives what came before the cut`(_ format: String)
    {
        let file = Self.file(format)
        let whole = CaptureReader.packets(in: file).packets
        var clean = 0
        for count in 0..<file.count {
            let (packets, _, fault) = CaptureReader.packets(in: Array(file[..<count]))
            #expect(packets == Array(whole.prefix(packets.count)))
            guard let fault else {
                clean += 1
                continue
            }
            #expect(fault.offset <= count)
            if case .truncated(let needed, let available) = fault.reason {
                #expect(available < needed && fault.offset + available == count)
            } else {
                Issue.record("\(fault)")
            }
        }
        // Between two blocks nothing is missing.
        #expect(clean >= whole.count)
    }

    @Test(arguments: ["pcap", "pcapng"]) func `no changed bit ends the process or moves a fault outside the file`(
        _ format: String
    ) {
        let file = Array(Self.file(format).prefix(800))
        for bit in 0..<file.count * 8 {
            var changed = file
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            let (packets, _, fault) = CaptureReader.packets(in: changed)
            #expect(packets.count <= Self.packets.count)
            #expect((fault?.offset ?? 0) <= file.count)
        }
    }

    @Test func `a fault stays, whatever comes after it`() throws {
        var reader = CaptureReader()
        reader.append(Self.pcap.prefix(30))
        #expect(try reader.next() == nil)
        let first = try #require(throws: CaptureFault.self) { try reader.finish() }
        #expect(first.description == "capture damaged at offset 24: ends after 6 of 16 bytes")
        reader.append(Self.pcap.dropFirst(30))
        #expect(throws: first) { try reader.next() }
    }

    /// The pcapng of the draft, put together by hand: a section, an interface that counts in 2^-10
    /// seconds from a second before 1970, a packet at tick 1536, and a simple one.
    @Test func `the other byte order, odd clocks and simple packets are read`() throws {
        let file = try Dissector.bytes(
            """
            0a0d0d0a 0000001c 1a2b3c4d 00010000 ffffffffffffffff 0000001c
            00000001 00000030 00010000 00000003 00020002 61620000 00090001 8a000000 000e0008 ffffffffffffffff 00000030
            00000006 00000024 00000000 00000000 00000600 00000002 00000009 abcd0000 00000024
            00000003 00000014 00000009 01020300 00000014
            """)
        let (packets, interfaces, fault) = CaptureReader.packets(in: file)
        #expect(fault == nil)
        #expect(interfaces.map(\.name) == ["ab"])
        #expect(
            packets == [
                CapturedPacket(
                    time: CaptureTime(seconds: 0, nanoseconds: 500_000_000), bytes: [0xab, 0xcd], originalLength: 9),
                CapturedPacket(time: nil, bytes: [1, 2, 3], originalLength: 9),
            ])
    }

    static let section = "0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000"

    @Test(
        arguments: [
            ("\(section) 00000000 00000000 00000000", "28: impossible length 0"),
            ("\(section) 00000000 0d000000 00000000", "28: impossible length 13"),
            ("\(section) 01000000 fcffffff 00000000", "28: 4294967292 bytes, more than the limit of 1048576"),
            ("\(section) 05000000 fcffffff 00000000", "28: ends after 12 of 4294967292 bytes"),
            ("\(section) 01000000 0c000000 0c000000", "28: impossible length 12"),
            (
                "\(section) 01000000 14000000 01000000 00000000 18000000",
                "28: length 20 at the start and 24 at the end"
            ),
            (
                "\(section) 03000000 10000000 00000000 10000000",
                "28: packet of interface 0, which was not described"
            ),
            (
                "\(section) 01000000 1c000000 0100000000000000 09000100 ff000000 1c000000",
                "28: unknown time resolution 0xff"
            ),
            (
                "\(section) 01000000 18000000 0100000000000000 02000800 18000000",
                "28: option 2 of 8 bytes, which cannot be"
            ),
            ("0a0d0d0a1c0000004d3c2b1a02000000ffffffffffffffff1c000000", "0: unknown version 2.0"),
            ("0a0d0d0a1c0000004d3c2b1b", "0: 0x4d3c2b1b starts neither pcap nor pcapng"),
            ("a1b2c3d4 00030000 0000000000000000 0000000000000000", "0: unknown version 3.0"),
            (
                "d4c3b2a1 02000400 0000000000000000 0000000001000000 0000000000000000 ffffffff 00000000",
                "24: 4294967295 bytes, more than the limit of 1048576"
            ),
            ("", "0: ends after 0 of 4 bytes"),
        ] as [(String, String)])
    func `damage is named with its offset`(_ hex: String, _ fault: String) throws {
        let found = CaptureReader.packets(in: try Dissector.bytes(hex))
        #expect(found.packets == [])
        #expect(found.fault?.description == "capture damaged at offset \(fault)")
    }

    @Test func `a million empty blocks, and interfaces without end, keep the reader small`() throws {
        var reader = CaptureReader(limit: 4096)
        reader.append(try Dissector.bytes(Self.section))
        let empty = try Dissector.bytes("050000000c0000000c000000")
        let thousand = [[UInt8]](repeating: empty, count: 1000).flatMap { $0 }
        for _ in 0..<1000 {
            reader.append(thousand)
            #expect(try reader.next() == nil)
        }
        #expect(reader.offset == 28 + 12_000_000)
        let interface = try Dissector.bytes("0100000014000000" + "0100000000000000" + "14000000")
        for _ in 0..<CaptureReader.interfaceLimit { reader.append(interface) }
        #expect(try reader.next() == nil)
        reader.append(interface)
        #expect(throws: CaptureFault.self) { try reader.next() }
    }

    @Test func `files that scapy writes, of either order and resolution, are read`() throws {
        let script = """
            import sys
            from scapy.all import *
            p = [Ether(src="02:00:00:00:00:01") / Raw(b"x" * (20 + n)) for n in range(10)]
            for n, q in enumerate(p): q.time = 1700000000 + n + n / 1024
            wrpcap(sys.argv[1], p, endianness=sys.argv[2], nano=sys.argv[3] == "nano")
            """
        for (order, resolution) in [("<", "micro"), (">", "micro"), ("<", "nano"), (">", "nano")] {
            try Self.withFile([]) { path in
                _ = try Dissector.python(script, path, order, resolution)
                let (packets, interfaces, fault) = CaptureReader.packets(
                    in: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
                #expect(fault == nil)
                #expect(interfaces.map(\.linkType) == [1])
                #expect(packets.map(\.bytes.count) == (34..<44).map { $0 })
                for (number, packet) in packets.enumerated() {
                    // Microseconds are all that both have; 1/1024 of a second has ten digits.
                    #expect(packet.time?.seconds == 1_700_000_000 + Int64(number))
                    let microseconds = Int((packet.time?.nanoseconds ?? 0) / 1000)
                    #expect(abs(microseconds - number * 1_000_000 / 1024) <= 1)
                }
            }
        }
    }

    static func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString).pcap")
        defer { try? FileManager.default.removeItem(at: url) }
        try Data(bytes).write(to: url)
        try body(url.path)
    }
}
