import CLinux
import Foundation
import LinuxKernel
import Testing

/// A socket on one link of the namespace that its thread is in when it is made: it hears every frame that comes or goes
/// there, whoever it is for, and sends frames as they stand.
final class Tap {
    struct Frame: Equatable {
        /// The 802.1Q tag's VLAN, wherever the kernel kept it.
        let vlan: UInt16?
        /// What follows the Ethernet header and the tag.
        let payload: [UInt8]
        let type: UInt16
        /// The frame as it was on the wire, its tag included.
        let whole: [UInt8]

        /// What a canary says: whose it is, and which.
        var canary: String? {
            let udp = 20
            guard type == UInt16(ETH_P_IP), payload.count >= udp + 8, payload[0] == 0x45, payload[9] == 17,
                Int(payload[udp + 2]) << 8 | Int(payload[udp + 3]) == Tap.canaries
            else { return nil }
            let length = Int(payload[udp + 4]) << 8 | Int(payload[udp + 5])
            return String(decoding: payload[(udp + 8)..<min(payload.count, udp + length)], as: UTF8.self)
        }
    }

    /// The port that canaries are sent to; nobody listens.
    static let canaries = 4242

    private let descriptor: Int32

    init(_ link: String) throws {
        let everything = UInt16(ETH_P_ALL).bigEndian
        descriptor = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0, "packet socket: \(errno)")
        set(SOL_PACKET, PACKET_AUXDATA, Int32(1))
        set(SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: 60, tv_usec: 0))
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_protocol = everything
        address.sll_ifindex = Int32(bitPattern: if_nametoindex(link))
        try #require(address.sll_ifindex > 0, "no link \(link)")
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        }
        try #require(bound == 0, "bind to \(link): \(errno)")
        var join = packet_mreq()
        join.mr_ifindex = address.sll_ifindex
        join.mr_type = UInt16(PACKET_MR_PROMISC)
        set(SOL_PACKET, PACKET_ADD_MEMBERSHIP, join)
    }

    /// On a link of a named namespace; the socket stays where it was made.
    static func on(_ link: String, in namespace: String) throws -> Tap {
        try NamespaceDirectory.system.open(namespace).enter { Result { try Tap(link) } }.get()
    }

    deinit { close(descriptor) }

    private func set<Value>(_ level: Int32, _ option: Int32, _ value: Value) {
        _ = withUnsafeBytes(of: value) {
            setsockopt(descriptor, level, option, $0.baseAddress, socklen_t($0.count))
        }
    }

    /// A datagram to everybody on the segment, with that text in it, behind as many tags.
    func broadcast(_ text: String, from mac: String, _ address: String, tags: [(type: Int, tci: Int)] = []) throws {
        let plain = Self.canary(text, from: mac, address)
        try put(plain[..<12] + tags.flatMap { RawFrame.half($0.type) + RawFrame.half($0.tci) } + plain[12...])
    }

    static func canary(
        _ text: String, from mac: String, _ address: String, to: String = RawFrame.everybody,
        _ target: String = "255.255.255.255"
    ) -> [UInt8] {
        RawFrame.ethernet(
            to, mac, Int(ETH_P_IP),
            RawFrame.ipv4(address, target, 17, RawFrame.udp(4241, canaries, Array(text.utf8))))
    }

    /// A frame as it stands.
    func put(_ frame: [UInt8]) throws {
        try #require(send(descriptor, frame, frame.count, 0) == frame.count, "send: \(errno)")
    }

    /// Everything that came in, byte for byte, until this frame, which is left out. What the kernel took out of a frame is
    /// put back.
    func wholeFrames(until last: [UInt8]) throws -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while true {
            let frame = try next().whole
            if frame == last { return frames }
            frames.append(frame)
        }
    }

    struct Silence: Error {}

    /// The next frame that came in or went out.
    func next() throws -> Frame {
        var bytes = [UInt8](repeating: 0, count: 65536)
        var control = [UInt8](repeating: 0, count: 256)
        let (count, used) = bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return (recvmsg(descriptor, &message, 0), message.msg_controllen)
                }
            }
        }
        guard count >= 14 else { throw Silence() }
        return Frame(Array(bytes[..<count]), besides: Array(control[..<Int(used)]))
    }

    /// The canaries until the one with that text, and that one.
    func canaries(until text: String) throws -> [Frame] {
        var frames: [Frame] = []
        while frames.last?.canary != text {
            let frame = try next()
            if frame.canary != nil { frames.append(frame) }
        }
        return frames
    }
}

extension Tap.Frame {
    /// One that is whole, in the middle of another for one.
    init(whole: [UInt8]) { self.init(whole, besides: []) }

    /// The kernel takes the tag out of a frame and hands it over beside it, except where nothing on the way has looked.
    fileprivate init(_ bytes: [UInt8], besides control: [UInt8]) {
        let half = { (at: Int) in at + 1 < bytes.count ? UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1]) : 0 }
        var vlan: UInt16?
        var rest = 12
        var whole = bytes
        control.withUnsafeBytes { control in
            let head = (MemoryLayout<cmsghdr>.size + 7) & ~7
            guard control.count >= head + MemoryLayout<tpacket_auxdata>.size,
                case let kind = control.loadUnaligned(as: cmsghdr.self),
                kind.cmsg_level == SOL_PACKET, kind.cmsg_type == PACKET_AUXDATA
            else { return }
            let beside = control.loadUnaligned(fromByteOffset: head, as: tpacket_auxdata.self)
            guard beside.tp_status & UInt32(TP_STATUS_VLAN_VALID) != 0 else { return }
            vlan = beside.tp_vlan_tci & 0xfff
            let isNamed = beside.tp_status & UInt32(TP_STATUS_VLAN_TPID_VALID) != 0
            let type = isNamed ? beside.tp_vlan_tpid : UInt16(ETH_P_8021Q)
            whole.insert(contentsOf: RawFrame.half(Int(type)) + RawFrame.half(Int(beside.tp_vlan_tci)), at: 12)
        }
        if vlan == nil, half(rest) == UInt16(ETH_P_8021Q) {
            vlan = half(rest + 2) & 0xfff
            rest += 4
        }
        self.init(vlan: vlan, payload: Array(bytes.dropFirst(rest + 2)), type: half(rest), whole: whole)
    }
}
