import CLinux
import Foundation
import LinuxKernel
import NetworkVocabulary
import Testing

private func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }
private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
private func interface(_ text: String) throws -> InterfaceAddress { try #require(InterfaceAddress(text)) }

/// A namespace with one link, up, that carries 192.0.2.1/24 and 2001:db8::1/64.
private func withOneLink(_ body: @Sendable @escaping (RouteSocket, Int32) throws -> Void) async throws {
    try await withFreshNamespace {
        let socket = try RouteSocket()
        let link = try socket.addBridge(LinkSpecification(try name("eth0")))
        try socket.setLink(link, LinkChange(isUp: true, generatesLinkLocal: false))
        try socket.addAddress(KernelAddress(linkIndex: link, address: try interface("192.0.2.1/24")))
        try socket.addAddress(KernelAddress(linkIndex: link, address: try interface("2001:db8::1/64")))
        try body(socket, link)
    }
}

@Suite(.needsRoot) struct `Addresses` {
    @Test func `are read back as written, and as ip shows them`() async throws {
        try await withOneLink { socket, link in
            let quiet = KernelAddress(linkIndex: link, address: try interface("10.1.1.1/24"), hasNoPrefixRoute: true)
            let quiet6 = KernelAddress(linkIndex: link, address: try interface("fd00:1::1/64"), hasNoPrefixRoute: true)
            let local = KernelAddress(linkIndex: link, address: try interface("169.254.9.9/32"), scope: .link)
            for address in [quiet, quiet6, local] { try socket.addAddress(address) }
            let read = try Set(socket.addresses(ofLink: link))
            #expect(read.isSuperset(of: [quiet, quiet6, local]))
            #expect(read.count == 5)
            #expect(try socket.addresses(ofLink: 1).isEmpty)

            let shown = try #require(try objects(from: "ip -j addr show eth0").first?["addr_info"] as? [[String: Any]])
            let texts = Set(shown.map { "\($0["local"] ?? "")/\($0["prefixlen"] ?? "") \($0["scope"] ?? "")" })
            #expect(
                texts == [
                    "192.0.2.1/24 global", "10.1.1.1/24 global", "169.254.9.9/32 link", "2001:db8::1/64 global",
                    "fd00:1::1/64 global",
                ])
            #expect(!shown.contains { $0["tentative"] as? Bool == true })
            #expect(shown.filter { $0["noprefixroute"] as? Bool == true }.count == 2)
            let routes = try output(of: "ip route; ip -6 route")
            #expect(routes.contains("192.0.2.0/24"))
            #expect(!routes.contains("10.1.1.0/24"))
            #expect(!routes.contains("fd00:1::/64"))

            for address in [quiet, quiet6, local] { try socket.deleteAddress(address) }
            #expect(try socket.addresses().count == 2)
        }
    }

    @Test func `twice is refused, and so is removing what is not there`() async throws {
        try await withOneLink { socket, link in
            let address = KernelAddress(linkIndex: link, address: try interface("192.0.2.1/24"))
            let twice = try #require(#expect(throws: KernelError.self) { try socket.addAddress(address) })
            #expect(twice.isAlreadyExists)
            try socket.deleteAddress(address)
            let gone = try #require(#expect(throws: KernelError.self) { try socket.deleteAddress(address) })
            #expect(gone.isNotFound)
        }
    }
}

@Suite(.needsRoot) struct `Routes` {
    @Test func `are read back as written, and as ip shows them`() async throws {
        try await withOneLink { socket, link in
            let routes = [
                KernelRoute(try prefix("0.0.0.0/0"), table: 100, via: try address("192.0.2.254"), linkIndex: link),
                KernelRoute(try prefix("0.0.0.0/0"), table: 70_000, via: try address("192.0.2.253"), linkIndex: link),
                KernelRoute(try prefix("198.51.100.0/24"), linkIndex: link, preferredSource: try address("192.0.2.1")),
                KernelRoute(try prefix("203.0.113.0/24"), kind: .blackhole, metric: 50),
                KernelRoute(try prefix("203.0.113.0/24"), table: 100, kind: .unreachable),
                KernelRoute(try prefix("10.9.0.0/16"), via: try address("10.8.0.1"), linkIndex: link, isOnLink: true),
                KernelRoute(try prefix("::/0"), table: 100, via: try address("2001:db8::ff"), linkIndex: link),
                KernelRoute(try prefix("fd00:9::/48"), kind: .unreachable),
                KernelRoute(try prefix("fd00:8::/48"), kind: .blackhole, metric: 5),
            ]
            for route in routes { try socket.addRoute(route) }
            let ours = try socket.routes().filter { $0.maker == .sluice }
            #expect(Set(ours) == Set(routes))
            #expect(ours.count == routes.count)
            #expect(try socket.routes(.ipv4, table: 100).count == 2)
            #expect(try socket.routes(table: 4242).isEmpty)

            let shown = try objects(from: "ip -4 -j -d route show table all proto 83")
            let shown6 = try objects(from: "ip -j -d -6 route show table all proto 83")
            #expect(shown.count == 6)
            #expect(shown6.count == 3)
            let far = try #require(shown.first { "\($0["table"] ?? "")" == "70000" })
            #expect(far["gateway"] as? String == "192.0.2.253")
            #expect(far["dst"] as? String == "default")
            #expect(far["type"] as? String == "unicast")
            #expect(
                Set((shown + shown6).compactMap { $0["type"] as? String }) == ["unicast", "blackhole", "unreachable"])
            let direct = try #require(shown.first { $0["dst"] as? String == "198.51.100.0/24" })
            #expect(direct["scope"] as? String == "link")
            #expect(direct["prefsrc"] as? String == "192.0.2.1")

            for route in routes { try socket.deleteRoute(route) }
            #expect(try !socket.routes().contains { $0.maker == .sluice })
        }
    }

    @Test func `an unreachable gateway is refused in the kernel's words`() async throws {
        try await withOneLink { socket, link in
            let route = KernelRoute(
                try prefix("0.0.0.0/0"), table: 100, via: try address("198.51.100.1"), linkIndex: link)
            let refusal = try #require(#expect(throws: KernelError.self) { try socket.addRoute(route) })
            #expect(refusal.errno == ENETUNREACH)
            #expect(
                "\(refusal)" == "add route 0.0.0.0/0 table 100 via 198.51.100.1 on link \(link): "
                    + "Network is unreachable (ENETUNREACH): Nexthop has invalid gateway")
        }
    }

    @Test func `twice is refused, replacing is not`() async throws {
        try await withOneLink { socket, link in
            var route = KernelRoute(try prefix("10.0.0.0/8"), via: try address("192.0.2.2"), linkIndex: link)
            try socket.addRoute(route)
            let twice = try #require(#expect(throws: KernelError.self) { try socket.addRoute(route) })
            #expect(twice.isAlreadyExists)
            route.gateway = try address("192.0.2.3")
            try socket.addRoute(route, replacing: true)
            #expect(try socket.routes().filter { $0.maker == .sluice } == [route])
            try socket.deleteRoute(route)
            let gone = try #require(#expect(throws: KernelError.self) { try socket.deleteRoute(route) })
            #expect(gone.isNotFound)
        }
    }

    @Test func `ten thousand are listed whole`() async throws {
        try await withOneLink { socket, link in
            for number in 0..<10_000 {
                let destination = try #require(IPv4Prefix(IPv4Address(bits: 0x0a00_0000 + UInt32(number)), length: 32))
                try socket.addRoute(KernelRoute(.v4(destination), table: 9, linkIndex: link))
            }
            #expect(try Set(socket.routes(.ipv4, table: 9).map(\.destination)).count == 10_000)
        }
    }
}

@Suite(.needsRoot) struct `Policy rules` {
    @Test func `are read back as written, and as ip shows them`() async throws {
        try await withFreshNamespace {
            let socket = try RouteSocket()
            let rules = [
                KernelPolicyRule(.ipv4, priority: 100, .lookUp(table: 254), incomingInterface: "lo"),
                KernelPolicyRule(.ipv4, priority: 200, .lookUp(table: 70_000), mark: .init(0x100, mask: 0xff00)),
                KernelPolicyRule(
                    .ipv4, priority: 201, .lookUp(table: 101), mark: .init(7), source: try prefix("10.0.0.0/8")),
                KernelPolicyRule(.ipv4, priority: 300, .blackhole),
                KernelPolicyRule(.ipv6, priority: 100, .unreachable, outgoingInterface: "eth1"),
                KernelPolicyRule(.ipv6, priority: 300, .blackhole, destination: try prefix("fd00::/8")),
            ]
            for rule in rules { try socket.addPolicyRule(rule) }
            #expect(try Set(socket.policyRules().filter { $0.maker == .sluice }) == Set(rules))
            #expect(try socket.policyRules(.ipv4).count == 7)
            let twice = try #require(#expect(throws: KernelError.self) { try socket.addPolicyRule(rules[1]) })
            #expect(twice.isAlreadyExists)

            let shown = try objects(from: "ip -j rule list")
            let marked = try #require(shown.first { $0["priority"] as? Int == 200 })
            #expect(marked["fwmark"] as? String == "0x100")
            #expect(marked["fwmask"] as? String == "0xff00")
            #expect(marked["table"] as? String == "70000")
            #expect(shown.first { $0["priority"] as? Int == 100 }?["iif"] as? String == "lo")
            #expect(shown.first { $0["priority"] as? Int == 300 }?["action"] as? String == "blackhole")

            for rule in rules { try socket.deletePolicyRule(rule) }
            #expect(try !socket.policyRules().contains { $0.maker == .sluice })
            let gone = try #require(#expect(throws: KernelError.self) { try socket.deletePolicyRule(rules[1]) })
            #expect(gone.isNotFound)
        }
    }

    @Test func `a stranger's conditions are noticed`() async throws {
        try await withFreshNamespace {
            _ = try output(
                of: "ip rule add prio 5 ipproto tcp dport 80 blackhole; ip rule add prio 6 not fwmark 1 lookup 9")
            let rules = try RouteSocket().policyRules(.ipv4)
            #expect(rules.filter(\.hasForeignConditions).map(\.priority) == [5, 6])
        }
    }

    @Test func `an interface without routes forwards nothing past a blackhole rule`() async throws {
        try await withOneLink { socket, link in
            try socket.addPolicyRule(KernelPolicyRule(.ipv4, priority: 10, .blackhole))
            #expect(try output(of: "ip route get 192.0.2.9").contains("Invalid argument"))
            try socket.addPolicyRule(KernelPolicyRule(.ipv4, priority: 5, .lookUp(table: 254), incomingInterface: "lo"))
            #expect(try output(of: "ip route get 192.0.2.9").contains("dev eth0"))
        }
    }
}

@Suite(.needsRoot) struct `Neighbours` {
    @Test func `permanent ones are read back as written, and as ip shows them`() async throws {
        try await withOneLink { socket, link in
            let mac = MACAddress(locallyAdministered: 5)
            let four = KernelNeighbour(linkIndex: link, address: try address("192.0.2.77"), mac: mac)
            let six = KernelNeighbour(linkIndex: link, address: try address("2001:db8::77"), mac: mac)
            try socket.addNeighbour(four)
            try socket.addNeighbour(six)
            _ = try output(of: "ip neigh add 192.0.2.78 lladdr 02:00:00:00:00:99 dev eth0 nud stale")
            #expect(try Set(socket.neighbours()) == [four, six])
            let learned = try socket.neighbours(ofLink: link, learned: true).filter { !$0.isPermanent }
            #expect(try learned.map(\.address).contains(address("192.0.2.78")))
            let shown = try objects(from: "ip -j neigh show nud permanent")
            #expect(Set(shown.compactMap { $0["dst"] as? String }) == ["192.0.2.77", "2001:db8::77"])
            #expect(shown.allSatisfy { $0["lladdr"] as? String == mac.description })
            let twice = try #require(#expect(throws: KernelError.self) { try socket.addNeighbour(four) })
            #expect(twice.isAlreadyExists)
            try socket.deleteNeighbour(four)
            #expect(try socket.neighbours() == [six])
        }
    }
}
