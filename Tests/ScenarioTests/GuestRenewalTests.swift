import Foundation
import Testing

extension Scenarios {
    /// Nothing that ends takes an address away: not the process that serves, nor the daemon, nor the host.
    @Suite struct GuestRenewalTests {
        @Test func `a renewal is acknowledged after the worker, the daemon and the host have ended`() async throws {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                var town: ServiceTown? = try ServiceTown(world, data: data)
                let guest = try #require(try town?.plug("alpha"))
                let script = "\(world.directory)/lease-script"
                try """
                #!/bin/sh
                [ "$1" = deconfig ] || ip address replace "$ip/24" dev "$interface"
                echo "$1 $ip"

                """.write(toFile: script, atomically: true, encoding: .utf8)
                try world.shell("chmod +x \(script)")
                let client = try world.start(
                    [
                        "nsenter", "--net=/run/netns/\(guest.node)", "busybox", "udhcpc", "-f", "-i", "eth0", "-s",
                        script, "-t", "100", "-T", "1",
                    ])
                try client.read { $0.contains("bound 10.1.1.10\n") }
                func renew(_ time: Int) throws {
                    // First by unicast to the server, then by broadcast: it never begins anew.
                    client.signal(SIGUSR1)
                    try client.read { $0.components(separatedBy: "renew 10.1.1.10\n").count > time }
                }
                try renew(1)

                let worker = try #require(try town?.worker())
                kill(worker, SIGKILL)
                _ = try seen("another process") { try? town?.worker(after: worker) }
                try renew(2)

                town?.daemon.process.signal(SIGKILL)
                _ = try town?.daemon.process.wait()
                try renew(3)
                town = try ServiceTown(world, data: data)
                try renew(4)

                // The host falls: processes and all that was in the kernel are gone, the guest's own machine goes on.
                town?.daemon.process.signal(SIGKILL)
                _ = try town?.daemon.process.wait()
                try world.shell("pkill -KILL --ns $$ --nslist mnt -x sluice-worker || true")
                try world.shell(
                    """
                    for name in $(ls /run/netns); do [ $name = \(guest.node) ] || ip netns delete $name; done
                    ip -o link show type bridge | sed -nE 's/^[0-9]+: (sl[^:@]*).*/\\1/p' | while read -r bridge; do
                        ip link delete $bridge
                    done
                    nft flush ruleset
                    """)
                town = try ServiceTown(world, data: data)
                let bridge = try #require(town?.bridge)
                try world.shell("ip link set port-alpha master \(bridge) up")
                try renew(5)
                #expect(!client.output.contains("deconfig\n"), "\(client.output)")
                #expect(client.output.components(separatedBy: "bound ").count == 2, "\(client.output)")
                kill(try #require(try town?.worker()), SIGKILL)
            }
        }

        @Test func `dhclient comes back with the lease of a server that is gone, and keeps its address`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha")
                let script = try town.script()
                // Its times to renew and to rebind are over.
                let stale = """
                    lease { interface "eth0"; fixed-address 10.1.1.10; option subnet-mask 255.255.255.0;
                      option dhcp-lease-time 4294967295; option dhcp-message-type 5; option dhcp-server-identifier 10.1.1.200;
                      renew 4 2020/01/02 00:00:00; rebind 4 2020/01/02 00:00:00; expire 4 2036/01/01 00:00:00; }
                    """
                try stale.write(toFile: "\(world.directory)/leases", atomically: true, encoding: .utf8)
                let ran = try world.run(
                    [
                        "dhclient", "-4", "-1", "-v", "-lf", "\(world.directory)/leases", "-pf",
                        "\(world.directory)/pid", "-sf", script, "eth0",
                    ], in: guest.node)
                #expect(ran.status == 0 && ran.errors.contains("DHCPREQUEST for 10.1.1.10"), "\(ran.errors)")
                #expect(!ran.errors.contains("DHCPDISCOVER") && !ran.errors.contains("DHCPNAK"), "\(ran.errors)")
                #expect(try guest.addresses() == ["10.1.1.10/24"])
                let lease = try String(contentsOfFile: "\(world.directory)/leases", encoding: .utf8)
                #expect(lease.contains("option dhcp-server-identifier 10.1.1.1;"))
            }
        }

        /// By the clock of a real client, for once: it asks who gave it the address, and whoever hears it when that one
        /// has gone silent.
        @Test func `an address for a time is renewed, then asked for of everybody, and kept`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha")
                func last(_ seconds: Int) throws {
                    _ = try town.daemon.perform(
                        "updateConfiguration", ["name": "dhcp.lease.timeout", "value": "\(seconds)"])
                }
                try last(6)
                let script = try town.script()
                let often = "\(world.directory)/dhclient.conf"
                try "initial-interval 1; backoff-cutoff 1;\n".write(toFile: often, atomically: true, encoding: .utf8)
                let client = try world.start([
                    "nsenter", "--net=/run/netns/\(guest.node)", "sh", "-c",
                    """
                    exec dhclient -4 -d -v -cf \(often) -lf \(world.directory)/leases -pf \(world.directory)/pid \\
                        -sf \(script) eth0 2>&1
                    """,
                ])
                func acknowledgements(_ text: String) -> Int {
                    text.components(separatedBy: "DHCPACK of 10.1.1.10").count - 1
                }
                let renewal = "DHCPREQUEST for 10.1.1.10 on eth0 to 10.1.1.1 port 67"
                try client.read { acknowledgements($0) == 1 }
                try last(12)
                try client.read { acknowledgements($0) > 1 && $0.contains(renewal) }
                // What goes by the guest's own stack, its questions to one server, is lost from here on.
                try world.shell(
                    """
                    nft 'add table ip deaf; add chain ip deaf output { type filter hook output priority 0; };
                        add rule ip deaf output udp dport 67 drop'
                    """, in: guest.node)
                let before = acknowledgements(client.output)
                try client.read { text in
                    acknowledgements(text) > before
                        && text.components(separatedBy: "to 255.255.255.255 port 67").count > 2
                }
                try last(0)
                // Which is half of forever.
                try client.read { $0.contains("renewal in 21474836") }
                let kept = client.output.components(separatedBy: "bound to ").dropFirst().joined()
                #expect(!kept.contains("DHCPDISCOVER"), "\(client.output)")
                #expect(!client.output.contains("DHCPNAK"), "\(client.output)")
                #expect(try guest.addresses() == ["10.1.1.10/24"])
                client.signal(SIGTERM)
            }
        }

        @Test func `systemd-networkd is told all, and again when it comes back`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha")
                let script = GuestMachines.folderOfTests.appending(path: "guests/networkd").path
                let ran = try world.run(["timeout", "60", "unshare", "-m", script], in: guest.node)
                #expect(ran.status == 0, "\(ran.errors)")
                let lines = ran.output.split(separator: "\n")
                for turn in ["first", "second"] {
                    // Where cloud-init of such a guest finds its router.
                    for line in [
                        "SERVER_ADDRESS=10.1.1.1", "ADDRESS=10.1.1.10", "NETMASK=255.255.255.0", "ROUTER=10.1.1.1",
                        "DNS=10.1.1.1", "HOSTNAME=alpha", "LIFETIME=4294967295",
                        "CLASSLESS_ROUTES=0.0.0.0/0,10.1.1.1 169.254.169.254/32,10.1.1.1", "has 10.1.1.10/24",
                        "leaves by 10.1.1.1",
                    ] {
                        #expect(lines.contains { $0 == "\(turn) \(line)" }, "\(turn) \(line) in \(ran.output)")
                    }
                }
            }
        }

        @Test func `names are found by the C library and by drill, pages by wget`() async throws {
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                let guest = try town.plug("alpha", configured: true)
                let domain = try #require(try town.lease(guest, "eth0")["domain"])
                let resolver = "\(world.directory)/resolv.conf"
                try "nameserver 10.1.1.1\nsearch \(domain)\n".write(toFile: resolver, atomically: true, encoding: .utf8)
                func here(_ line: String) throws -> String {
                    let bound = "mount --bind \(resolver) $(readlink -f /etc/resolv.conf); \(line)"
                    return try world.run(["unshare", "-m", "sh", "-c", bound], in: guest.node).output
                }
                #expect(try here("getent ahostsv4 beta").contains("10.1.1.20"))
                #expect(try here("getent hosts 10.1.1.20").contains("beta.\(domain)"))
                #expect(try here("getent ahosts data-server").contains("10.1.1.1"))
                #expect(try here("getent ahosts nobody; echo $?") == "2\n")
                #expect(try here("drill beta.\(domain) | grep -v ';'").contains("10.1.1.20"))
                #expect(try here("drill AAAA beta.\(domain)").contains("rcode: NOERROR"))
                // The way of the classic boot script, and of cloud-init until 23.
                #expect(try here("wget -q -T 10 -O - http://data-server/latest/local-hostname") == "alpha")
                #expect(
                    try here(
                        "wget -q -t 3 -T 20 -O - --header 'DomU_Request: send_my_password' data-server:8080")
                        == "saved_password")
            }
        }
    }
}
