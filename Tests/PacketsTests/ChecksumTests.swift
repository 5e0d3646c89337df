import NetworkVocabulary
import Packets
import Testing

@Suite struct ChecksumTests {
    @Test func `the example of RFC 1071 section 3 sums to ddf2`() {
        var sum = InternetChecksum()
        sum.add([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])
        #expect(sum.value == ~0xddf2)
    }
}
