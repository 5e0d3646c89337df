import CLinux
import Foundation
import LinuxKernel
import Synchronization
import Testing

extension Scenarios {
    /// Promises P3, P4 and P5: the daemon may die at any moment.
    @Suite struct DurabilityTests {
        /// What the one who asks knows: what was acknowledged must be there, what was refused must not, and of a call that
        /// nobody answered nothing is known but that it is there as a whole or not at all.
        private struct Account {
            var guests: Set<String> = []
            var unknown: Set<String> = []
            var leaving: Set<String> = []
            var calls = Tally()
        }

        @Test(.timeLimit(.minutes(isLong ? 30 : 5)))
        func `killed at random moments, it keeps what it acknowledged, in the model and in the kernel`() async throws {
            try await inOwnWorld { world in
                let (kills, calls) = isLong ? (100, 200) : (20, 100)
                let data = "\(world.directory)/data"
                var daemon = try DaemonUnderTest(world, data: data)
                let stream = try Stream(world, from: DemoTests.guest(daemon, "web"))
                let zone = try #require(daemon.list("listZones", "zone").first)[text: "id"]
                let network = try #require(daemon.list("listNetworks", "network").first)[text: "id"]
                var random = SystemRandomNumberGenerator()
                var account = Account()
                let start = ContinuousClock.now
                var killed = 0
                var starts = 0
                var repairs = 0
                for call in 0..<calls {
                    // Kills are spread over the calls; each comes some milliseconds after the call has begun, from a
                    // thread of its own, so that it meets any step of the work.
                    let isKill = (call + 1) * kills / calls > call * kills / calls
                    let victim = daemon.process.id
                    let delay = Int32.random(in: 0...40, using: &random)
                    let killer =
                        isKill
                        ? try KernelThread(name: "killer") {
                            poll(nil, 0, delay)
                            kill(victim, SIGKILL)
                        } : nil
                    if account.guests.count > 6, let name = account.guests.randomElement(using: &random) {
                        try Self.destroy(name, daemon, &account)
                    } else {
                        try Self.deploy("k\(call)", zone, network, daemon, &account)
                    }
                    guard isKill else { continue }
                    killer?.join()
                    killed += 1
                    #expect(try daemon.process.wait() == 128 + SIGKILL)
                    // Now and then it does not even come to the end of its start.
                    if killed.isMultiple(of: 4) {
                        try Self.killWhileStarting(world, data, after: .random(in: 0...150, using: &random))
                        starts += 1
                    }
                    daemon = try DaemonUnderTest(world, data: data)
                    try Self.settle(daemon, &account)
                    repairs += try daemon.events("NODE.REPAIR").count
                }
                try daemon.waitUntilVerified()
                try Self.compareKernel(world, daemon)
                let took = ContinuousClock.now - start
                let rounds = stream.rounds
                #expect(stream.end() == nil)
                print(
                    "\(killed) kills during \(calls) calls in \(took.milliseconds) ms: \(account.calls.acknowledged) acknowledged,",
                    "\(account.calls.unfinished) of them not finished, \(account.calls.unanswered) unanswered; \(starts) kills while starting,",
                    "\(repairs) repairs at restarts;",
                    "\(rounds) blocks went round through the router")
                #expect(account.calls.acknowledged > calls / 4)

                // A last, orderly start finds everything in place and touches nothing.
                #expect(try daemon.stop() == 0)
                daemon = try DaemonUnderTest(world, data: data)
                try daemon.waitUntilVerified()
                #expect(try daemon.status["netlinkwrites"] as? Int == 0, "\(daemon.logText)")
                #expect(try daemon.events("NODE.REPAIR").isEmpty)
            }
        }

        static func killWhileStarting(_ world: World, _ data: String, after delay: Int32) throws {
            let programs = DaemonUnderTest.programs
            let victim = try world.start(
                ["\(programs)/sluiced", "--data", data, "--api", "127.0.0.1:0", "--profile", "demo"])
            poll(nil, 0, delay)
            victim.end()
        }

        private static func deploy(
            _ name: String, _ zone: String, _ network: String, _ daemon: DaemonUnderTest, _ account: inout Account
        ) throws {
            // A call that nobody answered may still have been written down.
            account.unknown.insert(name)
            let isAcknowledged = try account.calls.make(
                "deployVirtualMachine", ["zoneid": zone, "networkids": network, "name": name], daemon)
            guard isAcknowledged else { return }
            account.unknown.remove(name)
            account.guests.insert(name)
        }

        private static func destroy(_ name: String, _ daemon: DaemonUnderTest, _ account: inout Account) throws {
            account.guests.remove(name)
            account.leaving.insert(name)
            let machines = try? daemon.list("listVirtualMachines", "virtualmachine")
            let id = machines?.first { $0[text: "name"] == name }?[text: "id"] ?? ""
            if try account.calls.make("destroyVirtualMachine", ["id": id, "expunge": "true"], daemon) {
                account.leaving.remove(name)
            }
        }

        /// After a restart: the model against the account, which then knows what had been unknown.
        private static func settle(_ daemon: DaemonUnderTest, _ account: inout Account) throws {
            let machines = try daemon.list("listVirtualMachines", "virtualmachine")
            let present = Set(machines.map { $0[text: "name"] }).subtracting(["web", "db"])
            #expect(account.guests.subtracting(present) == [], "acknowledged and gone")
            #expect(
                present.subtracting(account.guests).subtracting(account.unknown).subtracting(account.leaving) == [],
                "never asked for, or refused")
            for machine in machines {
                let nics = machine["nic"] as? [[String: Any]] ?? []
                #expect(
                    nics.count == 1 && nics.first?[text: "ipaddress"].hasPrefix("10.1.1.") == true,
                    "half a machine: \(machine)")
            }
            let addresses = machines.compactMap { ($0["nic"] as? [[String: Any]])?.first?[text: "ipaddress"] }
            #expect(Set(addresses).count == machines.count, "an address given twice")
            account.guests = present
            account.unknown = []
            account.leaving = []
        }

        /// The kernel against the model, by other tools than the daemon's.
        static func compareKernel(_ world: World, _ daemon: DaemonUnderTest) throws {
            let machines = try daemon.list("listVirtualMachines", "virtualmachine")
            let routers = try daemon.list("listRouters", "router").map { $0[text: "name"] }
            let planned = Set(machines.map { $0[text: "instancename"] } + routers + ["sluice-internet"])
            // What the plan knows nothing of goes after what it knows is verified.
            try seen("the namespaces \(planned.sorted()) and no others") {
                let mounted = try world.shell("awk '$3 == \"nsfs\" { print $2 }' /proc/self/mounts")
                let names = mounted.split(separator: "\n").map { String($0.dropFirst("/run/netns/".count)) }
                return Set(names) == planned ? true : nil
            }
            let identities = try world.shell("nft list set inet sluice guest-identities", in: routers[0])
            for machine in machines {
                let nic = try #require((machine["nic"] as? [[String: Any]])?.first)
                #expect(identities.contains("\(nic[text: "macaddress"]) . \(nic[text: "ipaddress"])"), "\(machine)")
            }
            #expect(identities.split(separator: "\"eth0\"").count - 1 == machines.count, "\(identities)")
        }

        @Test func `a restart takes over what is there: no packet is lost and nothing is written`() async throws {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                let first = try DaemonUnderTest(world, data: data)
                try first.waitUntilVerified()
                let counters = "nft list chain inet sluice network-egress; ip -s -o link"
                try world.shell("ping -c 3 -i 0.01 198.51.100.1", in: "i-2-2-VM")
                let ping = try world.start(
                    ["nsenter", "--net=/run/netns/i-2-2-VM", "ping", "-i", "0.01", "198.51.100.1"])
                try ping.read { $0.contains("icmp_seq=20 ") }
                let before = try world.shell(
                    "nft -a list table inet sluice | sed 's/packets.*bytes [0-9]*//'; ip -o link", in: "r-1-VM")
                #expect(try first.stop() == 0)
                let second = try DaemonUnderTest(world, data: data)
                try second.waitUntilVerified()
                try seen("the end of the adoption") { try second.events("DAEMON.ADOPT").isEmpty ? nil : true }
                ping.signal(SIGINT)
                _ = try ping.wait()
                #expect(ping.output.contains(" 0% packet loss"), "\(ping.output.suffix(300))")
                #expect(try second.status["netlinkwrites"] as? Int == 0)
                // Same rules by handle, same devices by number: nothing was made anew.
                #expect(
                    try world.shell(
                        "nft -a list table inet sluice | sed 's/packets.*bytes [0-9]*//'; ip -o link", in: "r-1-VM")
                        == before)
                #expect(try world.shell(counters, in: "r-1-VM").contains("packets 0 bytes 0") == false)
                // And it can do its work: the same world, one guest more.
                let zone = try #require(second.list("listZones", "zone").first)[text: "id"]
                let network = try #require(second.list("listNetworks", "network").first)[text: "id"]
                try second.perform("deployVirtualMachine", ["zoneid": zone, "networkids": network, "name": "later"])
                #expect(try second.status["netlinkwrites"] as? Int ?? 0 > 0)
                try Self.compareKernel(world, second)
            }
        }
    }
}
