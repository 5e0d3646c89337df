import CLinux
import Foundation
import LinuxKernel
import Testing

extension Scenarios {
    /// Promise P5 for rules of users: what was acknowledged is there after any death, in the model and in the kernel.
    @Suite struct RuleDurabilityTests {
        private enum Kind: String, CaseIterable {
            case forward, admission, exemption
        }

        /// A rule is known by its kind and its port.
        private struct Rule: Hashable {
            let kind: Kind
            let port: Int
        }

        /// What the one who asks knows, as in `DurabilityTests`.
        private struct Account {
            var rules: Set<Rule> = []
            var unknown: Set<Rule> = []
            var leaving: Set<Rule> = []
            var calls = Tally()
        }

        private struct Place {
            let network: String
            let machine: String
            let forwarded: String
            let admitting: String
        }

        @Test(.timeLimit(.minutes(isLong ? 30 : 5)))
        func `killed at random moments, it keeps every acknowledged rule, in the model and in the kernel`()
            async throws
        {
            try await inOwnWorld { world in
                let (kills, calls) = isLong ? (100, 500) : (20, 120)
                let data = "\(world.directory)/data"
                var daemon = try DaemonUnderTest(world, data: data)
                let stream = try Stream(world, from: DemoTests.guest(daemon, "web"))
                let network = try daemon.network()
                let place = Place(
                    network: network, machine: try daemon.machine("db"),
                    forwarded: try daemon.acquire("203.0.113.50", for: network),
                    admitting: try daemon.acquire("203.0.113.51", for: network))
                var random = SystemRandomNumberGenerator()
                var account = Account()
                for call in 0..<calls {
                    let isKill = (call + 1) * kills / calls > call * kills / calls
                    let victim = daemon.process.id
                    let delay = Int32.random(in: 0...25, using: &random)
                    let killer =
                        isKill
                        ? try KernelThread(name: "killer") {
                            poll(nil, 0, delay)
                            kill(victim, SIGKILL)
                        } : nil
                    if account.rules.count > 12, let rule = account.rules.randomElement(using: &random) {
                        try Self.remove(rule, daemon, &account)
                    } else {
                        let kind = Kind.allCases[call % Kind.allCases.count]
                        try Self.make(Rule(kind: kind, port: 8_000 + call), place, daemon, &account)
                    }
                    guard isKill else { continue }
                    killer?.join()
                    #expect(try daemon.process.wait() == 128 + SIGKILL)
                    daemon = try DaemonUnderTest(world, data: data)
                    try daemon.waitUntilVerified()
                    try Self.settle(daemon, &account)
                    try Self.compareKernel(world, account.rules)
                }
                let rounds = stream.rounds
                #expect(stream.end() == nil)
                #expect(account.calls.acknowledged > calls / 3)
                print(
                    "\(kills) kills during \(calls) calls about rules: \(account.calls.acknowledged) acknowledged,",
                    "\(account.calls.unfinished) of them not finished, \(account.calls.unanswered) unanswered;",
                    "\(rounds) blocks went round through the router")
            }
        }

        private static func make(
            _ rule: Rule, _ place: Place, _ daemon: DaemonUnderTest, _ account: inout Account
        ) throws {
            account.unknown.insert(rule)
            let port = "\(rule.port)"
            let isAcknowledged =
                switch rule.kind {
                case .forward:
                    try account.calls.make(
                        "createPortForwardingRule",
                        [
                            "ipaddressid": place.forwarded, "protocol": "tcp", "publicport": port,
                            "privateport": port, "virtualmachineid": place.machine,
                        ], daemon)
                case .admission:
                    try account.calls.make(
                        "createFirewallRule",
                        ["ipaddressid": place.admitting, "protocol": "tcp", "startport": port, "endport": port],
                        daemon)
                case .exemption:
                    try account.calls.make(
                        "createEgressFirewallRule",
                        [
                            "networkid": place.network, "protocol": "tcp", "startport": port, "endport": port,
                            "destcidrlist": "192.0.2.0/24",
                        ], daemon)
                }
            guard isAcknowledged else { return }
            account.unknown.remove(rule)
            account.rules.insert(rule)
        }

        private static func remove(_ rule: Rule, _ daemon: DaemonUnderTest, _ account: inout Account) throws {
            account.rules.remove(rule)
            account.leaving.insert(rule)
            guard let id = try? present(daemon)[rule] else { return }
            let command =
                switch rule.kind {
                case .forward: "deletePortForwardingRule"
                case .admission: "deleteFirewallRule"
                case .exemption: "deleteEgressFirewallRule"
                }
            if try account.calls.make(command, ["id": id], daemon) { account.leaving.remove(rule) }
        }

        /// The ids of the rules that the API lists.
        private static func present(_ daemon: DaemonUnderTest) throws -> [Rule: String] {
            var found: [Rule: String] = [:]
            for rule in try daemon.list("listPortForwardingRules", "portforwardingrule") {
                found[Rule(kind: .forward, port: Int(rule[text: "publicport"]) ?? 0)] = rule[text: "id"]
            }
            for (kind, command) in [(Kind.admission, "listFirewallRules"), (.exemption, "listEgressFirewallRules")] {
                for rule in try daemon.list(command, "firewallrule")
                where kind == .exemption || rule[text: "ipaddress"] == "203.0.113.51" {
                    found[Rule(kind: kind, port: rule["startport"] as? Int ?? 0)] = rule[text: "id"]
                }
            }
            return found
        }

        private static func settle(_ daemon: DaemonUnderTest, _ account: inout Account) throws {
            let present = Set(try present(daemon).keys)
            #expect(account.rules.subtracting(present) == [], "acknowledged and gone")
            #expect(
                present.subtracting(account.rules).subtracting(account.unknown).subtracting(account.leaving) == [],
                "never asked for, or deleted")
            let opened = try daemon.list("listFirewallRules", "firewallrule")
                .filter { $0[text: "ipaddress"] == "203.0.113.50" }.compactMap { $0["startport"] as? Int }
            #expect(
                opened.sorted() == present.filter { $0.kind == .forward }.map(\.port).sorted(),
                "a forward without its firewall rule, or the other way round")
            account.rules = present
            account.unknown = []
            account.leaving = []
        }

        /// The kernel against the rules, as `nft` lists it.
        private static func compareKernel(_ world: World, _ rules: Set<Rule>) throws {
            let sets = try KernelSets(world, of: "r-1-VM")
            func ports(_ kind: Kind) -> [Int] { rules.filter { $0.kind == kind }.map(\.port) }
            let forwarded = Set(ports(.forward).map { "203.0.113.50 tcp \($0)" })
            #expect(sets["port-forwards"] == Set(ports(.forward).map { "203.0.113.50 tcp \($0): 10.1.1.20 \($0)" }))
            #expect(sets["forward-sent"] == forwarded)
            #expect(sets["forward-received"] == forwarded)
            #expect(
                sets["firewall-ports"] == forwarded.union(ports(.admission).map { "203.0.113.51 tcp \($0)" }))
            #expect(
                sets["egress-ranges"] == Set(ports(.exemption).map { "10.1.1.0/24 tcp \($0) 192.0.2.0/24" }))
        }
    }
}

/// The elements of a node's sets, by `nft` and a few lines of our own: what the daemon reads with is not asked.
struct KernelSets {
    private var elements: [String: Set<String>] = [:]

    init(_ world: World, of node: String) throws {
        let listing = Data(try world.shell("nft -j list table inet sluice", in: node).utf8)
        let top = try JSONSerialization.jsonObject(with: listing) as? [String: Any]
        for object in top?["nftables"] as? [[String: Any]] ?? [] {
            guard let set = (object["set"] ?? object["map"]) as? [String: Any] else { continue }
            elements[set[text: "name"]] = Set((set["elem"] as? [Any] ?? []).map(Self.text))
        }
    }

    subscript(_ name: String) -> Set<String> { elements[name] ?? [] }

    /// `203.0.113.50 tcp 80: 10.1.1.10 8080`
    private static func text(_ element: Any) -> String {
        if let pair = element as? [Any] { return pair.map(text).joined(separator: ": ") }
        guard let object = element as? [String: Any] else { return "\(element)" }
        if let inner = object["elem"] as? [String: Any] { return text(inner["val"] ?? "") }
        if let parts = object["concat"] as? [Any] { return parts.map(text).joined(separator: " ") }
        if let ends = object["range"] as? [Any] { return ends.map(text).joined(separator: "-") }
        if let prefix = object["prefix"] as? [String: Any] {
            return "\(text(prefix["addr"] ?? ""))/\(text(prefix["len"] ?? ""))"
        }
        return "\(object)"
    }
}
