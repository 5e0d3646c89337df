import CloudModel
import Testing

/// What users write, as clients read it. The bytes are those of the RFCs' own examples, and of captures of dnsmasq.
struct ExtraDHCPOptionTests {
    @Test(
        arguments: [
            (66, "10.1.1.20", Array("10.1.1.20".utf8)), (67, "start.ipxe", Array("start.ipxe".utf8)),
            (3, "10.1.1.1, 10.1.1.2", [10, 1, 1, 1, 10, 1, 1, 2]), (42, "192.0.2.1", [192, 0, 2, 1]),
            (33, "10.0.0.1,10.1.1.1", [10, 0, 0, 1, 10, 1, 1, 1]), (150, "10.1.1.20", [10, 1, 1, 20]),
            (2, "-3600", [0xff, 0xff, 0xf1, 0xf0]), (26, "1400", [5, 0x78]), (23, "64", [64]), (19, "true", [1]),
            // RFC 3442: descriptors of the table in its section on the option's contents.
            (121, "0.0.0.0/0,10.1.1.1", [0, 10, 1, 1, 1]),
            (121, "10.229.0.128/25,10.1.1.1", [25, 10, 229, 0, 128, 10, 1, 1, 1]),
            (121, "10.198.122.47/32,10.1.1.1", [32, 10, 198, 122, 47, 10, 1, 1, 1]),
            (119, "a.example,b", [1, 0x61, 7, 0x65, 0x78, 0x61, 0x6d, 0x70, 0x6c, 0x65, 0, 1, 0x62, 0]),
            (43, "01:04:c0:00:02:01", [1, 4, 192, 0, 2, 1]), (114, "https://a/b", Array("https://a/b".utf8)),
        ] as [(UInt8, String, [UInt8])])
    func `a value is written as its option wants it`(code: UInt8, value: String, bytes: [UInt8]) {
        #expect(ExtraDHCPOption(code: code, value: value).bytes == bytes)
    }

    @Test(
        arguments: [
            (3, "10.1.1"), (3, "10.1.1.1,"), (33, "10.0.0.1"), (26, "65536"), (26, "-1"), (23, "256"), (19, "2"),
            (121, "10.0.0.0/8"), (121, "10.0.0.1/8,10.1.1.1"), (119, "a..b"), (119, "a b"), (66, ""),
        ] as [(UInt8, String)])
    func `a value that is none has no bytes`(code: UInt8, value: String) {
        #expect(ExtraDHCPOption(code: code, value: value).bytes == nil)
    }

    @Test func `options are called by their numbers`() {
        #expect(ExtraDHCPOption.code(named: "dhcp:66") == 66)
        #expect(ExtraDHCPOption.code(named: "DHCP:0067") == 67)
        for name in ["66", "dhcp:", "dhcp:256", "dhcp:-1", "dhcp:6:6", "dhcp:x"] {
            #expect(ExtraDHCPOption.code(named: name) == nil, "\(name)")
        }
    }
}
