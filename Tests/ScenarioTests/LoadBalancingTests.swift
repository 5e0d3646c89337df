import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Ports that machines share, with real servers and a real proxy.
    @Suite struct LoadBalancingTests {
        static let outside = "sluice-internet"
        static let public50 = "203.0.113.50"

        /// The demo's two machines behind one address, with servers in both.
        private struct Site {
            let daemon: DaemonUnderTest
            let members: Members
            let address: String
            let web: String
            let db: String
            let world: World

            init(_ world: World) throws {
                self.world = world
                daemon = try DaemonUnderTest(world)
                address = try daemon.acquire(LoadBalancingTests.public50, for: daemon.network())
                (web, db) = (try daemon.machine("web"), try daemon.machine("db"))
                members = Members(world)
                try members.start("web", in: "i-2-2-VM", 8080)
                try members.start("db", in: "i-2-3-VM", 8080)
            }

            func visit(by source: String? = nil) throws -> Visit {
                try Visit(world, from: LoadBalancingTests.outside, to: LoadBalancingTests.public50, 80, by: source)
            }

            func counts(_ number: Int) throws -> [String: Int] {
                var counts: [String: Int] = [:]
                for _ in 0..<number { counts[try visit().member, default: 0] += 1 }
                return counts
            }

            /// HAProxy's processes of the demo's router, by what the kernel says.
            func proxies() throws -> [pid_t] {
                let found = try world.run(["ip", "netns", "pids", "r-1-VM"]).output
                return found.split(whereSeparator: \.isWhitespace).compactMap { pid_t($0) }
            }

            /// How many connections each member was given, once all have been counted.
            func shares(of rule: String, _ number: Int) throws -> [Int] {
                try seen("\(number) connections") {
                    let pairs = try daemon.list(
                        "listLoadBalancerRuleInstances", "lbrulevmidip", ["id": rule, "lbvmips": "true"])
                    let counts = pairs.flatMap { $0["members"] as? [[String: Any]] ?? [] }
                        .map { $0["connections"] as? Int ?? 0 }
                    return counts.reduce(0, +) == number ? counts : nil
                }
            }

            /// Until so many members are what the kernel takes them for, too: a change that is asked for later is in the
            /// kernel later.
            func wait(until what: String, _ states: [String], _ rule: String) throws {
                try seen(what) { try daemon.states(of: rule).values.sorted() == states ? true : nil }
                try daemon.perform(
                    "deleteFirewallRule", ["id": try daemon.admit(address, "tcp", 7...7)])
            }

            func isRefused() -> Bool {
                do {
                    _ = try visit()
                    return false
                } catch {
                    return "\(error)".contains("refused")
                }
            }

            /// Proxies outlive a daemon that is killed; this one takes them along.
            func end() throws { #expect(try daemon.stop() == 0) }
        }

        @Test(.needsRoot) func `a port is shared in turn, each member getting its share and one at most besides`()
            async throws
        {
            try await inOwnWorld { world in
                let site = try Site(world)
                let rule = try site.daemon.balance(site.address, [site.web, site.db])
                let number = isLong ? 10_000 : 100
                #expect(try site.counts(number) == ["web": number / 2, "db": number / 2])
                // A client comes to the same one each time, once it is asked for.
                try site.daemon.perform("updateLoadBalancerRule", ["id": rule, "algorithm": "source"])
                #expect(try site.counts(20).count == 1)
                #expect(try site.proxies() == [])
                try seen("what each has carried") {
                    let listed = try site.daemon.list("listTraffic", "traffic", ["type": "rule"])
                    let row = listed.first { $0["type"] as? String == "loadbalancerrule" }
                    return (row?["receivedpackets"] as? Int ?? 0) > number ? true : nil
                }
                try site.end()
            }
        }

        @Test(.needsRoot) func `ten thousand connections are shared evenly, in turn and by where they come from`()
            async throws
        {
            try await inOwnWorld { world in
                let site = try Site(world)
                let number: UInt16 = 10_000
                let rule = try site.daemon.balance(
                    site.address, [site.web, site.db], ["protocol": "udp", "publicport": "53"])
                try world.inside(Self.outside) {
                    for place in 0..<number {
                        try Wire.datagram(from: "0.0.0.0", 20_000 + place, to: Self.public50, 53)
                    }
                }
                let shares = try site.shares(of: rule, Int(number))
                #expect(shares == [Int(number) / 2, Int(number) / 2])
                // As many sources, twice each: nobody changes sides, and a member has half of them but for chance.
                let other = try site.daemon.balance(
                    site.address, [site.web, site.db], ["protocol": "udp", "publicport": "54", "algorithm": "source"])
                var first: [Int] = []
                for round in 1...2 {
                    try world.inside(Self.outside) {
                        for place in 0..<number {
                            let source = "198.18.\(1 + place >> 8).\(place & 255)"
                            try Wire.datagram(from: source, 20_000 + UInt16(round), to: Self.public50, 54)
                        }
                    }
                    let shares = try site.shares(of: other, round * Int(number))
                    if round == 1 {
                        first = shares
                        #expect(shares.allSatisfy { abs($0 - Int(number) / 2) <= 250 }, "\(shares)")
                    } else {
                        #expect(shares == first.map { 2 * $0 })
                    }
                }
                #expect(try site.proxies() == [])
                try site.end()
            }
        }

        @Test(.needsRoot) func `who does not answer leaves the rotation and comes back, and nobody is a clean no`()
            async throws
        {
            try await inOwnWorld { world in
                let site = try Site(world)
                let rule = try site.daemon.balance(site.address, [site.web, site.db])
                try site.daemon.perform(
                    "createLBHealthCheckPolicy",
                    ["lbruleid": rule, "intervaltime": "1", "responsetimeout": "1", "healthythreshold": "2"])
                #expect(try site.counts(4) == ["web": 2, "db": 2])
                let held = try (0..<4).map { _ in try site.visit() }
                site.members.stop("db")
                try site.wait(until: "db is down", ["Down", "Up"], rule)
                #expect(try site.counts(6) == ["web": 6])
                for visit in held where visit.member == "web" { try visit.echo() }
                #expect(try site.daemon.events("LB.MEMBER.HEALTH").count == 1)
                site.members.stop("web")
                try site.wait(until: "both are down", ["Down", "Down"], rule)
                #expect(site.isRefused())
                try site.members.start("db", in: "i-2-3-VM", 8080)
                try site.wait(until: "db is back", ["Down", "Up"], rule)
                #expect(try site.counts(3) == ["db": 3])
                try site.end()
            }
        }

        @Test(.needsRoot)
        func `least connections, and what holds on to them while rules, members and the proxy change`()
            async throws
        {
            try await inOwnWorld { world in
                let site = try Site(world)
                let rule = try site.daemon.balance(site.address, [site.web, site.db])
                let old = try (0..<4).map { _ in try site.visit() }
                try site.daemon.perform("updateLoadBalancerRule", ["id": rule, "algorithm": "leastconn"])
                #expect(try site.proxies().count == 1)
                for visit in old { try visit.echo() }
                // Ten each; those at web leave; the next ten are all web's, as in turn they would not be.
                var visits = try (0..<20).map { _ in try site.visit() }
                #expect(visits.count { $0.member == "web" } == 10)
                visits.removeAll { $0.member == "web" }
                try seen("the proxy has noticed") { try site.visit().member == "web" ? true : nil }
                let next = try (0..<10).map { _ in try site.visit() }
                #expect(next.allSatisfy { $0.member == "web" })
                // Members come and go by the proxy's runtime interface: the process stays.
                let process = try site.proxies()
                try site.daemon.perform(
                    "removeFromLoadBalancerRule", ["id": rule, "virtualmachineids": site.db, "cleanup": "drain"])
                for visit in visits + next { try visit.echo() }
                #expect(try site.counts(5) == ["web": 5])
                try site.daemon.perform("assignToLoadBalancerRule", ["id": rule, "virtualmachineids": site.db])
                #expect(try site.counts(4)["db"] ?? 0 > 0)
                #expect(try site.proxies() == process)
                // Another rule needs another process, to which the listening sockets go over; the old one finishes.
                let other = try site.daemon.balance(
                    site.address, [site.web], ["publicport": "81", "algorithm": "leastconn"])
                for visit in visits + next { try visit.echo() }
                #expect(try Visit(world, from: Self.outside, to: Self.public50, 81).member == "web")
                try site.daemon.perform("deleteLoadBalancerRule", ["id": other])
                for visit in visits + next { try visit.echo() }
                // Killed, it is there again; what it carried is lost with it.
                let killed = try site.proxies()
                for process in killed { kill(process, SIGKILL) }
                try seen("a proxy again") {
                    let now = try site.proxies()
                    return !now.isEmpty && now.allSatisfy { !killed.contains($0) } ? true : nil
                }
                try seen("service again", within: .seconds(5)) { (try? site.visit()) != nil ? true : nil }
                for visit in old { try visit.echo() }
                // What needs no proxy has none.
                try site.daemon.perform("updateLoadBalancerRule", ["id": rule, "algorithm": "roundrobin"])
                #expect(try site.counts(10) == ["web": 5, "db": 5])
                try seen("no proxy any more") { try site.proxies().isEmpty ? true : nil }
                try site.end()
            }
        }

        @Test(.needsRoot)
        func `a cookie keeps a client with its member, and the API's path is what is asked for health`()
            async throws
        {
            try await inOwnWorld { world in
                let site = try Site(world)
                let rule = try site.daemon.balance(site.address, [site.web, site.db])
                try site.daemon.perform(
                    "createLBStickinessPolicy",
                    [
                        "lbruleid": rule, "methodname": "LbCookie", "name": "s", "param[0].name": "cookie-name",
                        "param[0].value": "SRV",
                    ])
                let jar = "\(world.directory)/jar"
                let get = { () throws -> String in
                    try world.shell("curl -s -m 5 -b \(jar) -c \(jar) http://\(Self.public50)/", in: Self.outside)
                }
                let first = try get().split(separator: " ").first.map(String.init)
                #expect(first == "web" || first == "db")
                for _ in 0..<5 { #expect(try get().hasPrefix(first ?? "?")) }
                let others = try (0..<6).map { _ in
                    try world.shell("curl -s -m 5 http://\(Self.public50)/", in: Self.outside).prefix(2)
                }
                #expect(Set(others).count == 2)
                // The member sees the router, and is told of the client.
                #expect(try get().hasSuffix(" 203.0.113.1"))
                // A reload in between: the cookie still says who it is.
                _ = try site.daemon.balance(site.address, [site.web], ["publicport": "81", "algorithm": "leastconn"])
                for _ in 0..<3 { #expect(try get().hasPrefix(first ?? "?")) }
                try site.daemon.perform(
                    "createLBHealthCheckPolicy", ["lbruleid": rule, "pingpath": "/up", "intervaltime": "1"])
                site.members.stop("db")
                try site.members.start("db", in: "i-2-3-VM", 8080, ["unwell"])
                try seen("db is down") {
                    try site.daemon.states(of: rule).values.sorted() == ["Down", "Up"] ? true : nil
                }
                let later = try (0..<4).map { _ in
                    try world.shell("curl -s -m 5 http://\(Self.public50)/", in: Self.outside).prefix(3)
                }
                #expect(Set(later) == ["web"])
                try site.end()
            }
        }

        @Test(.needsRoot) func `members are checked without being asked for, and what they fail at is told`()
            async throws
        {
            try await inOwnWorld { world in
                let site = try Site(world)
                let proxied = try site.daemon.balance(
                    site.address, [site.web, site.db], ["publicport": "81", "algorithm": "leastconn"])
                let visit = { try Visit(world, from: Self.outside, to: Self.public50, 81) }
                let held = try (0..<4).map { _ in try visit() }
                #expect(Set(held.map(\.member)) == ["web", "db"])
                site.members.stop("db")
                // Nobody has found out yet: who is sent there is served by another, and it is counted.
                for _ in 0..<2 { #expect(try visit().member == "web") }
                let rule = try site.daemon.balance(site.address, [site.web, site.db])
                try site.wait(until: "the proxy has found out", ["Down", "Up"], proxied)
                try site.wait(until: "the kernel is told", ["Down", "Up"], rule)
                #expect(try site.counts(4) == ["web": 4])
                let rows = try seen("what failed") {
                    let rows = try site.daemon.list("listTraffic", "traffic", ["type": "member"])
                        .filter { $0[text: "name"].contains("tcp/81") }
                    return rows.contains { ($0["errors"] as? Int ?? 0) > 0 } ? rows : nil
                }
                #expect(rows.map { $0[text: "state"] }.sorted() == ["Down", "Up"])
                #expect(rows.contains { $0["responsetime"] is Int })
                let top = try site.daemon.sluice("top", "members", "--once").output
                #expect(top.contains("MEMBER") && top.contains("ERRORS") && top.contains("\(Self.public50) tcp/81 to "))
                let show = try site.daemon.sluice("lb", "show", proxied).output
                #expect(show.contains("ERRORS") && show.contains("Down"), "\(show)")
                try site.end()
            }
        }

        @Test(.needsRoot) func `clients known by the application's cookie stay through reloads and changes of members`()
            async throws
        {
            try await inOwnWorld { world in
                let site = try Site(world)
                let rule = try site.daemon.balance(site.address, [site.web, site.db])
                try site.daemon.perform(
                    "createLBStickinessPolicy",
                    [
                        "lbruleid": rule, "methodname": "AppCookie", "name": "s", "param[0].name": "cookie-name",
                        "param[0].value": "ID", "param[1].name": "request-learn", "param[1].value": "true",
                    ])
                let clients = (0..<12).map { "client-\($0)" }
                // In another order each time: in turn, they would come to others.
                let visit = { (order: [String]) in
                    try order.map { client in
                        (
                            client,
                            try world.shell(
                                "curl -s -m 5 -b ID=\(client) http://\(Self.public50)/ | cut -d' ' -f1",
                                in: Self.outside)
                        )
                    }.sorted { $0.0 < $1.0 }.map(\.1)
                }
                let first = try visit(clients)
                #expect(Set(first).count == 2)
                #expect(try visit(clients.reversed()) == first)
                let process = try site.proxies()
                // A member comes and goes: the oldest takes nobody from the others.
                let nic = try #require(
                    try site.daemon.list("listNics", "nic", ["virtualmachineid": site.db]).first)[text: "id"]
                try site.daemon.perform("addIpToNic", ["nicid": nic, "ipaddress": "10.1.1.99"])
                let further = ["id": rule, "vmidipmap[0].vmid": site.db, "vmidipmap[0].vmip": "10.1.1.99"]
                try site.daemon.perform("assignToLoadBalancerRule", further)
                #expect(try visit(clients.shuffled()) == first)
                #expect(try site.proxies() == process)
                for port in ["81", "82"] {
                    _ = try site.daemon.balance(
                        site.address, [site.web], ["publicport": port, "algorithm": "leastconn"])
                    #expect(try visit(clients.shuffled()) == first)
                }
                try site.daemon.perform("removeFromLoadBalancerRule", further)
                #expect(try visit(clients.shuffled()) == first)
                #expect(try site.proxies() != process)
                try site.end()
            }
        }

        @Test(.needsRoot) func `members of a rule that tells them of clients hear who came, and to where`() async throws
        {
            try await inOwnWorld { world in
                let site = try Site(world)
                _ = try site.daemon.balance(site.address, [site.web], ["protocol": "tcp-proxy"])
                let told = try site.visit().member.split(separator: " ").map(String.init)
                #expect(told.count == 7, "\(told)")
                #expect(told.prefix(5) == ["web", "PROXY", "TCP4", "203.0.113.1", Self.public50], "\(told)")
                #expect(told.last == "80")
                // Guests have the address that outsiders see.
                let guest = try Visit(world, from: "i-2-3-VM", to: Self.public50, 80).member
                #expect(guest.hasPrefix("web PROXY TCP4 203.0.113.10 \(Self.public50) "), "\(guest)")
                try site.end()
            }
        }

        @Test(.needsRoot) func `a machine of the network comes through the proxy as outsiders do`() async throws {
            try await inOwnWorld { world in
                let site = try Site(world)
                _ = try site.daemon.balance(
                    site.address, [site.web, site.db], ["algorithm": "leastconn", "openfirewall": "false"])
                // Closed to everybody, and then open to the address that outsiders see of the network alone.
                #expect(throws: (any Error).self) {
                    try Visit(world, from: "i-2-2-VM", to: Self.public50, 80)
                }
                _ = try site.daemon.admit(site.address, "tcp", 80...80, from: "203.0.113.10/32")
                #expect(try !Visit(world, from: "i-2-2-VM", to: Self.public50, 80).member.isEmpty)
                #expect(throws: (any Error).self) { try site.visit() }
                try site.end()
            }
        }
    }
}
