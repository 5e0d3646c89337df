import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import PacketTrace
import Packets
import Reconciler
import RouterPlan
import Ruleset

/// The plans of a cloud on this kernel, brought about as the daemon does it, in the calling thread's namespaces, which
/// are to be fresh; the ports are in a namespace of their own where nobody answers anything.
///
/// Nothing is waited for: a packet is through when frames that were sent after it, and cannot be lost, have taken more
/// steps than any packet does. The thread stays on one processor, whose queue keeps the order.
final class KernelWorld: World {
    let name = "kernel"
    private(set) var wiring: Wiring
    private var cloud: CaseCloud
    private let dataplane: LinuxDataplane
    private let reports: Reports
    private let reconciler: Reconciler
    private var now = Duration.zero

    private let host: RouteSocket
    private let field: NetworkNamespace
    private let fieldRoute: RouteSocket
    private let socket: PacketSocket
    private var indexes: [Wiring.Port: Int32] = [:]
    private var portNumber = 0
    private let sentinelOut: Int32
    private let sentinelIn: Int32
    private var sentinels: UInt64 = 0
    private var collected = Fragments()
    /// Who has just been made to send something.
    private var speakers: Set<MACAddress> = []

    private var tracers: [NodeName: (trace: NetfilterTrace, rules: NetfilterSocket)] = [:]
    private var sites: [NodeName: [ChainName: [UInt64: Int]]] = [:]
    /// What elements had counted when they went.
    private var gone: [Origin: [Meter: UInt64]] = [:]

    /// What the reconciler said.
    private final class Reports {
        var failures: [String] = []
        var leaving: [MeterReading] = []
    }

    init(_ cloud: CaseCloud) throws {
        self.cloud = cloud
        wiring = Wiring(cloud)
        try Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1", in: try .current())
        let reports = Reports()
        self.reports = reports
        dataplane = try LinuxDataplane(installation: cloud.installation)
        reconciler = Reconciler(dataplane, judge: { FlowAudit($0).revoked(among: $1) }) { report in
            switch report {
            case .failed(let node, let error, _): reports.failures.append("\(node): \(error)")
            case .measured(_, let readings): reports.leaving += readings
            default: break
            }
        }
        host = try RouteSocket()
        field = try .unnamed()
        try Sysctl.write("net/ipv6/conf/default/disable_ipv6", "1", in: field)
        fieldRoute = try RouteSocket(in: field)
        socket = try PacketSocket(in: field)
        let ends = ["sentinel0", "sentinel1"].compactMap { InterfaceName($0) }
        try fieldRoute.addVeth(LinkSpecification(ends[0]), peer: LinkSpecification(ends[1]), in: field)
        sentinelOut = try fieldRoute.link(named: "sentinel0").index
        sentinelIn = try fieldRoute.link(named: "sentinel1").index
        for index in [sentinelOut, sentinelIn] { try fieldRoute.setLink(index, LinkChange(isUp: true)) }
        try awaitSentinels()
        reconciler.accept(.adopt(cloud.inOrder))
        try settle()
        try plug()
        try watch()
        try awaitPaths()
    }

    // MARK: The cloud

    /// All work, and what is due later too: time is ours.
    private func settle() throws {
        for _ in 0..<64 {
            while reconciler.work(now: now) {}
            guard reports.failures.isEmpty else { throw Refusal(description: reports.failures[0]) }
            guard let next = reconciler.nextRetry else { return }
            now = max(now, next)
        }
        throw Refusal(description: "the kernel never comes to rest")
    }

    struct Refusal: Error, CustomStringConvertible { let description: String }

    func follow(_ cloud: CaseCloud, _ following: CaseCloud.Following) throws {
        reports.leaving = []
        for command in following.commands { reconciler.accept(command) }
        try settle()
        for reading in reports.leaving {
            gone[reading.object, default: [:]][reading.meter, default: 0] += reading.leaving.packets
        }
        self.cloud = cloud
        wiring = Wiring(cloud)
        try plug()
        try watch()
        try awaitPaths()
    }

    func counts(of object: Origin) throws -> [Meter: UInt64] {
        var counts = gone[object] ?? [:]
        for plan in cloud.routers {
            for reading in plan.readings(try dataplane.counts(of: plan, plan.meteredElements(of: [object]))) {
                counts[reading.meter, default: 0] += reading.count.packets
            }
        }
        return counts
    }

    func rulesets() -> String {
        cloud.routers.map { plan in
            let table = try? dataplane.observe(plan).table
            return "# \(plan.name)\n\(table.map { "\($0)" } ?? "none")\n"
        }.joined(separator: "\n")
    }

    // MARK: Ports and ears

    private func plug() throws {
        for (port, index) in indexes where !wiring.ports.contains(port) {
            try fieldRoute.deleteLink(index)
            indexes[port] = nil
        }
        for port in wiring.ports where indexes[port] == nil {
            portNumber += 1
            guard let near = InterfaceName("case\(portNumber)"), let far = InterfaceName("port\(portNumber)") else {
                continue
            }
            let bridge = try host.link(named: port.segment.rawValue).index
            try host.addVeth(LinkSpecification(near), peer: LinkSpecification(far, mac: port.mac), in: field)
            let index = try fieldRoute.link(named: far.rawValue).index
            try fieldRoute.setLink(index, LinkChange(isUp: true))
            try host.setLink(
                try host.link(named: near.rawValue).index, LinkChange(master: .index(bridge), isUp: true))
            indexes[port] = index
        }
    }

    /// Opens ears in routers that have none yet, and learns where their rules are.
    private func watch() throws {
        for plan in cloud.routers {
            let isNew = tracers[plan.name] == nil
            if isNew {
                let namespace = try NamespaceDirectory.system.open(plan.name.text)
                // Connections by their order alone, as the evaluator follows them, and every error is told.
                try Sysctl.write("net/netfilter/nf_conntrack_tcp_be_liberal", "1", in: namespace)
                try Sysctl.write("net/ipv4/icmp_ratemask", "0", in: namespace)
                var opened: Result<(trace: NetfilterTrace, rules: NetfilterSocket), NetfilterError>?
                try namespace.enter { () throws(KernelError) in
                    opened = Result { () throws(NetfilterError) in (try NetfilterTrace(), try NetfilterSocket()) }
                }
                tracers[plan.name] = try opened?.get()
                // Somebody else's table is there now: the next change is to be computed with it in view.
                reconciler.accept(.disturbed(plan.name))
            }
        }
        let names = Set(cloud.routers.map(\.name))
        for name in tracers.keys where !names.contains(name) { tracers[name] = nil }
        try settle()
        for plan in cloud.routers {
            guard let table = plan.table, let tracer = tracers[plan.name] else { continue }
            sites[plan.name] = try tracer.rules.readRulePlaces(table.family, table.name)
        }
    }

    /// A bridge begins to carry a new port's frames some time after the port is up: when a router's leg has answered a
    /// probe (RFC 5227 section 2.1.1), which leaves nothing behind in it, both ways are open.
    private func awaitPaths() throws {
        for port in wiring.ports {
            for leg in wiring.legs where leg.segment == port.segment {
                guard let index = indexes[port], case .v4(let address)? = leg.addresses.sorted().first else { continue }
                let question = ARPPacket.request(for: address, tell: IPv4Address(0, 0, 0, 0), at: port.mac)
                let probe = Frame(
                    destination: MACAddress(255, 255, 255, 255, 255, 255), source: port.mac, body: .arp(question))
                let deadline = ContinuousClock.now + .seconds(20)
                var isOpen = false
                while !isOpen {
                    guard ContinuousClock.now < deadline else {
                        throw Refusal(description: "\(leg.link) of \(leg.node) does not answer \(port.name)")
                    }
                    try socket.send(probe.bytes, on: index)
                    for _ in 0..<Self.calmRounds where !isOpen {
                        var heard = Fate()
                        _ = try round(&heard)
                        isOpen = heard.arrivals.contains { $0.port == port.name && $0.frame.source == leg.mac }
                    }
                }
            }
        }
        // Late answers are not to be taken for something else.
        for _ in 0..<Self.calmRounds {
            var heard = Fate()
            _ = try round(&heard)
        }
    }

    // MARK: Packets

    private static let calmRounds = 16

    func send(_ frames: [Frame], at port: Wiring.Port) throws -> Fate {
        guard let index = indexes[port] else { throw Refusal(description: "\(port.name) is not plugged in") }
        let before = try counters()
        for tracer in tracers.values { _ = try tracer.trace.read() }
        var fate = Fate()
        speakers = Set(frames.map(\.source))
        for frame in frames { try socket.send(frame.bytes, on: index) }
        var calm = 0
        while calm < Self.calmRounds { calm = try round(&fate) ? 0 : calm + 1 }
        let after = try counters()
        for plan in cloud.routers {
            var passages = try passages(through: plan)
            let moved = (after[plan.name] ?? [:]).filter { $0.value != before[plan.name]?[$0.key] }
            if !passages.isEmpty { passages[passages.count - 1].moved = Set(moved.keys) }
            let judging = Judging(plan.table)
            fate.passages += passages.map { attributed($0, plan, judging) }
        }
        return fate
    }

    private func sendSentinel() throws -> [UInt8] {
        sentinels += 1
        let tag = (0..<8).map { UInt8(truncatingIfNeeded: sentinels >> UInt64(8 * $0)) }
        let frame = Frame(
            destination: MACAddress(255, 255, 255, 255, 255, 255), source: MACAddress(2, 0, 0, 0, 0, 9),
            etherType: 0x88b5, body: .other(tag))
        try socket.send(frame.bytes, on: sentinelOut)
        return tag
    }

    /// A new wire swallows what is sent before the kernel has got round to it: from the first sentinel that arrives, none
    /// is lost.
    private func awaitSentinels() throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            _ = try sendSentinel()
            while let sighting = try socket.poll() {
                if sighting.link == sentinelIn { return }
            }
        }
        throw Refusal(description: "a new wire carries nothing")
    }

    /// One sentinel's way; what came meanwhile is taken in. Returns whether somebody had to be answered, so that a packet
    /// may have been waiting.
    private func round(_ fate: inout Fate) throws -> Bool {
        let tag = try sendSentinel()
        var hasAnswered = false
        while true {
            let sighting = try socket.receive()
            if sighting.link == sentinelIn {
                if sighting.bytes.count >= 22, Array(sighting.bytes[14..<22]) == tag { return hasAnswered }
                continue
            }
            guard let port = indexes.first(where: { $0.value == sighting.link })?.key,
                let frame = (try? Frame(parsing: sighting.bytes))?.finished
            else { continue }
            if try answer(frame, port) {
                hasAnswered = true
            } else if frame.destination == port.mac || frame.destination.isMulticast,
                speakers.contains(frame.source) || !isChatter(frame), let whole = collected.take(frame)
            {
                fate.arrivals.append(.init(port: port.name, frame: whole))
            }
        }
    }

    /// Routers ask who has an address; the ports say so, of their own and, outside, of everybody's.
    private func answer(_ frame: Frame, _ port: Wiring.Port) throws -> Bool {
        guard case .arp(let arp) = frame.body, arp.operation == 1, let index = indexes[port],
            wiring.legs.contains(where: { $0.mac == frame.source })
        else { return false }
        let target = IPAddress.v4(arp.targetAddress)
        let isMine =
            port.isOutside
            ? !wiring.isOwnedByRouter(target, on: port.segment) : port.addresses.contains(target)
        guard isMine else { return true }
        let answer = ARPPacket(
            operation: 2, senderMAC: port.mac, senderAddress: arp.targetAddress, targetMAC: arp.senderMAC,
            targetAddress: arp.senderAddress)
        try socket.send(Frame(destination: arp.senderMAC, source: port.mac, body: .arp(answer)).bytes, on: index)
        return true
    }

    /// What a kernel says of its own accord on a new link: neighbour discovery, and memberships of groups.
    private func isChatter(_ frame: Frame) -> Bool {
        switch frame.ip {
        case .v4(let packet): packet.protocol.number == 2
        case .v6(let packet):
            if case .icmpv6(let message) = packet.body {
                (130...136).contains(message.type) || message.type == 143
            } else {
                // Reports of memberships have a hop-by-hop header in front.
                packet.protocol.number == 0
            }
        case nil: false
        }
    }

    private func counters() throws -> [NodeName: [MeteredElement: UInt64]] {
        var counters: [NodeName: [MeteredElement: UInt64]] = [:]
        for plan in cloud.routers {
            counters[plan.name] = try dataplane.counts(of: plan, plan.meteredElements).mapValues(\.packets)
        }
        return counters
    }

    private func passages(through plan: NodePlan) throws -> [Passage] {
        guard let tracer = tracers[plan.name], let table = plan.table else { return [] }
        var order: [UInt32] = []
        var passages: [UInt32: Passage] = [:]
        for event in try tracer.trace.read() {
            if passages[event.packet] == nil {
                order.append(event.packet)
                passages[event.packet] = Passage(node: plan.name, origin: plan.owner)
            }
            guard event.table == table.name else { continue }
            let rule: Int?
            let verdict: Verdict
            switch event.action {
            case .rule(let handle, .verdict(let found)):
                (rule, verdict) = (sites[plan.name]?[event.chain]?[handle], found)
            case .policy(.drop): (rule, verdict) = (nil, .drop)
            default: continue
            }
            guard verdict == .accept || verdict == .drop else { continue }
            passages[event.packet]?.rulings.append(.init(chain: event.chain, rule: rule, isDrop: verdict == .drop))
        }
        return order.compactMap { passages[$0] }
    }

    /// With the object behind its last word: of the element that counted it, else of the rule.
    private func attributed(_ passage: Passage, _ plan: NodePlan, _ judging: Judging) -> Passage {
        var passage = passage
        passage.lastWord = passage.rulings.last { judging.judges($0.chain) }
        guard let last = passage.lastWord, let index = last.rule,
            let rules = plan.table?.allChains.first(where: { $0.name == last.chain })?.rules, index < rules.count
        else { return passage }
        let asked = rules[index].statements.compactMap { statement -> SetName? in
            if case .lookup(_, let set, _) = statement { set } else { nil }
        }
        let element = passage.moved.first { asked.contains($0.set) && plan.meters[$0.set] == .matched }
        passage.origin =
            element.flatMap { plan.table?.elements[$0.set]?[$0.key]?.origin } ?? rules[index].origin
        return passage
    }
}

extension Frame {
    /// With the checksum of a segment that a router made itself: its kernel leaves all but the pseudo header to a network
    /// card, and these wires are none.
    fileprivate var finished: Frame {
        guard case .ipv4(var packet) = body, case .tcp(var segment) = packet.body,
            case .forced(let found) = segment.checksum
        else { return self }
        let length = 20 + segment.options.count + segment.payload.count
        let number = packet.protocol.number
        guard found == ~InternetChecksum(packet.source, packet.destination, protocol: number, length: length).value
        else { return self }
        segment.checksum = .computed
        packet.body = .tcp(segment)
        var frame = self
        frame.body = .ipv4(packet)
        return frame
    }
}
