import CLinux
import Foundation
import LinuxKernel
import NetworkVocabulary
import Packets
import RouterPlan
import TestSupport
import Testing

/// A router's namespace, which is the calling thread's, with a wire for each of its legs: frames go in by one, and
/// whatever comes out of any is seen. What the router itself takes is seen too.
///
/// Nothing is waited for: a packet is through when a second one that was sent after it, and cannot be lost, has taken as
/// many steps. The thread stays on one processor, whose queue keeps the order.
final class PacketArena {
    /// What the kernel did with one packet, found again by the identification of its IP header.
    struct Seen: Equatable {
        var forwarded: [Sighting] = []
        /// IP packets, as the router's own programs would get them.
        var taken: [[UInt8]] = []
        /// The router told the sender that it may not: type and code.
        var refusals: [[UInt8]] = []
    }

    struct Sighting: Equatable {
        let link: InterfaceName
        let bytes: [UInt8]
    }

    /// What the router says itself has this time to live, and nothing else does.
    private static let ownTTL: UInt8 = 33

    private let outside: NetworkNamespace
    private let wires: Int32
    private let takers: [Int32]
    private var indexes: [InterfaceName: Int32] = [:]
    private var links: [Int32: InterfaceName] = [:]
    private var sentinelOut: Int32 = 0
    private var sentinelIn: Int32 = 0
    private var sentinels: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 4096)

    /// Builds what a router's plan says, but for the table. `neighbours` are those that the kernel shall know besides.
    init(_ plan: NodePlan, neighbours: [InterfaceName: [IPAddress: MACAddress]]) throws {
        try Self.stayOnThisProcessor()
        outside = try NetworkNamespace.unnamed()
        let descriptor = "/proc/\(getpid())/fd/\(outside.descriptor.rawValue)"
        var commands: [String] = ["link set lo up"]
        let rows = plan.rows.sorted { $0.key < $1.key }.map(\.value.content)
        var legs: [InterfaceName] = []
        for case .link(let link) in rows where link.kind != .loopback {
            legs.append(link.name)
            let peer = "to-\(link.name)"
            commands.append(
                "link add \(link.name) address \(link.mac?.description ?? "") type veth peer name \(peer) netns \(descriptor)"
            )
            commands.append("link set \(link.name) up")
        }
        for row in rows {
            switch row {
            case .address(let address):
                commands.append("address add \(address.address) dev \(address.link) noprefixroute")
            case .neighbour(let neighbour):
                commands.append(
                    "neighbour add \(neighbour.address) lladdr \(neighbour.mac) dev \(neighbour.link) nud permanent")
            default: break
            }
        }
        for (link, neighbours) in neighbours {
            for (address, mac) in neighbours {
                commands.append("neighbour replace \(address) lladdr \(mac) dev \(link) nud permanent")
            }
        }
        let settings = [
            "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.all.send_redirects=0",
            "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.default.send_redirects=0",
            "net.ipv6.conf.default.disable_ipv6=1", "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv4.ip_default_ttl=\(Self.ownTTL)", "net.ipv4.icmp_ratemask=0",
        ]
        for setting in settings { try Self.run("sysctl -q -w \(setting)") }
        for case .sysctl(let setting) in rows { try Self.run("sysctl -q -w \(setting.path)=\(setting.value)") }
        try Self.batch(commands)
        commands = []
        // Gateways must be near already when a route through them is added.
        for isNear in [true, false] {
            for case .route(let route) in rows where (route.gateway == nil) == isNear {
                let way = route.gateway.map { "via \($0) " } ?? ""
                commands.append("route add \(route.destination) \(way)dev \(route.link) table \(route.table)")
            }
        }
        commands += ["rule delete priority 32766", "rule delete priority 32767"]
        for row in rows {
            switch row {
            case .policyRule(let rule):
                let mark = rule.mark.map { "fwmark \($0)/\(rule.mask) " } ?? ""
                let origin = rule.isForLocalOutput ? "iif lo " : ""
                let action =
                    switch rule.action {
                    case .lookup(let table): "lookup \(table)"
                    case .blackhole: "blackhole"
                    }
                commands.append("rule add priority \(rule.priority) \(origin)\(mark)\(action)")
            default: break
            }
        }
        let ends = legs.map { "to-\($0)" } + ["sentinel0", "sentinel1"]
        // The wires' far ends neither ask nor answer.
        try outside.enter { () throws(KernelError) in
            do {
                try Self.run("sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
                try Self.batch(
                    ["link set lo up", "link add sentinel0 type veth peer name sentinel1"]
                        + ends.map { "link set \($0) arp off up" })
            } catch {
                throw KernelError(operation: "set up", object: "\(error)", errno: EINVAL)
            }
        }
        try Self.batch(commands)
        try Self.waitForQueues()
        try outside.enter { () throws(KernelError) in
            do {
                try Self.waitForQueues()
            } catch {
                throw KernelError(operation: "wait for links", object: "\(error)", errno: ETIMEDOUT)
            }
        }
        wires = try outside.enter { () throws(KernelError) in try Self.packetSocket() }
        takers = try [IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP].map { proto in
            let taker = socket(AF_INET, Int32(SOCK_RAW.rawValue | SOCK_NONBLOCK.rawValue), Int32(proto))
            guard taker >= 0 else { throw KernelError(operation: "open", object: "raw socket", errno: errno) }
            return taker
        }
        let found: [(String, Int32)] = try outside.enter { () throws(KernelError) in
            ends.map { ($0, Int32(if_nametoindex($0))) }
        }
        for (name, index) in found {
            switch name {
            case "sentinel0": sentinelOut = index
            case "sentinel1": sentinelIn = index
            default:
                guard let link = InterfaceName(String(name.dropFirst(3))) else { continue }
                indexes[link] = index
                links[index] = link
            }
        }
        // Connections by their order alone, not by their windows; and what the router says itself concerns none.
        try Self.run("sysctl -q -w net.netfilter.nf_conntrack_tcp_be_liberal=1")
        let (output, status) = try nft(
            "",
            input: """
                table inet own-words {
                	chain output {
                		type filter hook output priority -300; policy accept;
                		notrack
                	}
                }
                """)
        guard status == 0 else { throw KernelError(operation: "load", object: output, errno: EINVAL) }
    }

    deinit {
        close(wires)
        for taker in takers { close(taker) }
    }

    // MARK: - Packets

    /// Sends frames one after the other and says what became of each.
    func send(_ frames: [(frame: [UInt8], link: InterfaceName)]) throws -> [UInt16: Seen] {
        for (frame, link) in frames { try put(frame, indexes[link] ?? 0) }
        var seen: [UInt16: Seen] = [:]
        // A packet takes two steps to come out, and an answer to it as many.
        for _ in 0..<3 {
            sentinels += 1
            let number = sentinels
            let tag = (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
            try put([UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, 9, 0x88, 0xb5] + tag, sentinelOut)
            while true {
                guard let (bytes, index, type) = try receive() else { continue }
                if type == PACKET_OUTGOING { continue }
                if index == sentinelIn {
                    if bytes.count >= 18, Array(bytes[14..<18]) == tag { break }
                    continue
                }
                if let link = links[index] { note(bytes, link, &seen) }
            }
        }
        for taker in takers {
            while case let count = recv(taker, &buffer, buffer.count, 0), count >= 20 {
                let bytes = Array(buffer[..<count])
                seen[UInt16(bytes[4]) << 8 | UInt16(bytes[5]), default: Seen()].taken.append(bytes)
            }
        }
        return seen
    }

    private func note(_ bytes: [UInt8], _ link: InterfaceName, _ seen: inout [UInt16: Seen]) {
        guard bytes.count >= 34, bytes[12] == 8, bytes[13] == 0 else { return }
        guard bytes[22] == Self.ownTTL else {
            seen[UInt16(bytes[18]) << 8 | UInt16(bytes[19]), default: Seen()].forwarded.append(
                Sighting(link: link, bytes: bytes))
            return
        }
        // An error of ours quotes what it is about.
        guard bytes[23] == 1, bytes.count >= 62, bytes[34] == 3 else { return }
        seen[UInt16(bytes[46]) << 8 | UInt16(bytes[47]), default: Seen()].refusals.append([bytes[34], bytes[35]])
    }

    private func put(_ frame: [UInt8], _ index: Int32) throws {
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_ifindex = index
        let sent = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(wires, frame, frame.count, 0, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
            }
        }
        guard sent == frame.count else { throw KernelError(operation: "send", object: "\(index)", errno: errno) }
    }

    private func receive() throws -> (bytes: [UInt8], index: Int32, type: Int32)? {
        var from = sockaddr_ll()
        var length = socklen_t(MemoryLayout<sockaddr_ll>.size)
        let count = withUnsafeMutablePointer(to: &from) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(wires, &buffer, buffer.count, 0, $0, &length)
            }
        }
        guard count >= 0 else {
            if errno == EINTR { return nil }
            throw KernelError(operation: "see", object: "a sentinel", errno: errno)
        }
        return (Array(buffer[..<count]), from.sll_ifindex, Int32(from.sll_pkttype))
    }

    // MARK: - Setting up

    private static func packetSocket() throws(KernelError) -> Int32 {
        let wires = socket(AF_PACKET, Int32(SOCK_RAW.rawValue), Int32(UInt16(0x0003).bigEndian))
        guard wires >= 0 else { throw KernelError(operation: "open", object: "packet socket", errno: errno) }
        // A guard against hanging, and no promise about speed: what is awaited comes, however busy the machine is.
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(wires, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var room: Int32 = 8 << 20
        setsockopt(wires, SOL_SOCKET, SO_RCVBUFFORCE, &room, 4)
        return wires
    }

    /// A link takes packets, and loses them, from when it is up until a worker of the kernel has given it a queue. That
    /// worker says at the same time that the link is up in its own eyes, which is not to be seen before it is through.
    private static func waitForQueues() throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let links = try output(of: "ip -o link show").split(separator: "\n").filter { !$0.contains("LOOPBACK") }
            if links.allSatisfy({ $0.contains(" state UP ") }) { return }
            guard ContinuousClock.now < deadline else {
                throw KernelError(operation: "wait for links", object: links.joined(separator: "\n"), errno: ETIMEDOUT)
            }
        }
    }

    private static func stayOnThisProcessor() throws {
        let task = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
        let thread = try #require(task.split(separator: "/").last)
        let fields = try String(contentsOfFile: "/proc/\(task)/stat", encoding: .utf8).split(separator: ")").last
        // Of the fields behind the name, the 37th is the processor that it runs on.
        let processor = try #require(fields?.split(separator: " ").dropFirst(36).first)
        _ = try output(of: "taskset -cp \(processor) \(thread)")
    }

    private static func run(_ command: String) throws {
        let text = try output(of: command)
        guard text.isEmpty else { throw KernelError(operation: command, object: text, errno: EINVAL) }
    }

    private static func batch(_ commands: [String]) throws {
        try run("ip -batch - <<'END'\n" + commands.joined(separator: "\n") + "\nEND")
    }
}
