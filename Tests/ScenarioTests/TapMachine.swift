import CLinux
import Foundation
import LinuxKernel
import Testing

/// A machine behind a tap, as its monitor plays it. What it is made of is a namespace with a card in it, so that any program
/// can speak by its port; the monitor's part is to carry frames from the one to the other.
final class TapMachine: Sendable {
    private let descriptors: [Int32]
    private let bell: Int32
    private let monitor: KernelThread

    /// Opens the host's tap by its name and puts a card with this MAC address into the namespace.
    init(_ world: World, behind tap: String, in node: String, mac: String, mtu: Int) throws {
        let outside = try Self.open(tap)
        let inside = try world.inside(node) { try Self.open("eth0") }
        let bell = eventfd(0, Int32(EFD_CLOEXEC))
        (descriptors, self.bell) = ([outside, inside], bell)
        monitor = try KernelThread(name: "monitor") { Self.carry(outside, inside, until: bell) }
        try world.shell("ip link set eth0 address \(mac) mtu \(mtu) up", in: node)
    }

    deinit {
        eventfd_write(bell, 1)
        monitor.join()
        for descriptor in descriptors + [bell] { close(descriptor) }
    }

    /// By the kernel's own interface, in the namespace that the thread is in.
    private static func open(_ name: String) throws -> Int32 {
        let descriptor = Foundation.open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Trouble("/dev/net/tun: \(String(cString: strerror(errno)))") }
        // A name in 16 bytes, and what it is to be.
        var request = Array(name.utf8) + [UInt8](repeating: 0, count: 40 - name.utf8.count)
        withUnsafeBytes(of: UInt16(IFF_TAP | IFF_NO_PI)) { request.replaceSubrange(16..<18, with: $0) }
        guard ioctl(descriptor, 0x4004_54ca, &request) == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw Trouble("tap \(name): \(reason)")
        }
        return descriptor
    }

    /// Until the bell rings, or one of the ends is no more.
    private static func carry(_ one: Int32, _ other: Int32, until bell: Int32) {
        var frame = [UInt8](repeating: 0, count: 65536)
        while true {
            var entries = [one, other, bell].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&entries, 3, -1) > 0 || errno == EINTR, entries[2].revents == 0 else { return }
            for (from, to) in [(one, other), (other, one)] {
                while true {
                    let count = read(from, &frame, frame.count)
                    if count < 0, errno == EAGAIN { break }
                    guard count > 0 else { return }
                    _ = write(to, frame, count)
                }
            }
        }
    }
}

/// Where machines live whose ports are no emulated ones: a container's namespace, which the operator has made and uses for
/// other things too, and one for machines behind taps.
struct Premises {
    static let (jar, computer) = ("jar", "computer")
    private let world: World
    private let before: String

    init(_ world: World) throws {
        self.world = world
        for node in [Self.jar, Self.computer] {
            try world.shell("ip netns add \(node); ip -n \(node) link set lo up")
            try world.shell("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6", in: node)
        }
        try world.shell(
            """
            ip link add own0 type veth peer name own1; ip addr add 172.31.0.1/24 dev own0
            ip link set own0 up; ip link set own1 up; nft add table inet own
            """, in: Self.jar)
        try seen("the operator's own link") {
            try world.shell("ip -o link show up", in: Self.jar).components(separatedBy: "state UP").count == 3
                ? true : nil
        }
        before = try Self.picture(world)
    }

    /// Everything in the container's namespace, and which one it is.
    private static func picture(_ world: World) throws -> String {
        try world.shell(
            """
            readlink /proc/self/ns/net; ip -o link; ip -o address; ip rule; ip route show table all; ip neigh
            nft list ruleset; cat /proc/sys/net/ipv4/ip_forward
            """, in: jar)
    }

    /// What differs from how the operator has left it.
    func changes() throws -> [String] {
        let now = try Self.picture(world)
        let old = before.split(separator: "\n")
        return now.split(separator: "\n").difference(from: old).map { "\($0)" }
    }
}
