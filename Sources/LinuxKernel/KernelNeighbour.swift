internal import CLinux
public import NetworkVocabulary

/// An entry of the neighbour table (ARP or neighbour discovery).
public struct KernelNeighbour: Hashable, Sendable {
    public var linkIndex: Int32
    public var address: IPAddress
    public var mac: MACAddress?
    /// Entered by hand, never aged; what is not permanent the kernel has learned.
    public var isPermanent: Bool

    public init(linkIndex: Int32, address: IPAddress, mac: MACAddress?, isPermanent: Bool = true) {
        self.linkIndex = linkIndex
        self.address = address
        self.mac = mac
        self.isPermanent = isPermanent
    }
}

extension KernelNeighbour {
    /// Reads a neighbour message; nil for bridges' forwarding entries and for proxied addresses.
    init?(_ payload: UnsafeRawBufferPointer) {
        guard payload.count >= MemoryLayout<ndmsg>.size else { return nil }
        let head = payload.loadUnaligned(as: ndmsg.self)
        guard AddressFamily(number: head.ndm_family) != nil, Int32(head.ndm_flags) & NTF_PROXY == 0 else { return nil }
        var address: IPAddress?
        var mac: MACAddress?
        var attributes = NetlinkAttributes(payload, after: MemoryLayout<ndmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case NDA_DST: address = attribute.address
            case NDA_LLADDR: mac = attribute.mac
            default: break
            }
        }
        guard let address else { return nil }
        self.init(
            linkIndex: head.ndm_ifindex, address: address, mac: mac,
            isPermanent: Int32(head.ndm_state) & NUD_PERMANENT != 0)
    }
}
