import NetworkVocabulary
import Testing

@Suite struct IPv4Tests {
    @Test(
        arguments: [
            ("0.0.0.0", 0), ("255.255.255.255", UInt32.max), ("10.1.1.1", 0x0a01_0101), ("192.0.2.235", 0xc000_02eb),
            ("1.20.100.9", 0x0114_6409),
        ] as [(String, UInt32)])
    func `a dotted quad is read and written back`(_ text: String, _ bits: UInt32) {
        #expect(IPv4Address(text)?.bits == bits)
        #expect(IPv4Address(bits: bits).description == text)
    }

    @Test(arguments: [
        "", ".", "...", "1", "1.2", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1",
        "1.1.1.256", "1.1.1.1000", "01.1.1.1", "1.1.1.00", "1.1.1.010", "0x1.1.1.1", " 1.1.1.1", "1.1.1.1 ", "1. 1.1.1",
        "1.1.1.1\n", "+1.1.1.1", "-1.1.1.1", "1.1.1.1/32", "١.١.١.١", "1.1.1.1\0", "1,1.1.1",
    ])
    func `anything else is refused`(_ text: String) {
        #expect(IPv4Address(text) == nil)
    }

    @Test func `octets are in the order they travel`() {
        #expect(IPv4Address(192, 0, 2, 1).octets == [192, 0, 2, 1])
    }

    @Test(
        arguments: [
            ("10.0.0.1", 1, "10.0.0.2"), ("10.0.0.255", 1, "10.0.1.0"), ("10.0.0.0", -1, "9.255.255.255"),
            ("255.255.255.255", 1, nil), ("0.0.0.0", -1, nil), ("0.0.0.0", 4_294_967_295, "255.255.255.255"),
            ("0.0.0.0", 4_294_967_296, nil), ("10.0.0.1", Int64.max, nil), ("10.0.0.1", Int64.min, nil),
        ] as [(String, Int64, String?)])
    func `counting on from an address stops at the ends`(_ start: String, _ count: Int64, _ end: String?) throws {
        #expect(try #require(IPv4Address(start)).advanced(by: count)?.description == end)
    }

    @Test(arguments: ["0.0.0.0/0", "10.0.0.0/8", "10.1.1.0/24", "192.0.2.4/31", "192.0.2.5/32", "128.0.0.0/1"])
    func `a prefix without host bits is read and written back`(_ text: String) {
        #expect(IPv4Prefix(text)?.description == text)
    }

    @Test(arguments: [
        "10.1.1.1/24", "10.1.1.0/23", "0.0.0.1/0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0", "/8",
        "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8/8", "10.0.0.0/255.0.0.0", "10.0.0.0/8 ", "10/8",
        "10.0.0.0/99999999999999999999",
    ])
    func `host bits and crooked lengths are refused`(_ text: String) {
        #expect(IPv4Prefix(text) == nil)
    }

    /// Values from RFC 950 and RFC 3021, not from masks computed here.
    @Test(arguments: [
        ("10.1.1.0/24", "255.255.255.0", "10.1.1.1", "10.1.1.254", "10.1.1.255"),
        ("10.1.1.128/25", "255.255.255.128", "10.1.1.129", "10.1.1.254", "10.1.1.255"),
        ("10.0.0.0/8", "255.0.0.0", "10.0.0.1", "10.255.255.254", "10.255.255.255"),
        ("192.0.2.4/30", "255.255.255.252", "192.0.2.5", "192.0.2.6", "192.0.2.7"),
        ("192.0.2.4/31", "255.255.255.254", "192.0.2.4", "192.0.2.5", "192.0.2.5"),
        ("192.0.2.4/32", "255.255.255.255", "192.0.2.4", "192.0.2.4", "192.0.2.4"),
        ("0.0.0.0/0", "0.0.0.0", "0.0.0.1", "255.255.255.254", "255.255.255.255"),
    ])
    func `a prefix knows its mask, hosts and end`(
        _ text: String, _ mask: String, _ low: String, _ high: String, _ last: String
    ) throws {
        let prefix = try #require(IPv4Prefix(text))
        #expect(prefix.netmask.description == mask)
        #expect(prefix.hosts.description == "\(low)-\(high)")
        #expect(prefix.last.description == last)
        #expect(IPv4Prefix.length(ofNetmask: prefix.netmask) == prefix.length)
    }

    @Test(arguments: ["255.0.255.0", "0.255.255.255", "255.255.255.1", "0.0.0.1"])
    func `a netmask with holes has no length`(_ mask: String) throws {
        #expect(IPv4Prefix.length(ofNetmask: try #require(IPv4Address(mask))) == nil)
    }

    @Test func `containing clears host bits, and only there`() throws {
        let address = IPv4Address(10, 1, 1, 77)
        #expect(IPv4Prefix(containing: address, length: 24)?.description == "10.1.1.0/24")
        #expect(IPv4Prefix(containing: address, length: 0)?.description == "0.0.0.0/0")
        #expect(IPv4Prefix(containing: address, length: 33) == nil)
        #expect(IPv4Prefix(address, length: 24) == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.1.0.0/16", true, true), ("10.1.0.0/16", "10.0.0.0/8", false, true),
        ("10.1.0.0/16", "10.2.0.0/16", false, false), ("0.0.0.0/0", "255.0.0.0/8", true, true),
        ("10.1.0.0/16", "10.1.0.0/16", true, true), ("10.1.2.0/24", "10.1.3.0/24", false, false),
    ])
    func `prefixes contain and overlap`(_ a: String, _ b: String, _ contains: Bool, _ overlaps: Bool) throws {
        let (first, second) = (try #require(IPv4Prefix(a)), try #require(IPv4Prefix(b)))
        #expect(first.contains(second) == contains)
        #expect(first.overlaps(second) == overlaps)
        #expect(second.overlaps(first) == overlaps)
    }

    @Test(arguments: [
        "10.0.0.2-10.0.0.1", "10.0.0.1", "10.0.0.1-", "-10.0.0.1", "10.0.0.1-10.0.0.2-10.0.0.3", "10.0.0.1 - 10.0.0.2",
        "10.0.0.1–10.0.0.2", "",
    ])
    func `a reversed or crooked range is refused`(_ text: String) {
        #expect(IPv4Range(text) == nil)
    }

    @Test func `a range counts, contains and overlaps`() throws {
        let range = try #require(IPv4Range("10.0.0.10-10.0.0.19"))
        #expect(range.count == 10)
        #expect(try #require(IPv4Range("0.0.0.0-255.255.255.255")).count == 4_294_967_296)
        #expect(range.contains(IPv4Address(10, 0, 0, 10)) && range.contains(IPv4Address(10, 0, 0, 19)))
        #expect(!range.contains(IPv4Address(10, 0, 0, 9)) && !range.contains(IPv4Address(10, 0, 0, 20)))
        #expect(range.overlaps(try #require(IPv4Range("10.0.0.19-10.0.0.30"))))
        #expect(!range.overlaps(try #require(IPv4Range("10.0.0.20-10.0.0.30"))))
        #expect(range.contains(try #require(IPv4Range("10.0.0.12-10.0.0.13"))))
    }
}
