import FoundationEssentials
import NetworkVocabulary
import Testing

@Suite struct EitherFamilyTests {
    @Test func `an address of either family keeps its family`() throws {
        #expect(try #require(IPAddress("10.1.1.1")).family == .ipv4)
        #expect(try #require(IPAddress("2001:db8::1")).family == .ipv6)
        #expect(try #require(IPAddress("::ffff:10.1.1.1")).family == .ipv6)
        #expect(IPAddress("10.1.1") == nil && IPPrefix("10.1.1.1/24") == nil)
        let (last, first) = (try #require(IPAddress("255.255.255.255")), try #require(IPAddress("::")))
        #expect(last < first)
        #expect(
            try #require(IPAddress("2001:db8::1")).octets == [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    }

    @Test(arguments: ["10.1.1.1/24", "10.1.1.0/24", "10.1.1.1/32", "2001:db8::1/64", "::1/128", "0.0.0.0/0"])
    func `an interface address keeps its host bits`(_ text: String) {
        #expect(InterfaceAddress(text)?.description == text)
    }

    @Test(arguments: ["10.1.1.1", "10.1.1.1/33", "2001:db8::1/129", "10.1.1.1/", "10.1.1.1/024", "/24"])
    func `a crooked interface address is refused`(_ text: String) {
        #expect(InterfaceAddress(text) == nil)
    }

    /// One of everything that is written as its text.
    struct Row: Codable, Equatable {
        var address: IPAddress
        var prefix: IPPrefix
        var range: IPv4Range
        var mac: MACAddress
        var vlan: VLANID
        var ports: PortRange
        var name: InterfaceName
        var origin: Origin
        var revision: Revision
    }

    static let json = """
        {"address":"10.1.1.1","mac":"02:00:00:00:00:01","name":"eth0",\
        "origin":"guest/\(IdentityTests.text)","ports":"80-81","prefix":"2001:db8::/32",\
        "range":"10.1.1.10-10.1.1.20","revision":7,"vlan":"100"}
        """

    @Test func `the coded form is the text a person writes`() throws {
        let row = try JSONDecoder().decode(Row.self, from: Data(Self.json.utf8))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        #expect(String(decoding: try encoder.encode(row), as: UTF8.self) == Self.json)
    }

    @Test(arguments: [
        ("10.1.1.1", "10.1.1.256"), ("02:00", "2:00"), ("eth0", "eth/0"), ("guest/", "guest"), ("80-81", "81-80"),
        ("db8::", "db8::1"), ("10.1.1.10-", "10.1.1.30-"), (":7", ":-7"), ("\"100\"", "\"4095\""),
    ])
    func `a bad text is refused when it is decoded`(_ good: String, _ bad: String) throws {
        let range = try #require(Self.json.firstRange(of: good))
        var broken = Self.json
        broken.replaceSubrange(range, with: bad)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Row.self, from: Data(broken.utf8)) }
    }

    @Test func `an error shows only the beginning of a long text and no control characters`() throws {
        let long = "\u{1b}[31m" + String(repeating: "x", count: 1_000_000)
        let data = try JSONEncoder().encode([long])
        let error = try #require(throws: DecodingError.self) {
            try JSONDecoder().decode([InterfaceName].self, from: data)
        }
        guard case .dataCorrupted(let context) = error else {
            Issue.record("another error: \(error)")
            return
        }
        #expect(context.debugDescription.utf8.count < 200)
        #expect(!context.debugDescription.unicodeScalars.contains("\u{1b}"))
        #expect(context.debugDescription.contains("InterfaceName"))
    }
}
