import NetworkVocabulary
import Packets
import Testing

/// Tcpdump reads our files and says what is in them, in its own words.
@Suite struct TcpdumpTests {
    static let said = [
        ("tcp 10.1.1.10:40000 > 198.51.100.1:7 SEW seq 5", "10.1.1.10.40000 > 198.51.100.1.7: Flags [SEW]"),
        ("tcp 10.1.1.10:40000 > 198.51.100.1:7 FP. len 3", "10.1.1.10.40000 > 198.51.100.1.7: Flags [FP.]"),
        ("tcp 10.1.1.10:40000 > 198.51.100.1:7 none", "10.1.1.10.40000 > 198.51.100.1.7: Flags [none]"),
        ("tcp [2001:db8::10]:40000 > [2001:db8::1]:7 R.U", "2001:db8::10.40000 > 2001:db8::1.7: Flags [R.U]"),
        ("tcp * > * S mss 1380", "options [mss 1380]"),
        ("udp 10.1.1.10:1053 > 10.1.1.1:99 len 9", "10.1.1.10.1053 > 10.1.1.1.99: [udp sum ok] UDP, length 9"),
        ("udp * > 10.1.1.1:99 bad-checksum", "[bad udp cksum 0x0101"),
        ("tcp * > * S bad-checksum", "cksum 0x0101 (incorrect ->"),
        ("tcp * > * S", "(correct), seq 0"), ("udp * > * bad-ip-checksum", "bad cksum 101 (->"),
        ("icmp 10.1.1.10 > 10.1.1.1 echo request id 7 seq 9", "10.1.1.10 > 10.1.1.1: ICMP echo request, id 7, seq 9"),
        ("icmp * > * bad-checksum", "(wrong icmp cksum 101 (->"),
        ("icmp * > * time-exceeded transit { udp 10.1.1.10:1 > 10.1.1.1:2 }", "ICMP time exceeded in-transit"),
        (
            "icmp * > * unreachable port { udp 10.1.1.10:1 > 10.1.1.1:99 }",
            "ICMP 10.1.1.1 udp port 99 unreachable"
        ),
        (
            "icmp * > * unreachable frag-needed mtu 1400 { udp 10.1.1.10:1 > 10.1.1.1:2 }",
            "ICMP 10.1.1.1 unreachable - need to frag (mtu 1400)"
        ),
        (
            "icmp * > * unreachable host-prohibited { udp 10.1.1.10:1 > 10.1.1.1:2 }",
            "host 10.1.1.1 unreachable - admin prohibited"
        ),
        ("icmp * > * redirect net { udp 10.1.1.10:1 > 10.1.1.1:2 }", "ICMP redirect 10.1.1.1 to net"),
        (
            "icmp6 2001:db8::1 > 2001:db8::a too-big mtu 1280 { udp [2001:db8::a]:1 > [2001:db8::b]:2 }",
            "[icmp6 sum ok] ICMP6, packet too big, mtu 1280"
        ),
        (
            "icmp6 * > * unreachable address { udp [2001:db8::a]:1 > [2001:db8::b]:2 }",
            "unreachable address 2001:db8::b"
        ),
        (
            "icmp6 * > ff02::1:ff00:1 neighbor-solicitation target fe80::1",
            "neighbor solicitation, length 32, who has fe80::1"
        ),
        ("icmp6 * > * neighbor-advertisement target fe80::1", "tgt is fe80::1, Flags [solicited, override]"),
        ("arp who-has 10.1.1.1 tell 10.1.1.10", "Request who-has 10.1.1.1 tell 10.1.1.10, length 28"),
        ("arp 10.1.1.1 is-at 02:00:00:00:00:07", "Reply 10.1.1.1 is-at 02:00:00:00:00:07, length 28"),
        ("vlan 100 prio 3 udp * > 10.1.1.1:99", "vlan 100, p 3, ethertype IPv4"),
        ("svlan 7 vlan 8 udp * > 10.1.1.1:99", "ethertype 802.1Q-QinQ (0x88a8), length 50: vlan 7, p 0"),
        ("ip 10.1.1.10 > 10.1.1.1 proto udp ipid 4 frag 1480+ len 16", "id 4, offset 1480, flags [+], proto UDP"),
        ("ip 2001:db8::a > 2001:db8::b proto udp ipid 4 frag 1480 len 8", "frag (0x00000004:1480|8)"),
        ("udp * > * ttl 7 tos 16 df", "(tos 0x10, ttl 7, id 0, offset 0, flags [DF]"),
        ("udp 10.1.1.10:1 > 10.1.1.1:4789 vxlan 77 { arp who-has 1.1.1.1 }", "VXLAN, flags [I] (0x08), vni 77"),
        ("tcp * > * S from 02:00:00:00:00:08 to 02:00:00:00:00:09", "02:00:00:00:00:08 > 02:00:00:00:00:09"),
    ]

    @Test func `frames made from lines are what tcpdump says they are, in pcap and in pcapng`() throws {
        var pcap = PcapWriter()
        var pcapng = PcapngWriter()
        pcapng.add(CaptureInterface(name: "guest0"))
        for (line, _) in Self.said {
            let frame = try PacketPattern(parsing: line).frame(PacketLineTests.defaults)
            let packet = CapturedPacket(
                time: CaptureTime(seconds: 1, nanoseconds: 123_456_789), bytes: frame.bytes, comments: ["of \(line)"])
            pcap.write(packet)
            pcapng.write(packet)
        }
        for file in [pcap.take(), pcapng.take()] {
            try CaptureTests.withFile(file) { path in
                let text = try Dissector.run("/usr/bin/tcpdump", ["-nn", "-e", "-vv", "-tt", "--nano", "-r", path])
                // What does not begin with a time goes on with the packet before it.
                let packets = text.split(separator: "\n").reduce(into: [String]()) { packets, line in
                    if line.hasPrefix("1.123456789 ") || packets.isEmpty {
                        packets.append(String(line))
                    } else {
                        packets[packets.count - 1] += " " + line
                    }
                }
                #expect(packets.count == Self.said.count)
                for ((line, words), packet) in zip(Self.said, packets) {
                    #expect(packet.contains(words), "\(line)")
                }
            }
        }
    }
}
