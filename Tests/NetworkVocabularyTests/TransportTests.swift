import NetworkVocabulary
import Testing

@Suite struct TransportTests {
    @Test(arguments: [
        ("80", 80, 80, "80"), ("8000-8010", 8000, 8010, "8000-8010"), ("1-65535", 1, 65535, "1-65535"),
        ("22-22", 22, 22, "22"),
    ])
    func `ports are read and written`(_ text: String, _ first: UInt16, _ last: UInt16, _ canonical: String) throws {
        let ports = try #require(PortRange(text))
        #expect(ports.first == first && ports.last == last && ports.description == canonical)
        #expect(ports.count == Int(last) - Int(first) + 1)
    }

    @Test(arguments: [
        "", "0", "65536", "80-", "-80", "-", "90-80", "0-80", "80-65536", "1-2-3", "080", "80 ", " 80", "+80", "80:90",
        "http", "80 - 90", "99999999999999999999",
    ])
    func `a reversed or crooked range is refused`(_ text: String) {
        #expect(PortRange(text) == nil)
    }

    @Test func `ranges contain and overlap at their ends`() throws {
        let ports = try #require(PortRange(80, 90))
        #expect(ports.contains(80) && ports.contains(90) && !ports.contains(79) && !ports.contains(91))
        #expect(ports.overlaps(try #require(PortRange(90, 100))))
        #expect(!ports.overlaps(try #require(PortRange(91, 100))))
        #expect(PortRange(90, 80) == nil && PortRange(0, 1) == nil && PortRange(1, 65536) == nil)
    }

    /// Numbers of the IANA registry.
    @Test(
        arguments: [
            ("icmp", 1, "icmp"), ("tcp", 6, "tcp"), ("udp", 17, "udp"), ("ipv6-icmp", 58, "ipv6-icmp"), ("6", 6, "tcp"),
            ("47", 47, "47"), ("0", 0, "0"), ("255", 255, "255"),
        ] as [(String, UInt8, String)])
    func `a protocol has a number and perhaps a name`(_ text: String, _ number: UInt8, _ written: String) {
        #expect(IPProtocol(text)?.number == number)
        #expect(IPProtocol(text)?.description == written)
    }

    @Test(arguments: ["", "256", "-1", "TCP", "tcp ", "06", "all"])
    func `anything else is no protocol`(_ text: String) {
        #expect(IPProtocol(text) == nil)
    }
}
