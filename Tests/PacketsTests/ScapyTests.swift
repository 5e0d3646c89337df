import NetworkVocabulary
import Packets
import Testing

/// Random frames built, and then read again, by scapy: an implementation that shares nothing with ours.
@Suite struct ScapyTests {
    @Test func `thousands of frames are read as scapy reads them, and written back byte for byte`() throws {
        let lines = try Dissector.python(Self.script, "3000").split(separator: "\n")
        #expect(lines.count == 3000)
        var kinds: [Substring: Int] = [:]
        for line in lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            let bytes = try Dissector.bytes(parts[0])
            let frame = try Frame(parsing: bytes)
            let words = Self.words(of: frame)
            #expect(words == String(parts[1]), "\(parts[0])")
            #expect(frame.bytes == bytes)
            #expect(frame.fault == nil)
            for detail in [PacketPattern.Detail(), .everything] {
                let pattern = try PacketPattern(parsing: frame.line(detail))
                #expect(pattern == PacketPattern(describing: frame, detail: detail))
                #expect(pattern.matches(frame), "\(frame.line(detail))")
            }
            for word in words.split(separator: " ") where !word.contains("=") { kinds[word, default: 0] += 1 }
        }
        for kind in ["tag", "arp", "ip4", "ip6", "ext", "tcp", "udp", "icmp", "icmp6", "fragment", "raw", "bad"] {
            #expect(kinds[kind[...], default: 0] > 50, "the generator must reach \(kind) to mean anything")
        }
    }

    /// The words the script prints, from our own reading.
    static func words(of frame: Frame) -> String {
        var words = ["dst=\(frame.destination)", "src=\(frame.source)"]
        for tag in frame.tags { words += ["tag", "type=\(tag.etherType)", "tci=\(tag.tci)"] }
        words.append("type=\(frame.etherType)")
        switch frame.body {
        case .arp(let arp):
            words += ["arp", "op=\(arp.operation)", "\(arp.senderMAC)=\(arp.senderAddress)"]
            words += ["\(arp.targetMAC)=\(arp.targetAddress)"]
        case .ipv4(let ip):
            words += ["ip4", "tos=\(ip.tos)", "id=\(ip.identification)", "flags=\(ip.flags.rawValue)"]
            words += ["frag=\(ip.fragmentOffset)", "ttl=\(ip.ttl)", "proto=\(ip.protocol.number)"]
            words += ["src=\(ip.source)", "dst=\(ip.destination)", "options=\(Dissector.hex(ip.options))"]
        case .ipv6(let ip):
            words += ["ip6", "tc=\(ip.trafficClass)", "fl=\(ip.flowLabel)", "hlim=\(ip.hopLimit)"]
            words += ["src=\(ip.source)", "dst=\(ip.destination)"]
            for header in ip.extensions {
                words += ["ext", "nh=\(header.number)", "bytes=\(Dissector.hex(header.bytes))"]
            }
        case .other(let bytes): words += ["raw", "bytes=\(Dissector.hex(bytes))"]
        case .malformed: words.append("malformed")
        }
        switch frame.ip?.body {
        case .tcp(let tcp):
            words += ["tcp", "sport=\(tcp.source)", "dport=\(tcp.destination)", "seq=\(tcp.sequence)"]
            words += ["ack=\(tcp.acknowledgment)", "flags=\(tcp.flags.rawValue)", "win=\(tcp.window)"]
            words += ["urg=\(tcp.urgent)", "options=\(Dissector.hex(tcp.options))"]
        case .udp(let udp): words += ["udp", "sport=\(udp.source)", "dport=\(udp.destination)"]
        case .icmp(let icmp): words += ["icmp", "type=\(icmp.type)", "code=\(icmp.code)", "rest=\(icmp.rest)"]
        case .icmpv6(let icmp): words += ["icmp6", "type=\(icmp.type)", "code=\(icmp.code)", "rest=\(icmp.rest)"]
        case .fragment: words.append("fragment")
        case .other: words.append("raw")
        case .malformed: words.append("malformed")
        case nil: break
        }
        if let body = frame.ip?.body { words.append("payload=\(Dissector.hex(body.payload))") }
        for fault in frame.checksumFaults {
            words += ["bad", "\(fault.layer.rawValue)=\(fault.found)/\(fault.expected)"]
        }
        words.append("trailer=\(Dissector.hex(frame.trailer))")
        return words.joined(separator: " ")
    }

    /// Prints frames and their fields: the fields come from a second reading of the built bytes.
    static let script = #"""
        import random, sys, ipaddress
        from scapy.all import *
        from scapy.layers.inet6 import *
        random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 4)
        R = random
        def mac(): return ":".join("%02x" % R.randrange(256) for _ in range(6))
        def v4(): return str(ipaddress.IPv4Address(R.getrandbits(32)))
        def v6(): return str(ipaddress.IPv6Address(R.getrandbits(128)))
        def blob(most=64): return bytes(R.getrandbits(8) for _ in range(R.randrange(most)))
        def tcp():
            options = [[], [("MSS", 1460)], [("NOP", None), ("NOP", None), ("Timestamp", (R.getrandbits(32), 7))],
                       [("MSS", 1400), ("SAckOK", b""), ("WScale", 7)]]
            return TCP(sport=R.randrange(65536), dport=R.randrange(65536), seq=R.getrandbits(32),
                       ack=R.getrandbits(32), flags=R.getrandbits(9), window=R.randrange(65536),
                       urgptr=R.randrange(65536), options=R.choice(options)) / Raw(blob())
        def udp():
            return UDP(sport=R.choice([0, 65535, R.randrange(1024, 65536)]), dport=40000) / Raw(blob())
        def icmp():
            if R.random() < .5:
                return ICMP(type=R.choice([0, 8]), id=R.randrange(65536), seq=R.randrange(65536)) / Raw(blob())
            inner = IP(src=v4(), dst=v4(), ttl=9) / UDP(sport=1, dport=2) / Raw(blob())
            return ICMP(type=3, code=R.randrange(16)) / Raw(bytes(inner)[:28])
        def icmp6():
            return R.choice([ICMPv6EchoRequest(id=R.randrange(65536), seq=3, data=blob()),
                             ICMPv6ND_NS(tgt=v6()), ICMPv6PacketTooBig(mtu=1280) / Raw(blob()),
                             ICMPv6DestUnreach(code=4) / Raw(bytes(IPv6(src=v6(), dst=v6()) / udp()))])
        def ip4():
            p = IP(src=v4(), dst=v4(), tos=R.randrange(256), id=R.randrange(65536), ttl=R.randrange(256),
                   flags=R.choice([0, 2, 4]))
            if R.random() < .2: p.options = [IPOption_RR(routers=["0.0.0.0"] * R.randrange(1, 9))]
            kind = R.random()
            if kind < .1:
                p.flags, p.frag, p.proto = R.choice([(1, 0), (1, 8), (0, 185)]) + (17,)
                return p / Raw(blob())
            if kind < .2:
                p.proto = R.choice([47, 50, 89, 132, 253])
                return p / Raw(blob())
            return p / R.choice([tcp, udp, icmp])()
        def ip6():
            p = IPv6(src=v6(), dst=v6(), tc=R.randrange(256), fl=R.getrandbits(20), hlim=R.randrange(256))
            if R.random() < .2: p = p / IPv6ExtHdrHopByHop(options=[RouterAlert()])
            if R.random() < .2: p = p / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * R.randrange(12))])
            if R.random() < .2:
                p = p / IPv6ExtHdrFragment(nh=17, offset=R.choice([0, 3]), m=1, id=R.getrandbits(32))
                return p / Raw(blob())
            return p / R.choice([tcp, udp, icmp6])()
        def arp():
            return ARP(op=R.randrange(1, 5), hwsrc=mac(), psrc=v4(), hwdst=mac(), pdst=v4())
        def frame():
            p = Ether(dst=mac(), src=mac())
            for _ in range(R.choice([0, 0, 0, 1, 2])):
                p = p / R.choice([Dot1Q, Dot1AD])(vlan=R.randrange(4096), prio=R.randrange(8))
            kind = R.random()
            if kind < .05:
                p.lastlayer().type = R.choice([0x88cc, 0x88b5])
                return p / Raw(blob() + b"\0")
            return p / R.choice([ip4, ip4, ip6, ip6, arp])()

        def words(data):
            p = Ether(data)
            out = ["dst=" + p.dst, "src=" + p.src]
            kind, rest, at = p.type, p.payload, 14
            while isinstance(rest, Dot1Q):
                out += ["tag", "type=%d" % kind, "tci=%d" % int.from_bytes(data[at:at + 2], "big")]
                kind, rest, at = rest.type, rest.payload, at + 4
            out.append("type=%d" % kind)
            if isinstance(rest, ARP):
                out += ["arp", "op=%d" % rest.op, rest.hwsrc + "=" + rest.psrc, rest.hwdst + "=" + rest.pdst]
                return out, data[at + 28:]
            if not isinstance(rest, (IP, IPv6)):
                return out + ["raw", "bytes=" + data[at:].hex()], b""
            faults = []
            if isinstance(rest, IP):
                end, number = at + rest.len, rest.proto
                out += ["ip4", "tos=%d" % rest.tos, "id=%d" % rest.id, "flags=%d" % int(rest.flags),
                        "frag=%d" % rest.frag, "ttl=%d" % rest.ttl, "proto=%d" % number, "src=" + rest.src,
                        "dst=" + rest.dst, "options=" + data[at + 20:at + rest.ihl * 4].hex()]
                fragment = rest.frag or int(rest.flags) & 1
                right = IP(data[at:end]); del right.chksum
                right = IP(bytes(right)).chksum
                if right != rest.chksum: faults += ["bad", "ipv4=%d/%d" % (rest.chksum, right)]
                at += rest.ihl * 4
            else:
                end, number = at + 40 + rest.plen, rest.nh
                out += ["ip6", "tc=%d" % rest.tc, "fl=%d" % rest.fl, "hlim=%d" % rest.hlim,
                        "src=" + rest.src, "dst=" + rest.dst]
                at, fragment, h = at + 40, False, rest.payload
                while isinstance(h, (IPv6ExtHdrHopByHop, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment)):
                    size = 8 if isinstance(h, IPv6ExtHdrFragment) else (h.len + 1) * 8
                    out += ["ext", "nh=%d" % number, "bytes=" + data[at + 1:at + size].hex()]
                    if isinstance(h, IPv6ExtHdrFragment): fragment = True
                    number, at, h = h.nh, at + size, h.payload
            payload = data[at:end]
            if fragment: out += ["fragment", "payload=" + payload.hex()]
            elif number == 6:
                t = TCP(payload)
                out += ["tcp", "sport=%d" % t.sport, "dport=%d" % t.dport, "seq=%d" % t.seq, "ack=%d" % t.ack,
                        "flags=%d" % (int(t.flags) | int(t.reserved) << 9), "win=%d" % t.window,
                        "urg=%d" % t.urgptr, "options=" + payload[20:t.dataofs * 4].hex(),
                        "payload=" + payload[t.dataofs * 4:].hex()]
            elif number == 17:
                u = UDP(payload)
                out += ["udp", "sport=%d" % u.sport, "dport=%d" % u.dport, "payload=" + payload[8:u.len].hex()]
            elif number in (1, 58):
                out += ["icmp" if number == 1 else "icmp6", "type=%d" % payload[0], "code=%d" % payload[1],
                        "rest=%d" % int.from_bytes(payload[4:8], "big"), "payload=" + payload[8:].hex()]
            else: out += ["raw", "payload=" + payload.hex()]
            name = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6"}.get(number)
            if name and not fragment:
                offset = {6: 16, 17: 6, 1: 2, 58: 2}[number]
                found = int.from_bytes(payload[offset:offset + 2], "big")
                cleared = payload[:offset] + b"\0\0" + payload[offset + 2:]
                if number == 1: right = checksum(cleared)
                elif isinstance(rest, IP): right = in4_chksum(number, rest, cleared)
                else: right = in6_chksum(number, rest, cleared)
                if number == 17 and right == 0: right = 0xffff
                if found != right and not (number == 17 and found == 0 and isinstance(rest, IP)):
                    faults += ["bad", "%s=%d/%d" % (name, found, right)]
            return out + faults, data[end:]

        for _ in range(int(sys.argv[1])):
            data = bytes(frame())
            change = R.random()
            if change < .1 and len(data) > 60:
                # One bit of the last byte but one: the payload's, so that a checksum is wrong.
                data = data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]
            elif change < .2:
                data += b"\0" * R.randrange(20)
            fields, trailer = words(data)
            print(data.hex(), " ".join(fields), "trailer=" + trailer.hex())
        """#
}
