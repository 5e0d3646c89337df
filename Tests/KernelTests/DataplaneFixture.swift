import CLinux
import CloudModel
import ControlPlane
import Foundation
import LinuxDataplane
import LinuxKernel
import NetworkVocabulary
import Reconciler
import RouterPlan
import TestSupport
import Testing

/// The demo cloud on this kernel, in the calling thread's namespaces, driven by a kernel lane as the daemon drives it.
final class LiveCloud {
    private(set) var planned: PlannedCloud
    private(set) var lane: KernelLane?
    private let inbox: Inbox<Reconciler.Report>
    private var unread: [Reconciler.Report] = []
    private var rules: UInt64 = 0
    private var tickets: UInt64 = 0
    /// Every failure that was reported on the way to an adoption.
    private(set) var failures: [String] = []

    init(_ planned: PlannedCloud) throws {
        self.planned = planned
        inbox = try Inbox()
    }

    convenience init() throws { try self.init(try PlannedCloud()) }

    deinit { stop() }

    var router: NodePlan { get throws { try #require(planned.inOrder.first { $0.kind == .router }) } }
    var guests: [NodePlan] { planned.inOrder.filter { $0.kind == .guest } }

    /// Starts a lane and waits until it has adopted the plans.
    @discardableResult
    func start(_ plans: [NodePlan]? = nil) throws -> (verified: Int, failed: Int) {
        stop()
        let lane = try KernelLane(installation: planned.installation) { [inbox] in inbox.send($0) }
        self.lane = lane
        lane.send(.adopt(plans ?? planned.inOrder))
        while true {
            switch try next() {
            case .adopted(let verified, let failed): return (verified, failed)
            case .failed(let node, let error, _): failures.append("\(node): \(error)")
            default: break
            }
        }
    }

    /// Returns how many commands the request came to.
    func take(_ request: Request, ticket: Reconciler.Ticket) throws -> Int {
        let commands = try planned.take(request, ticket: ticket)
        for command in commands { lane?.send(command) }
        return commands.count
    }

    /// Puts rules into the cloud, one a line, and waits until the kernel has them.
    func take(_ lines: String) throws {
        for line in lines.split(separator: "\n") {
            rules += 1
            let records = try RuleLine(line).records(in: planned.cloud, number: rules)
            try put(records.map { .put($0) })
        }
    }

    func put(_ changes: [Change]) throws {
        tickets += 1
        let ticket = Reconciler.Ticket(1_000 + tickets)
        let commands = try planned.take(changes, ticket: ticket)
        for command in commands { lane?.send(command) }
        // Several commands may be carried out, and answered, together.
        var answers = 0
        while answers < commands.count {
            let report = try next()
            if case .failed(let node, let error, _) = report { failures.append("\(node): \(error)") }
            answers += report.tickets.count { $0 == ticket }
        }
    }

    func stop() {
        lane?.stop()
        lane = nil
    }

    struct Silence: Error {}

    /// The lane's next report; an error when it says nothing for long.
    func next() throws -> Reconciler.Report {
        while unread.isEmpty {
            guard let reports = inbox.receive(timeout: .seconds(60)), !reports.isEmpty else { throw Silence() }
            unread = reports
        }
        return unread.removeFirst()
    }

    /// What `ip` and `nft` show of everything that is ours.
    func picture() throws -> [String] {
        var lines = try objects(from: "ip -d -j link").filter { "\($0["ifname"] ?? "")".hasPrefix("sl") }.map(Self.host)
        lines += try Self.limits()
        // Devices of the host have no address by which guests would reach it.
        for line in try output(of: "ip -o -6 addr").split(separator: "\n") where line.contains(": sl") {
            lines.append("\(line.drop { $0 != " " })")
        }
        for plan in planned.inOrder where !plan.name.isHost {
            let node = plan.name.text
            guard try output(of: "ip netns list").contains(node) else {
                lines.append("\(node) is not there")
                continue
            }
            lines += try objects(from: "ip -n \(node) -j link").map { "\(node) \(Self.inside($0))" }
            for what in ["addr show scope global", "route show table all", "rule", "neigh show nud permanent"] {
                let command = what.hasPrefix("addr") ? "ip -n \(node) -o -4 \(what)" : "ip -n \(node) -4 \(what)"
                lines += try output(of: command).split(separator: "\n").map { line in
                    "\(node) \(line.replacing(/^[0-9]+: (?=[a-z])/, with: "").replacing(" secondary", with: ""))"
                }
            }
            lines += try output(of: "ip netns exec \(node) nft -s list ruleset").split(separator: "\n").map {
                "\(node) \($0)"
            }
        }
        return lines.sorted()
    }

    /// What `tc` shows at devices of ours, where there is more than the kernel's own choice.
    private static func limits() throws -> [String] {
        var lines: [String] = []
        for queue in try objects(from: "tc -j qdisc show") {
            let (device, kind) = ("\(queue["dev"] ?? "")", "\(queue["kind"] ?? "")")
            guard device.hasPrefix("sl"), kind != "noqueue" else { continue }
            let options = (queue["options"] as? [String: Any] ?? [:]).sorted { $0.key < $1.key }
            lines.append("tc \(device) \(kind) \(options.map { "\($0)=\($1)" })")
            // Without the numbers that the kernel gives to actions.
            if kind == "clsact" {
                let filters = try output(of: "tc filter show dev \(device) ingress")
                lines[lines.count - 1] += filters.replacing(/index [0-9]+ ref [0-9]+ bind [0-9]+/, with: "")
            }
        }
        return lines
    }

    private static func host(_ link: [String: Any]) -> String {
        let flags = link["flags"] as? [String] ?? []
        return
            "\(link["ifname"] ?? "") \(flags.contains("UP")) \(link["mtu"] ?? "") \(link["master"] ?? "") \(link["ifalias"] ?? "") \(link["inet6_addr_gen_mode"] ?? "")"
    }

    private static func inside(_ link: [String: Any]) -> String { "\(host(link)) \(link["address"] ?? "")" }

    /// Waits until the node was reported as repaired and everything looks as in the picture.
    func awaitRepair(of node: NodeName, to picture: [String]) throws {
        var isReported = false
        while true {
            let report: Reconciler.Report
            do {
                report = try next()
            } catch {
                Issue.record("repair of \(node) reported: \(isReported); \(try changes(from: picture))")
                throw error
            }
            switch report {
            case .repaired(node, _): isReported = true
            case .settled: break
            default: continue
            }
            if isReported, try self.picture() == picture { return }
        }
    }

    func changes(from old: [String]) throws -> String {
        // A router whose rules were set right is looked through once more, and says so in a set until then.
        for plan in planned.inOrder where plan.tracksRevocations {
            let pending = "ip netns exec \(plan.name.text) nft list set inet sluice pending-revocations"
            while try output(of: pending).contains("elements") {}
        }
        return try picture().difference(from: old).map { "\($0)" }.joined(separator: "\n")
    }

    /// Whether an echo from the node comes back.
    func reaches(_ target: String, from node: NodeName, options: String = "") throws -> Bool {
        let text = try output(of: "ip netns exec \(node) ping -n -c 3 -i 0.2 -W 2 \(options) \(target)")
        return text.contains(" 0% packet loss")
    }
}

extension Reconciler.Report {
    var tickets: [Reconciler.Ticket] {
        switch self {
        case .settled(_, let tickets, _), .failed(_, _, let tickets), .removed(_, let tickets): tickets
        case .repaired, .adopted, .ended, .measured: []
        }
    }
}

/// A TCP connection between sockets in two namespaces, with an end for each. Where it is translated on the way, the far
/// end is not where the near one thinks it is.
final class Stream {
    let client: Int32
    let server: Int32

    init(
        from near: NodeName, to far: NodeName, address: IPv4Address, port: UInt16,
        listeningAt listening: (address: IPv4Address, port: UInt16)? = nil
    ) throws {
        let directory = NamespaceDirectory.system
        func with(
            _ address: IPv4Address, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
        ) -> Int32 {
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_port = port.bigEndian
            place.sin_addr.s_addr = address.bits.bigEndian
            return withUnsafePointer(to: place) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        let listener = try directory.open(far.text).enter { Self.socket() }
        let (place, number) = listening ?? (address, port)
        try #require(with(place, number) { bind(listener, $0, $1) } == 0 && listen(listener, 1) == 0)
        let client = try directory.open(near.text).enter { Self.socket() }
        let isConnected = with(address, port) { connect(client, $0, $1) } == 0
        let server = isConnected ? accept(listener, nil, nil) : -1
        close(listener)
        self.client = client
        self.server = server
        try #require(server >= 0, "connect: \(errno)")
    }

    deinit {
        close(client)
        close(server)
    }

    private static func socket() -> Int32 {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    /// Whether a word gets from each end to the other.
    func carries(_ word: String) -> Bool {
        [(client, server), (server, client)].allSatisfy { from, to in
            var bytes = Array(word.utf8)
            guard send(from, &bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return false }
            var heard = [UInt8](repeating: 0, count: bytes.count)
            return recv(to, &heard, heard.count, Int32(MSG_WAITALL)) == bytes.count && heard == bytes
        }
    }
}
