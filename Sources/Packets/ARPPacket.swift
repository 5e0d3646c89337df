public import NetworkVocabulary

/// ARP for IPv4 over Ethernet (RFC 826).
///
///     0      2      4    5    6      8          14        18         24        28
///     | 0001 | 0800 | 06 | 04 | oper | sender   | sender  | target   | target  |
///     |      |      |    |    |      | MAC      | IP      | MAC      | IP      |
public struct ARPPacket: Hashable, Sendable {
    /// 1 asks, 2 answers.
    public var operation: UInt16
    public var senderMAC: MACAddress
    public var senderAddress: IPv4Address
    public var targetMAC: MACAddress
    public var targetAddress: IPv4Address

    static let length = 28
    static let noMAC = MACAddress(0, 0, 0, 0, 0, 0)

    public init(
        operation: UInt16, senderMAC: MACAddress, senderAddress: IPv4Address, targetMAC: MACAddress,
        targetAddress: IPv4Address
    ) {
        self.operation = operation
        self.senderMAC = senderMAC
        self.senderAddress = senderAddress
        self.targetMAC = targetMAC
        self.targetAddress = targetAddress
    }

    /// Who has `target`?
    public static func request(
        for target: IPv4Address, tell sender: IPv4Address, at mac: MACAddress
    ) -> ARPPacket {
        ARPPacket(operation: 1, senderMAC: mac, senderAddress: sender, targetMAC: noMAC, targetAddress: target)
    }

    /// Nil for other hardware or protocols.
    init?(parsing bytes: RawSpan, _ range: Range<Int>) throws(PacketFault) {
        let at = range.lowerBound
        guard range.count >= 8 else {
            throw PacketFault(.arp, at: at, .truncated(needed: 8, available: range.count))
        }
        guard bytes.long(at) == 0x0001_0800, bytes.word(at + 4) == 0x0604 else { return nil }
        guard range.count >= Self.length else {
            throw PacketFault(.arp, at: at, .truncated(needed: Self.length, available: range.count))
        }
        operation = bytes.word(at + 6)
        senderMAC = bytes.mac(at + 8)
        senderAddress = bytes.ipv4(at + 14)
        targetMAC = bytes.mac(at + 18)
        targetAddress = bytes.ipv4(at + 24)
    }

    func write(to out: inout [UInt8]) {
        out.put(0x0001_0800 as UInt32)
        out.put(0x0604 as UInt16)
        out.put(operation)
        out.put(senderMAC)
        out.put(senderAddress)
        out.put(targetMAC)
        out.put(targetAddress)
    }
}
