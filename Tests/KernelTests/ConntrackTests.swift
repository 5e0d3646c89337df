import CLinux
import Foundation
import NetworkVocabulary
import RouterPlan
import Testing

@testable import LinuxKernel

@Suite(.needsRoot) struct `The connection table` {
    @Test func `lists real connections as conntrack does, of every protocol and both families`() async throws {
        try await withFreshNamespace {
            try trackLoopback()
            let socket = try ConntrackSocket()
            #expect(try socket.count() == 0)
            #expect(try output(of: "\(everyProtocol)").isEmpty)
            for family in AddressFamily.allCases {
                let theirs = try connections(family)
                #expect(theirs.count >= (family == .ipv4 ? 5 : 3), "\(theirs)")
                #expect(try lines(of: socket.flows(family)) == theirs)
            }
            #expect(try "\(socket.count())\n" == output(of: "conntrack -C"))
            let pings = try socket.flows(.ipv6, matching: FlowFilter(original: .init(.icmpv6)))
            #expect(pings.map(\.original.selector).contains(.icmp(type: 128, code: 0, id: pings.first?.icmpID ?? 0)))
            // Each is found again by its own name.
            for flow in try socket.flows(.ipv4) + socket.flows(.ipv6) {
                #expect(try socket.delete(flow.key), "\(flow)")
            }
            #expect(try output(of: "conntrack -C") == "0\n")
        }
    }

    @Test func `says who was translated to whom`() async throws {
        try await withFreshNamespace {
            try makeRouter()
            let stream = try throughForward()
            let socket = try ConntrackSocket()
            let flow = try #require(try socket.flows(.ipv4).first)
            let port = try #require(flow.original.sourcePort)
            #expect(flow.description == "tcp 10.1.1.10:\(port) > 203.0.113.5:80 → 10.1.2.20:8080 > 10.1.2.1:\(port)")
            #expect(flow.isSourceTranslated && flow.isDestinationTranslated && flow.isAssured && flow.isConfirmed)
            let publicAddress = IPAddress.v4(IPv4Address(203, 0, 113, 5))
            for (filter, isMeant) in [
                (FlowFilter.to(publicAddress, .tcp, ports: PortRange(80, 80)), true),
                (.answered(at: .v4(IPv4Address(10, 1, 2, 1))), true), (.from(.v4(IPv4Address(10, 1, 1, 10))), true),
                (.to(.v4(IPv4Address(10, 1, 2, 20))), false), (.answered(at: publicAddress), false),
            ] {
                #expect(try socket.flows(.ipv4, matching: filter).map(\.key) == (isMeant ? [flow.key] : []))
            }
            #expect(stream.carries("meanwhile"))
        }
    }

    @Test func `ends a connection that outlived its rule`() async throws {
        try await withFreshNamespace {
            try makeRouter()
            let stream = try throughForward()
            #expect(try output(of: "nft flush map ip t forwards").isEmpty)
            #expect(stream.carries("the rule is gone, the connection is not"))
            let socket = try ConntrackSocket()
            let filter = FlowFilter.to(.v4(IPv4Address(203, 0, 113, 5)), .tcp, ports: PortRange(80, 80))
            #expect(try socket.deleteFlows(.ipv4, matching: filter) == 1)
            // Now the router takes the packet for its own, and knows of no such connection.
            var byte: UInt8 = 0
            #expect(send(stream.client, &byte, 1, Int32(MSG_NOSIGNAL)) == 1)
            #expect(recv(stream.client, &byte, 1, 0) == -1)
            #expect(errno == ECONNRESET)
        }
    }

    @Test(arguments: filters)
    func `is filtered as conntrack filters it, and in the kernel`(filter: FlowFilter, arguments: String) async throws {
        try await withFreshNamespace {
            let socket = try ConntrackSocket()
            try socket.insert(sampleFlows(420) + sampleFlows(60, zone: 7))
            let theirs = try connections(.ipv4, arguments)
            #expect((1..<480).contains(theirs.count))
            #expect(try lines(of: socket.flows(.ipv4, matching: filter)) == theirs)
            #expect(try socket.flows(.ipv6, matching: filter) == [])
            // What the kernel sends is no more than the answer, where it can apply all of the filter.
            guard filter.isWholeInKernel(.ipv4) || filter.mark != nil else { return }
            var heard = 0
            try socket.netlink.dump("list connections", ConntrackMessage.get) {
                $0.append(nfgenmsg(.ipv4))
                $0.put(filter, .ipv4)
            } restart: {
            } read: { _, _ in
                heard += 1
            }
            #expect(heard == theirs.count)
        }
    }

    @Test(arguments: filters)
    func `loses what a filter means and keeps the rest, counted or not`(
        filter: FlowFilter, arguments: String
    ) async throws {
        try await withFreshNamespace {
            let socket = try ConntrackSocket()
            let all = sampleFlows(420) + sampleFlows(60, zone: 7)
            try socket.insert(all)
            let meant = try connections(.ipv4, arguments)
            let rest = try Set(connections(.ipv4)).subtracting(meant).sorted()
            #expect(try socket.deleteFlows(.ipv4, matching: filter) == meant.count)
            #expect(try connections(.ipv4) == rest)
            #expect(try socket.deleteFlows(.ipv4, matching: filter) == 0)

            #expect(try socket.deleteFlows(.ipv4) == rest.count)
            try socket.insert(all)
            let restAgain = try Set(connections(.ipv4)).subtracting(connections(.ipv4, arguments)).sorted()
            try socket.deleteFlowsUncounted(.ipv4, matching: filter)
            #expect(try connections(.ipv4) == restAgain)
        }
    }

    @Test func `loses exactly the one that is named`() async throws {
        try await withFreshNamespace {
            let socket = try ConntrackSocket()
            try socket.insert(sampleFlows(20) + sampleFlows(20, zone: 7))
            let flows = try socket.flows(.ipv4)
            #expect(flows.count == 40)
            for (index, flow) in flows.enumerated() {
                #expect(try socket.delete(flow.key))
                #expect(try connections(.ipv4) == lines(of: Array(flows[(index + 1)...])))
                #expect(try !socket.delete(flow.key))
            }
        }
    }

    @Test func `keeps a later connection with the tuple of the one that is named`() async throws {
        try await withFreshNamespace {
            let socket = try ConntrackSocket()
            let sample = sampleFlows(1)
            try socket.insert(sample)
            let first = try #require(try socket.flows(.ipv4).first)
            var later = first
            // The kernel makes the id from where the entry lies: others must take the place before it comes again.
            for round in 0..<50 where later.id == first.id {
                #expect(try socket.delete(later.key))
                try socket.insert(sampleFlows(1 + 64 * (round + 1)).suffix(64))
                try socket.insert(sample)
                later = try #require(
                    try socket.flows(.ipv4, matching: FlowFilter(original: .init(.udp))).first {
                        $0.original == first.original
                    })
            }
            try #require(later.id != first.id)
            let before = try connections(.ipv4)
            #expect(try !socket.delete(first.key))
            #expect(try socket.delete([first.key, first.key]) == 0)
            #expect(try connections(.ipv4) == before)
            // Whoever does not care which one it is leaves the id out.
            #expect(try socket.delete(Flow.Key(first.original, id: nil)))
            #expect(try connections(.ipv4).count == before.count - 1)
        }
    }

    @Test func `is marked in the bits that are meant`() async throws {
        try await withFreshNamespace {
            let socket = try ConntrackSocket()
            try socket.insert(sampleFlows(30))
            let flows = try socket.flows(.ipv4)
            let one = try #require(flows.first { $0.mark == 0x120 })
            // Bits of the value outside the mask must not come through.
            #expect(try socket.setMark(0xffff_0064, mask: 0xff, of: one.key))
            #expect(try connections(.ipv4, "-m 0x164") == lines(of: [with(one, mark: 0x164)]))
            let rest = flows.filter { $0 != one }
            #expect(try socket.setMark(0x2000_0000, mask: 0xf000_000f, of: rest.map(\.key)) == 29)
            let expected = rest.map { with($0, mark: $0.mark & 0x0fff_fff0 | 0x2000_0000) } + [with(one, mark: 0x164)]
            #expect(try connections(.ipv4) == lines(of: expected))
            #expect(try socket.delete(one.key))
            #expect(try !socket.setMark(1, of: one.key))
            #expect(try socket.setMark(7, of: flows.map(\.key)) == 29)
            #expect(try connections(.ipv4, "-m 7").count == 29)
        }
    }

    @Test func `of ten thousand is listed with one question and emptied with a message each`() async throws {
        try await withFreshNamespace {
            let socket = try ConntrackSocket()
            let sent = sampleFlows(10_000)
            try socket.insert(sent)
            #expect(try socket.count() == 10_000)
            let before = socket.counters
            let flows = try socket.flows(.ipv4)
            #expect(Set(flows.map(\.original)) == Set(sent.map(\.original)))
            #expect(flows.count == 10_000)
            #expect(socket.counters.dumps - before.dumps == 1)
            #expect(try socket.delete(flows.map(\.key)) == 10_000)
            // Every one refused: no refusal is lost among so many.
            #expect(try socket.delete(flows.map(\.key)) == 0)
            #expect(socket.counters - before == counters(writes: 20_000, lookups: 1, dumps: 1))
            // Nothing there: no walk for it.
            #expect(try socket.deleteFlows(.ipv4) == 0)
            #expect(socket.counters - before == counters(writes: 20_000, lookups: 2, dumps: 1))
            #expect(try output(of: "conntrack -C") == "0\n")
        }
    }

    @Test func `of one namespace is not another's`() async throws {
        try await withFreshNamespace {
            let other = try NetworkNamespace.unnamed()
            let here = try ConntrackSocket()
            let there = try ConntrackSocket(in: other)
            try here.insert(sampleFlows(10))
            try there.insert(sampleFlows(20))
            #expect(try (here.count(), there.count()) == (10, 20))
            let filter = FlowFilter(original: .init(.tcp))
            try here.deleteFlowsUncounted(.ipv4, matching: filter)
            #expect(try there.flows(.ipv4).count == 20)
            #expect(try there.deleteFlows(.ipv4) == 20)
            #expect(try here.count() == sampleFlows(10).count { $0.original.ipProtocol != .tcp })
            // A socket that took the place of a broken one is where that was.
            try there.insert(sampleFlows(3))
            try there.reopen()
            #expect(try there.count() == 3)
            #expect(try there.flows(.ipv4).count == 3)
        }
    }
}

/// Filters, and how `conntrack` is asked for the same.
private let filters: [(FlowFilter, String)] = [
    (.to(.v4(IPv4Address(203, 0, 113, 5))), "-d 203.0.113.5"),
    (.to(.v4(IPv4Address(203, 0, 113, 5)), .udp), "-d 203.0.113.5 -p udp"),
    (.to(.v4(IPv4Address(203, 0, 113, 1)), .tcp, ports: PortRange(80, 80)), "-d 203.0.113.1 -p tcp --dport 80"),
    (.from(.v4(IPv4Address(10, 1, 1, 12))), "-s 10.1.1.12"),
    (.answered(at: .v4(IPv4Address(10, 1, 1, 12))), "-q 10.1.1.12"),
    (FlowFilter(reply: .init(source: IPPrefix("10.1.2.20/32"), .udp)), "-r 10.1.2.20 -p udp"),
    (FlowFilter(original: .init(.tcp, sourcePorts: PortRange(1030, 1030))), "-p tcp --sport 1030"),
    (FlowFilter(original: .init(destination: IPPrefix("203.0.113.4/30"), .tcp)), "-d 203.0.113.4/30 -p tcp"),
    (FlowFilter(mark: .init(0x120)), "-m 0x120"),
    (FlowFilter(mark: .init(0x20, mask: 0x60)), "-m 0x20/0x60"),
    (FlowFilter(original: .init(source: IPPrefix("10.1.1.11/32")), mark: .init(0x110)), "-s 10.1.1.11 -m 0x110"),
    (FlowFilter(zone: 7), "-w 7"),
    (FlowFilter(original: .init(.udp), zone: 7), "-w 7 -p udp"),
    (FlowFilter(zone: 0), "-w 0"),
]

private func with(_ flow: Flow, mark: UInt32) -> Flow {
    var flow = flow
    flow.mark = mark
    return flow
}

private func counters(writes: Int, lookups: Int, dumps: Int) -> NetlinkCounters {
    var counters = NetlinkCounters()
    counters.writes = writes
    counters.lookups = lookups
    counters.dumps = dumps
    return counters
}

extension Flow {
    fileprivate var icmpID: UInt16? { if case .icmp(_, _, let id) = original.selector { id } else { nil } }
}

/// A connection of the guest with the server, by the port forward.
private func throughForward() throws -> Stream {
    let stream = try Stream(
        from: NodeName("guest"), to: NodeName("server"), address: IPv4Address(203, 0, 113, 5), port: 80,
        listeningAt: (IPv4Address(10, 1, 2, 20), 8080))
    #expect(stream.carries("hello"))
    return stream
}

/// Loopback, and a rule without which nothing is tracked.
private func trackLoopback() throws {
    let said = try output(
        of: """
            set -e; ip link set lo up; echo 1 > /proc/sys/net/netfilter/nf_conntrack_acct
            nft 'add table inet t; add chain inet t o { type filter hook output priority 0; }'
            nft 'add rule inet t o ct state new ct mark set 0x64'
            """)
    try #require(said.isEmpty, "\(said)")
}

private let everyProtocol = """
    ping -c1 -q 127.0.0.1 >/dev/null; ping -c1 -q ::1 >/dev/null; python3 - <<'END'
    import socket
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((address, 5353))
        asking = socket.socket(family, socket.SOCK_DGRAM)
        asking.sendto(b"x", (address, 5353))
        udp.sendto(b"y", udp.recvfrom(9)[1])
        asking.recv(9)
        listener = socket.create_server((address, 8080), family=family)
        client = socket.create_connection((address, 8080))
        server = listener.accept()[0]
        client.send(b"x")
        server.recv(9)
    for number in (47, 50):
        socket.socket(socket.AF_INET, socket.SOCK_RAW, number).sendto(bytes(40), ("127.0.0.2", 0))
    END
    """
