import NetworkVocabulary
import Packets
import TestSupport
import Testing

@Suite struct PacketLineTests {
    static let defaults = PacketDefaults(
        source: MACAddress(2, 0, 0, 0, 0, 1), destination: MACAddress(2, 0, 0, 0, 0, 2),
        sourceAddresses: [.v4(IPv4Address(10, 1, 1, 10)), .v6(IPv6Address(high: 0x2001_0db8 << 32, low: 10))],
        destinationAddresses: [.v4(IPv4Address(198, 51, 100, 1)), .v6(IPv6Address(high: 0x2001_0db8 << 32, low: 1))])

    /// Each is written as it is printed.
    static let lines = [
        "tcp 10.1.1.10:40000 > 198.51.100.1:7 S",
        "tcp [2001:db8::10]:40000 > [2001:db8::1]:7 S.",
        "tcp *:* > *:*",
        "tcp $a:$p > 10.1.1.1:* FRP.UEWe seq 1 ack 2 win 3 mss 1460 ttl 63 tos 16 ipid 77 df",
        "tcp 10.1.1.10:1 > 10.1.1.1:2 none no-df bad-ip-checksum bad-checksum",
        "udp 10.1.1.10:53 > *:*",
        "udp 10.1.1.10:53 > 10.1.1.1:53 from 02:00:00:00:00:01 to 02:00:00:00:00:02 len 5 payload \"a\\n\\\"\\\\b\"",
        "udp 10.1.1.10:53 > 10.1.1.1:53 payload 0x00ff",
        "udp 10.1.1.10:53 > 10.1.1.1:4789 vxlan 77 { vlan 5 tcp 1.1.1.1:1 > 2.2.2.2:2 . }",
        "icmp 10.1.1.10 > 203.0.113.10 echo request",
        "icmp 10.1.1.10 > 203.0.113.10 echo reply id $id seq 2 ttl 63",
        "icmp 10.1.1.1 > 10.1.1.10 unreachable port { udp 10.1.1.10:1024 > 10.1.1.1:9 }",
        "icmp 10.1.1.1 > 10.1.1.10 unreachable frag-needed mtu 1400 { ip 10.1.1.10 > 10.9.9.9 proto 47 }",
        "icmp 10.1.1.1 > 10.1.1.10 time-exceeded transit { icmp 10.1.1.10 > 10.9.9.9 echo request ttl 1 }",
        "icmp 10.1.1.1 > 10.1.1.10 type 3 code 99",
        "icmp 10.1.1.1 > 10.1.1.10 type $t code $c",
        "icmp6 fe80::1 > ff02::1:ff00:1 neighbor-solicitation target fe80::2 lladdr 02:00:00:00:00:01",
        "icmp6 2001:db8::1 > 2001:db8::10 too-big mtu 1280 { udp [2001:db8::10]:1 > [2001:db8::9]:2 }",
        "ip 10.1.1.10 > 10.1.1.1 proto udp ttl $ttl frag 1480+",
        "ip * > *",
        "arp who-has 10.1.1.1 tell 10.1.1.10",
        "arp 10.1.1.1 is-at 02:00:00:00:00:02",
        "arp 10.1.1.1 is-at $mac tell 10.1.1.10",
        "vlan 100 tcp 10.1.1.10:40000 > 198.51.100.1:7 S",
        "svlan 7 prio 3 vlan $v ethertype 0x88cc len 12",
        "any",
        "vlan * any malformed",
    ]

    @Test(arguments: lines) func `a line reads back as it is written`(_ line: String) throws {
        #expect(try PacketPattern(parsing: line).description == line)
    }

    @Test(arguments: [
        ("", "1:1: expected tcp, udp, icmp, icmp6, ip, arp, ethertype or any, found the end of the line"),
        ("tpc a > b", "1:1: expected tcp, udp, icmp, icmp6, ip, arp, ethertype or any, found 'tpc'"),
        ("tcp 10.1.1.10 > *", "1:14: expected ':' and a port, found ''"),
        ("tcp 10.1.1.256:1 > *", "1:5: expected an address, * or $name, found '10.1.1.256:1'"),
        ("tcp 10.1.1.1:65536 > *", "1:14: expected a port, * or $name, found '65536'"),
        ("tcp 10.1.1.1:1 10.1.1.2:2", "1:16: expected '>', found '10.1.1.2:2'"),
        ("tcp 10.1.1.1:1 > [::1]:2", "1:19: expected an IPv4 address, * or $name, found '::1]:2'"),
        ("tcp ::1:2 > *", "1:5: expected an IPv6 address in brackets before its port, found '::1:2'"),
        ("udp * > * ttl 256", "1:15: expected a number from 0 to 255, * or $name, found '256'"),
        ("udp * > * ttl", "1:14: expected a number from 0 to 255, * or $name, found the end of the line"),
        ("udp * > * ttl 1 ttl 1", "1:17: expected 'ttl' only once, found 'ttl'"),
        (
            "udp * > * len 3 payload \"ab\"",
            "1:29: expected len 2, as many as the payload has, or no len, found the end of the line"
        ),
        ("udp * > * payload \"ab", "1:22: expected the closing quote, found the end of the line"),
        ("udp * > * payload \"\\q\"", "1:21: expected one of n, r, t, 0, x, \" and \\ behind the backslash, found 'q'"),
        ("udp * > * payload 0x0", "1:19: expected quoted text, or 0x and pairs of hexadecimal digits, found '0x0'"),
        ("icmp * > * echo", "1:16: expected request or reply, found the end of the line"),
        ("icmp ::1 > *", "1:6: expected an IPv4 address, * or $name, found '::1'"),
        ("icmp * > * { udp * > *", "1:23: expected '}', found the end of the line"),
        ("udp * > * }", "1:11: expected the end of the line, found '}'"),
        ("arp 10.1.1.1", "1:13: expected 'is-at', found the end of the line"),
        ("arp who-has ::1", "1:13: expected an IPv4 address, * or $name, found '::1'"),
        ("ip * > * frag 7", "1:15: expected a multiple of 8 up to 65528, with + when more follow, found '7'"),
        ("vlan 4096 any", "1:6: expected a number from 0 to 4095, * or $name, found '4096'"),
        ("udp $:1 > *", "1:5: expected a name of letters, digits, - and _ behind $, found '$:1'"),
        ("udp * > * \u{7}", "1:11: expected a printable ASCII character, found '\\u{07}'"),
        ("udp * > * df no-df", "1:19: expected df or no-df, not both, found the end of the line"),
    ])
    func `an error says where it is and what was expected`(_ line: String, _ error: String) {
        #expect {
            try PacketPattern(parsing: line)
        } throws: {
            #expect("\($0)" == error)
            return true
        }
    }

    @Test func `an error counts from where the text stands in its file`() {
        #expect {
            try PacketPattern(parsing: "udp * > * ttl x", line: 7, column: 21)
        } throws: {
            ($0 as? PacketLineError).map { ($0.line, $0.column) == (7, 35) } ?? false
        }
    }

    @Test func `lines inside each other end somewhere`() {
        let line = String(repeating: "icmp * > * { ", count: 10_000)
        #expect(throws: PacketLineError.self) { try PacketPattern(parsing: line) }
    }

    @Test func `a frame made from a line matches it and is read back as itself`() throws {
        for line in Self.lines where !line.contains("any") {
            let pattern = try PacketPattern(parsing: line)
            let bindings: [String: PacketValue] = [
                "a": .address(.v4(IPv4Address(10, 1, 1, 9))), "p": .number(5), "id": .number(6), "t": .number(3),
                "c": .number(1), "ttl": .number(9), "v": .number(11), "mac": .mac(MACAddress(2, 0, 0, 0, 0, 7)),
            ]
            let frame = try pattern.frame(Self.defaults, bindings: bindings)
            #expect(try Frame(parsing: frame.bytes).bytes == frame.bytes)
            var bound = bindings
            #expect(pattern.differences(from: try Frame(parsing: frame.bytes), bindings: &bound) == [], "\(line)")
            #expect(bound == bindings)
        }
    }

    @Test func `what is left out is filled in the same way every time`() throws {
        let filled = [
            "tcp *:* > *:*": "tcp 10.1.1.10:40000 > 198.51.100.1:7 S seq 0 win 64240 ttl 64 "
                + "from 02:00:00:00:00:01 to 02:00:00:00:00:02",
            "udp * > 224.0.0.251:5353 len 3": "udp 10.1.1.10:40000 > 224.0.0.251:5353 ttl 64 "
                + "from 02:00:00:00:00:01 to 01:00:5e:00:00:fb len 3 payload 0x000102",
            "icmp6 * > *": "icmp6 2001:db8::a > 2001:db8::1 echo request id 1 seq 1 ttl 64 "
                + "from 02:00:00:00:00:01 to 02:00:00:00:00:02",
            "arp who-has *": "arp who-has 198.51.100.1 tell 10.1.1.10 from 02:00:00:00:00:01 to ff:ff:ff:ff:ff:ff",
            "icmp6 * > ff02::1:ff00:1 neighbor-solicitation target fe80::1":
                "icmp6 2001:db8::a > ff02::1:ff00:1 neighbor-solicitation target fe80::1 lladdr 02:00:00:00:00:01 "
                + "ttl 255 from 02:00:00:00:00:01 to 33:33:ff:00:00:01 len 24 "
                + "payload 0xfe8000000000000000000000000000010101020000000001",
        ]
        for (line, whole) in filled {
            #expect(try PacketPattern(parsing: line).frame(Self.defaults).line(.everything) == whole)
        }
    }

    @Test(arguments: [
        ("any", "'any' can be matched, not sent"), ("udp * > * malformed", "'malformed' can be matched, not sent"),
        ("udp $x:1 > *", "$x is not bound"), ("udp *:$mac > *", "$mac cannot be the source port"),
        ("udp *:$big > *", "$big cannot be the source port"), ("ip * > * ipid 65536", "65536 cannot be the ipid"),
        ("ip $six > 10.1.1.1", "source and destination are of different families"),
        ("icmp6 * > * neighbor-solicitation", "nothing says the target"),
    ])
    func `what cannot be sent says why`(_ line: String, _ error: String) throws {
        let pattern = try PacketPattern(parsing: line)
        let bindings: [String: PacketValue] = [
            "mac": .mac(MACAddress(2, 0, 0, 0, 0, 7)), "big": .number(65536),
            "six": .address(.v6(IPv6Address(high: 0, low: 1))),
        ]
        #expect {
            try pattern.frame(Self.defaults, bindings: bindings)
        } throws: {
            #expect("\($0)" == error)
            return true
        }
    }

    @Test func `a variable is bound by the first match and required by the next`() throws {
        let out = try PacketPattern(parsing: "udp 203.0.113.2:$port > 198.51.100.1:7")
        let back = try PacketPattern(parsing: "udp 198.51.100.1:7 > 203.0.113.2:$port")
        var bindings: [String: PacketValue] = [:]
        let frame = { (line: String) in try PacketPattern(parsing: line).frame(Self.defaults) }
        let other = try frame("udp 203.0.113.3:1024 > 198.51.100.1:7")
        #expect(!out.matches(other, bindings: &bindings))
        #expect(bindings == [:])
        #expect(out.matches(try frame("udp 203.0.113.2:1024 > 198.51.100.1:7"), bindings: &bindings))
        #expect(bindings == ["port": .number(1024)])
        #expect(back.matches(try frame("udp 198.51.100.1:7 > 203.0.113.2:1024"), bindings: &bindings))
        let differences = back.differences(
            from: try frame("udp 198.51.100.1:7 > 203.0.113.2:1025"), bindings: &bindings)
        #expect(differences.map(\.description) == ["destination port: $port = 1024 wanted, 1025 found"])
    }

    @Test(arguments: [
        ("tcp *:* > *:7 S", "tcp *:* > *:7 S.", ["flags: S wanted, S. found"]),
        ("tcp *:* > *:7 S", "udp *:* > *:7", ["protocol: tcp wanted, udp found"]),
        ("tcp *:* > *:7 S", "vlan 5 tcp *:* > *:7 S", ["vlan tags: 0 wanted, 1 found"]),
        (
            "vlan 5 tcp *:* > *:7 S", "vlan 6 tcp *:* > *:8 S",
            ["vlan: 5 wanted, 6 found", "destination port: 7 wanted, 8 found"]
        ),
        ("svlan 5 any", "vlan 5 ip * > *", ["vlan tag: svlan wanted, vlan found"]),
        ("ip * > * ttl 63", "ip * > * ttl 64", ["ttl: 63 wanted, 64 found"]),
        ("ip * > *", "arp who-has *", ["packet: ip wanted, arp found"]),
        (
            "arp 10.1.1.1 is-at *", "arp who-has *",
            ["arp operation: 2 wanted, 1 found", "arp sender: 10.1.1.1 wanted, 10.1.1.10 found"]
        ),
        ("udp * > * payload \"a\"", "udp * > * payload \"b\"", ["payload: \"a\" wanted, \"b\" found"]),
        (
            "icmp * > * { udp *:9 > * }", "icmp * > * unreachable { udp *:8 > * }",
            ["quoted source port: 9 wanted, 8 found"]
        ),
        ("udp * > * bad-checksum", "udp * > *", ["checksum: bad wanted, good found"]),
        ("udp * > * df", "udp * > *", ["df: set wanted, clear found"]),
        ("udp * > * frag 0+", "udp * > * frag 8+", ["source port: none found"]),
    ])
    func `differences name the field, what was wanted and what was found`(
        _ wanted: String, _ sent: String, _ expected: [String]
    ) throws {
        var bindings: [String: PacketValue] = [:]
        let frame = try Frame(parsing: try PacketPattern(parsing: sent).frame(Self.defaults).bytes)
        let found = try PacketPattern(parsing: wanted).differences(from: frame, bindings: &bindings)
        if expected != ["source port: none found"] { #expect(found.map(\.description) == expected) }
        #expect(!found.isEmpty)
    }

    /// RFC 792 promises eight bytes of what an error is about: the ports, and no flags.
    @Test func `an error that quotes eight bytes behind the header is matched by its ports`() throws {
        let line = "icmp 10.1.1.1 > 10.1.1.10 unreachable port len 28 { tcp 10.1.1.10:1024 > 10.1.1.1:9 }"
        let pattern = try PacketPattern(parsing: line)
        let frame = try Frame(parsing: try pattern.frame(Self.defaults).bytes)
        #expect(frame.ip?.body.payload.count == 28)
        #expect(pattern.matches(frame))
        #expect(
            "\(frame)" == "icmp 10.1.1.1 > 10.1.1.10 unreachable port { tcp 10.1.1.10:1024 > 10.1.1.1:9 } len 28")
        #expect(!(try PacketPattern(parsing: line.replacing(":9 }", with: ":9 S }"))).matches(frame))
    }

    @Test func `crooked lines are refused and never trap`() {
        var generator = SeededGenerator(seed: 11)
        let alphabet = Array("{}>\"\\$*:[]. 0x9aS\u{e9}\n".unicodeScalars)
        var accepted = 0
        for _ in 0..<10_000 {
            var scalars = Array((Self.lines.randomElement(using: &generator) ?? "").unicodeScalars)
            for _ in 0..<Int.random(in: 0...2, using: &generator) where !scalars.isEmpty {
                let at = Int.random(in: scalars.indices, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: scalars.remove(at: at)
                case 1: scalars.insert(alphabet.randomElement(using: &generator) ?? "x", at: at)
                default: scalars[at] = alphabet.randomElement(using: &generator) ?? "x"
                }
            }
            let text = String(String.UnicodeScalarView(scalars))
            guard let pattern = try? PacketPattern(parsing: text) else { continue }
            accepted += 1
            #expect((try? PacketPattern(parsing: pattern.description)) == pattern, "\(text.debugDescription)")
            _ = try? pattern.frame(Self.defaults)
        }
        #expect((2_000..<9_000).contains(accepted), "the changes must reach both to mean anything")
    }
}
