import NetworkVocabulary
import Packets
import Testing

/// Frames rewritten where they lie, beside scapy, which builds the same packets anew.
@Suite struct `Rewriting of addresses` {
    @Test func `gives the bytes that scapy builds with the other addresses`() throws {
        var rewriter = FrameRewriter()
        rewriter.source = MACAddress(2, 0, 0, 0, 0, 0x51)
        rewriter.destination = MACAddress(2, 0, 0, 0, 0, 0x52)
        rewriter.addresses = [
            .v4(IPv4Address(10, 1, 1, 10)): .v4(IPv4Address(172, 16, 255, 1)),
            .v4(IPv4Address(198, 51, 100, 1)): .v4(IPv4Address(203, 0, 113, 9)),
            .v6(try #require(IPv6Address("2001:db8::10"))): .v6(try #require(IPv6Address("fd00::ffff"))),
        ]
        let lines = try Dissector.python(Self.script).split(separator: "\n")
        #expect(lines.count > 20)
        for line in lines {
            let parts = line.split(separator: " ")
            var bytes = try Dissector.bytes(parts[0])
            rewriter.rewrite(&bytes)
            #expect(bytes == (try Dissector.bytes(parts[1])), "\(parts[0])")
        }
    }

    @Test func `leaves a wrong checksum wrong, and what is cut off alone`() throws {
        var rewriter = FrameRewriter()
        rewriter.addresses = [.v4(IPv4Address(10, 1, 1, 10)): .v4(IPv4Address(10, 1, 1, 11))]
        let line = try PacketPattern(parsing: "udp 10.1.1.10:5000 > 198.51.100.1:53 bad-checksum bad-ip-checksum")
        let defaults = PacketDefaults(
            source: MACAddress(2, 0, 0, 0, 0, 1), destination: MACAddress(2, 0, 0, 0, 0, 2), sourceAddresses: [])
        let whole = try line.frame(defaults, bindings: [:]).bytes
        for length in 0...whole.count {
            var bytes = Array(whole.prefix(length))
            rewriter.rewrite(&bytes)
            #expect(bytes.count == length)
            guard length == whole.count else { continue }
            let frame = try Frame(parsing: bytes)
            #expect(frame.line(.checksums).contains("bad-checksum bad-ip-checksum") || frame.checksumFaults.count == 2)
            #expect("\(try #require(frame.ip).source)" == "10.1.1.11")
        }
    }

    /// Of random bytes too an outline is what a whole reading finds, and never more.
    @Test func `an outline agrees with a whole reading`() throws {
        let lines = try Dissector.python(ScapyTests.script, "1000").split(separator: "\n")
        for line in lines {
            let bytes = try Dissector.bytes(line.split(separator: " ")[0])
            let frame = try Frame(parsing: bytes)
            let outline = try #require(FrameOutline(bytes))
            #expect(outline.etherType == frame.etherType)
            #expect(outline.family == frame.ip?.source.family)
            guard let ip = frame.ip else { continue }
            #expect(outline.number == ip.protocol.number)
            let ports = outline.ports(bytes.span.bytes)
            #expect(ports?.source == ip.ports?.source && ports?.destination == ip.ports?.destination, "\(line)")
            #expect(bytes.count - outline.end == frame.trailer.count)
        }
    }

    /// Each packet twice: as it is, and as it is with the other addresses.
    private static let script = """
        from scapy.all import *
        a, b = ("10.1.1.10", "172.16.255.1"), ("198.51.100.1", "203.0.113.9")
        c, d = ("2001:db8::10", "fd00::ffff"), ("2001:db8::99", "2001:db8::99")
        m, n = ("02:00:00:00:00:01", "02:00:00:00:00:51"), ("02:00:00:00:00:02", "02:00:00:00:00:52")
        def eth(i): return Ether(src=m[i], dst=n[i])
        bodies = [lambda: TCP(sport=40000, dport=80, flags="S")/b"hello", lambda: UDP(sport=5000, dport=53)/b"odd",
                  lambda: UDP(sport=0, dport=0), lambda: ICMP(id=7)/b"echo", lambda: GRE()/b"x"]
        makes = []
        for body in bodies:
            makes.append(lambda i, body=body: eth(i)/IP(src=a[i], dst=b[i], id=9)/body())
            makes.append(lambda i, body=body: eth(i)/IP(src=b[i], dst=a[i], id=9, options=[IPOption(b"\\x07\\x07\\x04\\0\\0\\0\\0")])/body())
            makes.append(lambda i, body=body: eth(i)/Dot1Q(vlan=100)/IP(src=a[i], dst="192.0.2.1", ttl=3)/body())
        for body in bodies[:2]:
            makes.append(lambda i, body=body: eth(i)/IPv6(src=c[i], dst=d[i])/body())
            makes.append(lambda i, body=body: eth(i)/IPv6(src=d[i], dst=c[i])/IPv6ExtHdrDestOpt()/body())
        makes.append(lambda i: eth(i)/IPv6(src=c[i], dst=d[i])/ICMPv6EchoRequest(id=1))
        makes.append(lambda i: eth(i)/IP(src=a[i], dst=b[i], frag=3)/Raw(b"12345678"))
        makes.append(lambda i: eth(i)/ARP(op=1, hwsrc=m[i], psrc=a[i], pdst=b[i]))
        makes.append(lambda i: eth(i)/IP(src=b[i], dst=a[i])/ICMP(type=3, code=3)/IP(src=a[i], dst=b[i], chksum=None)/Raw(b"\\x13\\x88\\0\\x35\\0\\x08\\0\\0"))
        for make in makes: print(bytes(make(0)).hex(), bytes(make(1)).hex())
        """
}
