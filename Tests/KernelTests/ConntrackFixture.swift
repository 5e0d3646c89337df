import CLinux
import Foundation
import NetworkVocabulary
import Testing

@testable import LinuxKernel

/// What `conntrack` lists in the calling thread's namespace, a line for each connection, as `line(of:)` writes it.
func connections(_ family: AddressFamily, _ arguments: String = "") throws -> [String] {
    let listing = try output(of: "conntrack -L -f \(family.rawValue) -o extended,id \(arguments) 2>/dev/null")
    return listing.split(separator: "\n").map { line in
        let words = line.split(separator: " ")
        let facts = words.filter { $0.contains("=") && !$0.hasPrefix("use=") && !$0.hasPrefix("secctx=") }
        let isTail = { (fact: Substring) in ["mark=", "zone=", "id="].contains { fact.hasPrefix($0) } }
        // The id of ICMP stands before the mark and belongs to the tuple.
        let start = facts.firstIndex { $0.hasPrefix("mark=") } ?? facts.endIndex
        let tail = facts[start...].filter(isTail).sorted()
        return ([words[3]] + facts[..<start] + tail).joined(separator: " ")
    }.sorted()
}

/// A flow in the words of `conntrack`, without what changes by itself.
func line(of flow: Flow) -> String {
    var words = ["\(flow.original.ipProtocol.number)"]
    for (tuple, counters) in [(flow.original, flow.originalCounters), (flow.reply, flow.replyCounters)] {
        words += ["src=\(tuple.source)", "dst=\(tuple.destination)"]
        switch tuple.selector {
        case .ports(let source, let destination) where tuple.ipProtocol.number == 47:
            words += ["srckey=0x\(String(source, radix: 16))", "dstkey=0x\(String(destination, radix: 16))"]
        case .ports(let source, let destination): words += ["sport=\(source)", "dport=\(destination)"]
        case .icmp(let type, let code, let id): words += ["type=\(type)", "code=\(code)", "id=\(id)"]
        case .none: break
        }
        if let counters { words += ["packets=\(counters.packets)", "bytes=\(counters.bytes)"] }
    }
    var tail = ["mark=\(flow.mark)", "id=\(flow.id)"]
    if flow.zone != 0 { tail.append("zone=\(flow.zone)") }
    return (words + tail.sorted()).joined(separator: " ")
}

func lines(of flows: [Flow]) -> [String] { flows.map(line).sorted() }

extension ConntrackSocket {
    /// Enters connections that no packet made. The kernel gives the ids.
    func insert(_ flows: [Flow]) throws {
        var refusals: [KernelError] = []
        try netlink.changeEach(
            "insert connection", flows.count, { flows[$0].description }, ConntrackMessage.new,
            NLM_F_CREATE | NLM_F_EXCL
        ) { message, position in
            let flow = flows[position]
            message.put(Flow.Key(flow.original, zone: flow.zone, id: nil))
            message.put(CTA_TUPLE_REPLY, flow.reply)
            message.put(CTA_TIMEOUT.number, UInt32(600).bigEndian)
            message.put(CTA_MARK.number, flow.mark.bigEndian)
        } refused: {
            refusals.append($0)
        }
        try #require(refusals.isEmpty)
    }
}

extension FlowTuple {
    var answer: FlowTuple {
        let turned: Selector =
            switch selector {
            case .ports(let source, let destination): .ports(source: destination, destination: source)
            case .icmp(let type, let code, let id): .icmp(type: type == 8 ? 0 : 129, code: code, id: id)
            case .none: .none
            }
        return FlowTuple(ipProtocol, from: destination, to: source, turned)
    }
}

/// Connections of guests of 10.1.1.0/24 to services behind public addresses, each with another tuple.
func sampleFlows(_ count: Int, zone: UInt16 = 0) -> [Flow] {
    (0..<count).map { number in
        let guest = IPAddress.v4(IPv4Address(10, 1, 1, UInt8(10 + number % 7)))
        let service = IPAddress.v4(IPv4Address(203, 0, 113, UInt8(1 + number % 10)))
        let ports = FlowTuple.Selector.ports(
            source: UInt16(1024 + number / 5), destination: [80, 443, 53, 8080, 22][number % 5])
        let original = FlowTuple(number % 3 == 0 ? .udp : .tcp, from: guest, to: service, ports)
        // Every fourth is answered by somebody else.
        let inside = IPAddress.v4(IPv4Address(10, 1, 2, 20))
        let reply =
            number % 4 == 0
            ? FlowTuple(original.ipProtocol, from: inside, to: guest, original.answer.selector) : original.answer
        return Flow(original, reply: reply, mark: UInt32(number % 6) << 4 | 0x100, zone: zone)
    }
}

/// A guest and a server with the calling thread's namespace as router between them: 203.0.113.5:80 is the server's
/// 10.1.2.20:8080 by a map's element, and the guest leaves as 10.1.2.1.
func makeRouter() throws {
    try Sysctl.write("net/ipv4/ip_forward", "1", in: .current())
    let said = try output(
        of: """
            set -e
            ip link set lo up; ip addr add 203.0.113.5/32 dev lo
            for side in "guest 10.1.1.1 10.1.1.10" "server 10.1.2.1 10.1.2.20"; do
                set -- $side
                ip netns add $1
                ip link add $1 type veth peer name eth0 netns $1
                ip addr add $2/24 dev $1; ip link set $1 up
                ip -n $1 addr add $3/24 dev eth0; ip -n $1 link set eth0 up; ip -n $1 route add default via $2
            done
            nft -f - <<-END
            table ip t {
                map forwards {
                    type ipv4_addr . inet_service : ipv4_addr . inet_service
                    elements = { 203.0.113.5 . 80 : 10.1.2.20 . 8080 }
                }
                chain in {
                    type nat hook prerouting priority -100
                    dnat to ip daddr . tcp dport map @forwards
                }
                chain out { type nat hook postrouting priority 100; oifname "server" snat to 10.1.2.1; }
            }
            END
            """)
    try #require(said.isEmpty, "\(said)")
}
