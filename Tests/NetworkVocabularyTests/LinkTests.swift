import NetworkVocabulary
import Testing

@Suite struct LinkTests {
    @Test(arguments: [
        ("02:00:00:00:00:01", "02:00:00:00:00:01"), ("AA:bb:0C:00:ff:FF", "aa:bb:0c:00:ff:ff"),
        ("ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff"),
    ])
    func `a MAC is read in either case and written in lower`(_ text: String, _ canonical: String) {
        #expect(MACAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "02:00:00:00:00", "02:00:00:00:00:00:00", "2:0:0:0:0:1", "02-00-00-00-00-01", "0200.0000.0001",
        "020000000001",
        "02:00:00:00:00:0g", " 02:00:00:00:00:01", "02:00:00:00:00:01 ", "02:00:00:00:00:+1", "02:00:00:00:00:001",
        "02::00:00:00:01",
    ])
    func `anything else is no MAC`(_ text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test func `MACs of ours are unicast, locally administered and distinct`() throws {
        let first = MACAddress(locallyAdministered: 1)
        #expect(first.description == "02:00:00:00:00:01")
        #expect(MACAddress(locallyAdministered: (1 << 40) - 1).description == "02:ff:ff:ff:ff:ff")
        #expect(first.octets == [2, 0, 0, 0, 0, 1] && !first.isMulticast)
        #expect(try #require(MACAddress("01:00:5e:00:00:01")).isMulticast)
        #expect(MACAddress(bits: 1 << 48) == nil)
        #expect(MACAddress(2, 0, 0, 0, 0, 1) == first)
    }

    @Test func `VLAN 0 and 4095 are refused, everything between is accepted`() {
        #expect(VLANID(0) == nil && VLANID(4095) == nil && VLANID(-1) == nil && VLANID(65537) == nil)
        #expect((1...4094).allSatisfy { VLANID($0)?.description == "\($0)" && VLANID("\($0)")?.rawValue == UInt16($0) })
    }

    @Test(arguments: ["0", "4095", "", "-1", "+1", "01", " 1", "1 ", "0x10", "1e3", "99999999999999999999", "1.0"])
    func `a crooked VLAN is refused`(_ text: String) {
        #expect(VLANID(text) == nil)
    }

    @Test func `a VNI has 24 bits and is not 0`() {
        #expect(VNI(0) == nil && VNI(1 << 24) == nil && VNI("0") == nil && VNI("16777216") == nil)
        #expect(VNI("16777215")?.rawValue == 16_777_215 && VNI("1")?.description == "1" && VNI("007") == nil)
    }

    /// What the kernel refuses as a name (tried with `ip link set name` in a namespace), and what would need quoting.
    @Test(arguments: [
        "", ".", "..", "all", "default", "a b", "a:b", "a/b", "a%b", "a%d", "a\"b", "a'b", "a\\b", "1234567890123456",
        "a\u{0}b", "é", "a\n", "\u{7f}",
    ])
    func `a name the kernel refuses or that needs quoting is refused`(_ text: String) {
        #expect(InterfaceName(text) == nil)
    }

    @Test(arguments: ["lo", "eth0", "slg1234567890ab", "123456789012345", "eth0.10", "veth-a", "a@b", "..."])
    func `an ordinary name is accepted as it is`(_ text: String) {
        #expect(InterfaceName(text)?.description == text)
    }
}
