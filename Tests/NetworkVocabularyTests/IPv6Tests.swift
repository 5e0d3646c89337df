import NetworkVocabulary
import Testing

@Suite struct IPv6Tests {
    /// The examples of RFC 4291 section 2.2, RFC 5952 sections 1, 4 and 5, and the edges of each rule.
    @Test(arguments: [
        ("ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"),
        ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"),
        ("FF01:0:0:0:0:0:0:101", "ff01::101"), ("0:0:0:0:0:0:0:1", "::1"), ("0:0:0:0:0:0:0:0", "::"),
        ("0:0:0:0:0:FFFF:129.144.52.38", "::ffff:129.144.52.38"), ("::FFFF:129.144.52.38", "::ffff:129.144.52.38"),
        ("::ffff:8190:3426", "::ffff:129.144.52.38"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("1::", "1::"),
        ("1:0:0:0:0:0:0:0", "1::"), ("0:0:3:4:5:6:0:0", "::3:4:5:6:0:0"), ("fe80::1", "fe80::1"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
    ])
    func `every spelling is read and the canonical one is written`(_ text: String, _ canonical: String) throws {
        let address = try #require(IPv6Address(text))
        #expect(address.description == canonical)
        #expect(IPv6Address(canonical) == address)
    }

    @Test(arguments: [
        "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2::3",
        "1:2:3:4::5:6:7:8", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "12345::", "00001::", "g::", "::1.2.3", "::1.2.3.4.5",
        "::01.2.3.4", "1.2.3.4::", "1.2.3.4", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "fe80::1%eth0", "[::1]",
        "::1/128",
        " ::1", "::1 ", "::1\n", "::-1", "::+1", "::１", ":\u{301}:1", "::1\0", "0x1::", "1:2:3:4:5:6:7:8\u{301}",
    ])
    func `anything else is refused`(_ text: String) {
        #expect(IPv6Address(text) == nil)
    }

    @Test func `a long text is refused without being read`() {
        #expect(IPv6Address(String(repeating: "0:", count: 500_000)) == nil)
    }

    @Test(arguments: [
        "::/0", "2001:db8::/32", "2001:db8:0:8000::/49", "fe80::/10", "2001:db8::1/128", "2001:db8::/64",
        "2001:db8::/65",
        "2001:db8:0:0:8000::/65",
    ])
    func `a prefix without host bits is read and written back`(_ text: String) {
        #expect(IPv6Prefix(text)?.description == text)
    }

    @Test(arguments: [
        "2001:db8::1/64", "2001:db8::/28", "2001:db8::8000:0:0:0/64", "::1/127", "::/129", "::/-1", "::/", "::",
        "::/064",
    ])
    func `host bits and crooked lengths are refused`(_ text: String) {
        #expect(IPv6Prefix(text) == nil)
    }

    @Test(arguments: [
        ("2001:db8::/32", "2001:db8:ffff::/48", true, true), ("2001:db8::/64", "2001:db8:0:1::/64", false, false),
        ("2001:db8::/65", "2001:db8::/64", false, true), ("::/0", "ff00::/8", true, true),
        ("2001:db8::/64", "2001:db8::1/128", true, true),
    ])
    func `prefixes contain and overlap`(_ a: String, _ b: String, _ contains: Bool, _ overlaps: Bool) throws {
        let (first, second) = (try #require(IPv6Prefix(a)), try #require(IPv6Prefix(b)))
        #expect(first.contains(second) == contains)
        #expect(first.overlaps(second) == overlaps)
        #expect(second.overlaps(first) == overlaps)
    }

    @Test func `containing clears host bits in either half`() throws {
        let address = try #require(IPv6Address("2001:db8:1:2:3:4:5:6"))
        #expect(IPv6Prefix(containing: address, length: 48)?.description == "2001:db8:1::/48")
        #expect(IPv6Prefix(containing: address, length: 80)?.description == "2001:db8:1:2:3::/80")
        #expect(IPv6Prefix(containing: address, length: 129) == nil)
    }
}
