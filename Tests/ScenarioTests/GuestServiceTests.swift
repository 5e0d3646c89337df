import CLinux
import Foundation
import Testing

extension Scenarios {
    /// Real clients on a port of their own: what a guest meets when it boots.
    @Suite struct GuestServiceTests {
        @Test func `dhclient binds, renews by its lease and reboots with it, and gives it back`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha")
                let script = try town.script()
                let words = [
                    "dhclient", "-4", "-1", "-v", "-lf", "\(world.directory)/leases", "-pf",
                    "\(world.directory)/pid", "-sf", script, "eth0",
                ]
                try world.run(words, in: guest.node)
                #expect(try guest.addresses() == ["10.1.1.10/24"])
                #expect(try world.shell("ip route show default", in: guest.node).contains("via 10.1.1.1"))
                let lease = try String(contentsOfFile: "\(world.directory)/leases", encoding: .utf8)
                for line in [
                    "option dhcp-server-identifier 10.1.1.1;", "option routers 10.1.1.1;",
                    "option domain-name-servers 10.1.1.1;", "option host-name \"alpha\";",
                ] {
                    #expect(lease.contains(line), "\(line)")
                }
                try world.shell("kill $(cat \(world.directory)/pid); ip address flush dev eth0", in: guest.node)
                // The same lease again is INIT-REBOOT.
                try world.run(words, in: guest.node)
                #expect(try guest.addresses() == ["10.1.1.10/24"])
                try world.run(["dhclient", "-r"] + words.dropFirst(4), in: guest.node)
                try town.sees { ($0["dhcp_releases"] ?? 0) >= 1 }
            }
        }

        @Test func `a guest that reboots with somebody else's address is told that it is not its`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha")
                let stale = """
                    lease { interface "eth0"; fixed-address 10.1.1.77; option subnet-mask 255.255.255.0;
                      option dhcp-lease-time 4294967295; option dhcp-message-type 5; option dhcp-server-identifier 10.1.1.1;
                      renew 4 2036/01/01 00:00:00; rebind 4 2036/01/01 00:00:00; expire 4 2036/01/01 00:00:00; }
                    """
                try stale.write(toFile: "\(world.directory)/leases", atomically: true, encoding: .utf8)
                let ran = try world.run(
                    [
                        "dhclient", "-4", "-1", "-v", "-lf", "\(world.directory)/leases", "-pf",
                        "\(world.directory)/pid",
                        "-sf", try town.script(), "eth0",
                    ], in: guest.node)
                #expect(ran.errors.contains("DHCPNAK"), "\(ran.errors)")
                #expect(try guest.addresses() == ["10.1.1.10/24"])
            }
        }

        @Test func `udhcpc and dhcpcd get the same address as everybody who asks by that port`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("beta")
                let script = try town.script()
                let ran = try world.run(
                    ["busybox", "udhcpc", "-f", "-n", "-q", "-i", "eth0", "-s", script, "-O", "121", "-O", "search"],
                    in: guest.node)
                #expect(ran.status == 0, "\(ran.errors)")
                #expect(try guest.addresses() == ["10.1.1.20/24"])
                try world.shell("ip address flush dev eth0", in: guest.node)
                // By its DUID, with a probe of its own whether somebody has the address.
                let other = try world.run(
                    ["dhcpcd", "-4", "-1", "-B", "-t", "20", "-c", script, "--nohook", "resolv.conf", "eth0"],
                    in: guest.node)
                #expect(
                    other.errors.contains("leased 10.1.1.20") || other.output.contains("leased 10.1.1.20"), "\(other)")
            }
        }

        @Test func `names of the network are known to it, and by TCP as well`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha", configured: true)
                func dig(_ words: String...) throws -> String {
                    try world.run(["dig", "+short", "+tries=1", "+time=3", "@10.1.1.1"] + words, in: guest.node).output
                }
                #expect(try dig("beta") == "10.1.1.20\n")
                #expect(try dig("+tcp", "data-server") == "10.1.1.1\n")
                #expect(try dig("-x", "10.1.1.20").hasPrefix("beta."))
                let absent = try world.run(["drill", "@10.1.1.1", "nobody"], in: guest.node).output
                #expect(absent.contains("rcode: NXDOMAIN"))
                // Known when the reply has come, and gone when it has gone.
                try town.add("late", "10.1.1.99")
                #expect(try dig("late") == "10.1.1.99\n")
            }
        }

        @Test func `other names are asked of the zone's resolvers, by the network's public address`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha", configured: true)
                let resolver = try world.start(
                    ["nsenter", "--net=/run/netns/sluice-internet", "/usr/bin/python3", "-u", "-c", Self.resolver])
                try resolver.read { $0.contains("ready") }
                func dig(_ words: String...) throws -> String {
                    try world.run(["dig", "+short", "+tries=1", "+time=4", "@10.1.1.1"] + words, in: guest.node).output
                }
                #expect(try dig("www.example.org") == "192.0.2.7\n")
                #expect(try dig("www.example.org") == "192.0.2.7\n")
                // Longer than a datagram takes: it is asked again over TCP, on both sides.
                #expect(try dig("many.example.org").split(separator: "\n").count == 200)
                #expect(try dig("+bufsize=512", "+ignore", "many.example.org") == "")
                try resolver.read { $0.contains("asked many.example.org") }
                resolver.end()
                #expect(try dig("beta") == "10.1.1.20\n")
                let heard = resolver.output.split(separator: "\n").filter { $0.hasPrefix("asked") }
                #expect(heard.contains { $0.contains("www.example.org") && $0.contains("203.0.113.") })
                #expect(heard.filter { $0.contains("www.example.org") }.count == 1, "\(heard)")
            }
        }

        @Test func `a guest reads its metadata at both addresses, and its password until it says that it has it`()
            async throws
        {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha", configured: true)
                func curl(_ words: String...) throws -> String {
                    try world.run(["curl", "-sS", "--max-time", "10"] + words, in: guest.node).output
                }
                for server in ["10.1.1.1", "169.254.169.254"] {
                    let leaves = try curl("http://\(server)/latest/meta-data/").split(separator: "\n")
                    #expect(leaves.contains("instance-id"))
                    for leaf in leaves {
                        let status = try curl(
                            "-o", "/dev/null", "-w", "%{http_code}", "http://\(server)/latest/meta-data/\(leaf)")
                        #expect(status == "200", "\(leaf)")
                    }
                    #expect(try curl("http://\(server)/latest/meta-data/local-ipv4") == "10.1.1.10")
                }
                #expect(
                    try curl("-H", "DomU_Request: send_my_password", "http://10.1.1.1:8080/") == "saved_password")
            }
        }

        @Test func `no header, host or source address makes one guest another`() async throws {
            // IS8. The neighbour's pages are asked for in every way there is; what comes is one's own or nothing.
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha", configured: true)
                let url = "http://10.1.1.1/latest/meta-data/local-hostname"
                for words in [
                    ["-H", "X-Forwarded-For: 10.1.1.20", url], ["-H", "X-Real-IP: 10.1.1.20", url],
                    ["-H", "Host: 10.1.1.20", url], ["-H", "Forwarded: for=10.1.1.20", url],
                    ["--request-target", "http://10.1.1.20/latest/meta-data/local-hostname", url],
                ] {
                    let read = try world.run(["curl", "-sS", "--max-time", "10"] + words, in: guest.node).output
                    #expect(read == "alpha", "\(words)")
                }
                try world.shell("ip address add 10.1.1.20/24 dev eth0", in: guest.node)
                let stolen = try world.run(
                    ["curl", "-sS", "--max-time", "2", "--interface", "10.1.1.20", url], in: guest.node)
                #expect(stolen.status != 0 && stolen.output.isEmpty)
                #expect(try world.run(["curl", "-sS", "--max-time", "10", url], in: guest.node).output == "alpha")
            }
        }

        @Test func `nobody outside is served`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let address = try #require(
                    try town.daemon.list("listPublicIpAddresses", "publicipaddress").first)[text: "ipaddress"]
                for port in ["80", "8080", "53"] {
                    let ran = try world.run(
                        ["curl", "-sS", "--max-time", "1", "http://\(address):\(port)/"], in: "sluice-internet")
                    #expect(ran.status == 28, "\(port): \(ran.errors)")
                }
                let ran = try world.run(
                    ["dig", "+short", "+tries=1", "+time=1", "@\(address)", "alpha"], in: "sluice-internet")
                #expect(ran.status != 0)
            }
        }

        @Test func `the process that serves has no rights, and when it dies another serves by the same sockets`()
            async throws
        {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha", configured: true)
                let worker = try town.worker()
                let status = try String(contentsOfFile: "/proc/\(worker)/status", encoding: .utf8)
                for line in [
                    "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000",
                    "NoNewPrivs:\t1", "Seccomp:\t2",
                ] {
                    #expect(status.contains(line), "\(line)")
                }
                #expect(!status.contains("Uid:\t0"))
                kill(worker, SIGSEGV)
                let next = try seen("another process") { try? town.worker(after: worker) }
                #expect(next != worker)
                let found = try world.run(
                    ["dig", "+short", "+tries=3", "+time=2", "@10.1.1.1", "beta"], in: guest.node)
                #expect(found.output == "10.1.1.20\n")
            }
        }

        @Test func `with the daemon dead guests are served, and the next daemon loses none of their questions`()
            async throws
        {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                var town: ServiceTown? = try ServiceTown(world, data: data)
                let guest = try #require(try town?.plug("alpha", configured: true))
                let before = try #require(try town?.worker())
                let asking = try world.start(
                    ["nsenter", "--net=/run/netns/\(guest.node)", "/usr/bin/python3", "-u", "-c", Self.asker])
                try asking.read { $0.contains("asked 200") }
                town?.daemon.process.end()
                let dead = try world.run(["dig", "+short", "+tries=1", "+time=2", "@10.1.1.1", "beta"], in: guest.node)
                #expect(dead.output == "10.1.1.20\n")
                town = try ServiceTown(world, data: data)
                let after = try #require(try town?.worker(after: before))
                #expect(after != before)
                let said = asking.output.split(separator: "\n").count
                try asking.read { $0.split(separator: "\n").count > said + 20 }
                asking.signal(SIGINT)
                _ = try asking.wait()
                #expect(asking.output.contains("lost 0\n"), "\(asking.output)")
                try seen("the end of the process before") { kill(before, 0) != 0 ? true : nil }
                kill(after, SIGKILL)
            }
        }

        /// Asks one thing after the other over both protocols, each once, and says how many had no answer.
        private static let asker = #"""
            import dns.message, dns.query, signal, sys, urllib.request
            going, asked, lost = [True], 0, 0
            signal.signal(signal.SIGINT, lambda *_: going.clear())
            while going:
                try:
                    q = dns.message.make_query('beta.', 'A')
                    a = dns.query.udp(q, '10.1.1.1', timeout=3)
                    urllib.request.urlopen('http://10.1.1.1/latest/meta-data/instance-id', timeout=3).read()
                    asked += 1
                except Exception as e:
                    lost += 1
                    print('lost', e)
                if asked % 50 == 0: print('asked', asked)
            print('lost %d' % lost)
            """#

        /// A resolver of the outside: two names, one of which has two hundred addresses.
        private static let resolver = #"""
            import dns.message, dns.rrset, dns.flags, socket, threading, struct
            def answer(wire, limit, who):
                q = dns.message.from_wire(wire)
                name = q.question[0].name.to_text()
                print('asked', name, who)
                r = dns.message.make_response(q)
                n = 200 if name.startswith('many') else 1
                addresses = ['192.0.2.%d' % (7 + i) for i in range(n)]
                r.answer.append(dns.rrset.from_text(name, 60, 'IN', 'A', *addresses))
                w = r.to_wire(max_size=65535)
                if len(w) > limit:
                    r.answer, r.flags = [], r.flags | dns.flags.TC
                    w = r.to_wire()
                return w
            def exactly(c, n):
                b = b''
                while len(b) < n: b += c.recv(n - len(b)) or exit()
                return b
            def streams():
                while True:
                    c, a = t.accept()
                    n, = struct.unpack('!H', exactly(c, 2))
                    w = answer(exactly(c, n), 65535, a[0])
                    c.sendall(struct.pack('!H', len(w)) + w)
                    c.close()
            t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            t.bind(('198.51.100.1', 53)); t.listen()
            threading.Thread(target=streams, daemon=True).start()
            u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('198.51.100.1', 53))
            print('ready')
            while True:
                b, a = u.recvfrom(4096)
                u.sendto(answer(b, 1232, a[0]), a)
            """#
    }
}
