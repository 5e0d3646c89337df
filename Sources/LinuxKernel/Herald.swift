internal import CLinux
internal import Glibc
public import NetworkVocabulary

/// Tells segments of the namespace where an address is from now on, as RFC 5227 has it: an ARP request for the address
/// itself, to everybody.
///
/// One socket for all links, and one that hears nothing: closing a packet socket waits for every processor of the machine.
public final class Herald {
    private let descriptor: FileDescriptor

    /// In the calling thread's namespace.
    public init() throws(KernelError) {
        let number = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .last("open", "packet socket") }
        descriptor = FileDescriptor(owning: number)
    }

    /// By a link of the namespace, which may be a bridge: then everybody on it hears.
    public func announce(_ address: IPv4Address, at mac: MACAddress, by link: Int32) throws(KernelError) {
        let everybody: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
        let (own, ip) = (mac.octets, (0..<4).map { UInt8(truncatingIfNeeded: address.bits >> UInt32(24 - 8 * $0)) })
        let head: [UInt8] = [0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]
        let frame = everybody + own + head + own + ip + [0, 0, 0, 0, 0, 0] + ip
        var place = sockaddr_ll()
        place.sll_family = UInt16(AF_PACKET)
        place.sll_ifindex = link
        let sent = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    descriptor.rawValue, frame, frame.count, Int32(MSG_DONTWAIT), $0,
                    socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        }
        guard sent == frame.count else { throw .last("announce", "\(address)") }
    }
}
