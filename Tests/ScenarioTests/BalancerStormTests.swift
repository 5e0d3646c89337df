import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Rules and members that change all the time, under connections that do not care.
    @Suite struct BalancerStormTests {
        private static let address = "203.0.113.50"
        private static let outside = "sluice-internet"

        /// Many connections that live long and say something now and then, and short ones one after the other, to two ports.
        /// Ends when it is told to, and says what became of them.
        private static let clients = """
            import asyncio, json, resource, signal, sys
            host, ports, count = sys.argv[1], [80, 81], int(sys.argv[2])
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            told = {'broken': [], 'lost': [], 'echoes': 0, 'short': {str(port): 0 for port in ports}}
            over = asyncio.Event()
            async def greeted(port):
                reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 20)
                writer.write(b'hello')
                heard = b''
                while b'\\n' not in heard:
                    more = await asyncio.wait_for(reader.read(4096), 20)
                    if not more: raise OSError('closed after %r' % heard)
                    heard += more
                return reader, writer
            async def long(port, ready):
                reader, writer = await greeted(port)
                ready()
                last = False
                while not last:
                    last = over.is_set()
                    try:
                        writer.write(b'again')
                        await asyncio.wait_for(reader.readexactly(5), 20)
                        told['echoes'] += 1
                    except Exception as error:
                        told['broken'].append('%d: %r' % (port, error))
                        return
                    try: await asyncio.wait_for(over.wait(), 2)
                    except asyncio.TimeoutError: pass
                writer.close()
            async def short(port):
                while not over.is_set():
                    try:
                        reader, writer = await greeted(port)
                        writer.close()
                        told['short'][str(port)] += 1
                    except Exception as error: told['lost'].append('%d: %r' % (port, error))
                    await asyncio.sleep(0.05)
            async def main():
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
                all = asyncio.Event()
                left = [count]
                def ready():
                    left[0] -= 1
                    if left[0] == 0: all.set()
                tasks = [asyncio.create_task(long(ports[n % 2], ready)) for n in range(count)]
                done = asyncio.create_task(all.wait())
                await asyncio.wait([done] + tasks, return_when=asyncio.FIRST_COMPLETED)
                print('ready' if all.is_set() else 'failed', flush=True)
                tasks += [asyncio.create_task(short(port)) for port in ports]
                await over.wait()
                await asyncio.gather(*tasks, return_exceptions=True)
                print(json.dumps(told), flush=True)
            asyncio.run(main())
            """

        /// A rule in the kernel at port 80 and one of the proxy's at 81, with the machines' own addresses as members that
        /// stay and others of theirs as members that come and go.
        private struct Site {
            let daemon: DaemonUnderTest
            let rules: [String]
            let machines: [String]
            var edits = 0
            var counts: [String: [Int]] = [:]

            static func further(_ machine: Int, _ number: Int) -> String { "10.1.1.\(150 + 20 * machine + number)" }

            init(_ world: World, _ daemon: DaemonUnderTest, further count: Int) throws {
                self.daemon = daemon
                let address = try daemon.acquire(BalancerStormTests.address, for: daemon.network())
                machines = [try daemon.machine("web"), try daemon.machine("db")]
                for (place, machine) in machines.enumerated() {
                    let nic = try #require(
                        try daemon.list("listNics", "nic", ["virtualmachineid": machine]).first)[text: "id"]
                    for number in 0..<count {
                        let further = Self.further(place, number)
                        try daemon.perform("addIpToNic", ["nicid": nic, "ipaddress": further])
                    }
                }
                rules = [
                    try daemon.balance(address, machines),
                    try daemon.balance(address, machines, ["publicport": "81", "algorithm": "leastconn"]),
                ]
            }

            private func map(_ place: Int, _ number: Int) -> [String: String] {
                ["vmidipmap[0].vmid": machines[place], "vmidipmap[0].vmip": Self.further(place, number)]
            }

            /// Members of both rules that were not there, or are there no more.
            func changeMembers(_ turn: Int, _ count: Int) throws {
                let (place, number) = (turn % 2, turn / 4 % count)
                let isComing = turn / 2 % 2 == 0
                for rule in rules {
                    try daemon.perform(
                        isComing ? "assignToLoadBalancerRule" : "removeFromLoadBalancerRule",
                        map(place, number).merging(["id": rule]) { $1 }
                            .merging(isComing ? [:] : ["cleanup": "drain"]) { $1 })
                }
            }

            func editRules(_ turn: Int) throws {
                for (rule, algorithms) in zip(rules, [["source", "roundrobin"], ["roundrobin", "leastconn"]]) {
                    let algorithm = algorithms[turn % 2]
                    // The second stays with the proxy, whatever its algorithm is, by its policy.
                    try daemon.perform(
                        "updateLoadBalancerRule", ["id": rule, "algorithm": algorithm, "name": "n\(turn)"])
                }
            }

            /// Of rules and members: connections, and bytes both ways. None may ever be less than it was.
            mutating func watch() throws {
                for type in ["rule", "member"] {
                    for row in try daemon.list("listTraffic", "traffic", ["type": type]) where row["errors"] != nil {
                        let now = ["connections", "receivedbytes", "sentbytes", "errors"].map { row[$0] as? Int ?? 0 }
                        let before = counts.updateValue(now, forKey: row[text: "id"]) ?? [0, 0, 0, 0]
                        #expect(
                            zip(now, before).allSatisfy { $0 >= $1 }, "\(type) \(row[text: "name"]): \(before), \(now)")
                    }
                }
            }
        }

        /// The long form is 100 changes of members and 100 edits of rules a minute, for five minutes, under 1,000 connections.
        @Test(.needsRoot, .timeLimit(.minutes(isLong ? 15 : 5)))
        func `a storm of changes breaks no connection, loses no request and forgets no count`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let members = Members(world)
                try members.start("web", in: "i-2-2-VM", 8080)
                try members.start("db", in: "i-2-3-VM", 8080)
                let (count, turns) = isLong ? (1_000, 250) : (100, 20)
                let further = 4
                var site = try Site(world, daemon, further: further)
                // So that the second rule is the proxy's for good.
                try daemon.perform("createLBHealthCheckPolicy", ["lbruleid": site.rules[1], "pingpath": "/up"])
                let clients = try world.start(
                    [
                        "nsenter", "--net=/run/netns/\(Self.outside)", "python3", "-c", Self.clients, Self.address,
                        "\(count)",
                    ])
                #expect(try clients.read { $0.contains("ready") || $0.contains("failed") })
                #expect(clients.output.contains("ready"))
                let clock = ContinuousClock()
                let start = clock.now
                for turn in 0..<turns {
                    try site.changeMembers(turn, further)
                    try site.editRules(turn)
                    if turn % 5 == 4 { try site.watch() }
                    // The long form keeps to the minute; the short one goes as fast as it can.
                    while isLong, clock.now < start + .milliseconds(1_200 * (turn + 1)) { poll(nil, 0, 20) }
                }
                let took = clock.now - start
                clients.signal(SIGTERM)
                #expect(try clients.wait(within: .seconds(120)) == 0)
                let line = try #require(clients.output.split(separator: "\n").last)
                let told = try #require(
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                let (broken, lost) = (told["broken"] as? [String] ?? ["?"], told["lost"] as? [String] ?? ["?"])
                #expect(broken.isEmpty, "\(broken.prefix(5))")
                #expect(lost.isEmpty, "\(lost.prefix(5))")
                let short = told["short"] as? [String: Int] ?? [:]
                let totals = try ["80", "81"].map { try #require(short[$0]) + count / 2 }
                // All that was made, but for what a member was given in the moment between its last reading and its end.
                func counted(_ place: Int) -> Int { site.counts[site.rules[place]]?[0] ?? 0 }
                try seen("the counts") {
                    try site.watch()
                    return zip([0, 1], totals).allSatisfy { counted($0) * 100 >= $1 * 99 } ? true : nil
                }
                for (place, total) in totals.enumerated() { #expect(counted(place) <= total) }
                print(
                    "storm: \(count) connections, \(2 * turns) member changes and \(2 * turns) rule edits in \(took), "
                        + "\(told["echoes"] ?? "?") echoes, short \(short), counted \(counted(0)) of \(totals[0]) by the "
                        + "kernel and \(counted(1)) of \(totals[1]) by the proxy")
                #expect(try daemon.stop() == 0)
            }
        }

        /// Another network with a machine that serves, and a rule of the proxy's for it.
        private static func neighbour(_ world: World, _ daemon: DaemonUnderTest) throws -> (
            router: String, server: Members
        ) {
            let demo = try #require(try daemon.list("listNetworks", "network").first)
            let network = try #require(
                try daemon.perform(
                    "createNetwork",
                    [
                        "zoneid": daemon.zone(), "networkofferingid": demo[text: "networkofferingid"], "name": "next",
                        "gateway": "10.7.0.1", "netmask": "255.255.255.0",
                    ])["network"] as? [String: Any])[text: "id"]
            let machine = try #require(
                try daemon.perform(
                    "deployVirtualMachine",
                    ["zoneid": daemon.zone(), "networkids": network, "name": "next", "port": "emulated"])[
                        "virtualmachine"] as? [String: Any])
            let address = try daemon.acquire("203.0.113.60", for: network)
            let server = Members(world)
            try server.start("next", in: machine[text: "instancename"], 8080)
            _ = try daemon.balance(address, [machine[text: "id"]], ["algorithm": "leastconn"])
            let routers = try daemon.list("listRouters", "router")
            return (try #require(routers.first { $0[text: "guestnetworkid"] == network })[text: "name"], server)
        }

        @Test(.needsRoot) func `a proxy that is killed comes again, and others do not notice`() async throws {
            try await inOwnWorld { world in
                let daemon = try DaemonUnderTest(world)
                let members = Members(world)
                try members.start("web", in: "i-2-2-VM", 8080)
                let address = try daemon.acquire(Self.address, for: daemon.network())
                _ = try daemon.balance(address, [daemon.machine("web")], ["algorithm": "leastconn"])
                let (router, server) = try Self.neighbour(world, daemon)
                defer { server.stop("next") }
                let pids = { (name: String) in try world.run(["ip", "netns", "pids", name]).output }
                let others = try pids(router)
                #expect(!others.isEmpty)
                let held = try Visit(world, from: Self.outside, to: "203.0.113.60", 80)
                for round in 1...3 {
                    let killed = try #require(try pid_t(pids("r-1-VM").trimmingCharacters(in: .newlines)))
                    kill(killed, SIGKILL)
                    // Whoever comes meanwhile is served by the machine or refused, never by anybody else.
                    try seen("service again") {
                        do {
                            let visit = try Visit(world, from: Self.outside, to: Self.address, 80)
                            #expect(visit.member == "web")
                            return true
                        } catch {
                            #expect("\(error)".contains("refused") || "\(error)".contains("reset"), "\(error)")
                            return nil
                        }
                    }
                    #expect(try pid_t(pids("r-1-VM").trimmingCharacters(in: .newlines)) != killed)
                    try seen("event \(round)") { try daemon.events("PROXY.RESTART").count == round ? true : nil }
                }
                #expect(try pids(router) == others)
                try held.echo()
                #expect(try daemon.stop() == 0)
            }
        }
    }
}
