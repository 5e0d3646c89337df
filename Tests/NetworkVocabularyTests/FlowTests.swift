import NetworkVocabulary
import Testing

@Suite struct `A flow` {
    @Test func `reads as who spoke to whom, and who answers`() {
        #expect(forwarded.description == "tcp 10.1.1.10:40000 > 203.0.113.5:80 → 10.1.2.20:8080 > 10.1.1.10:40000")
        let question = FlowTuple(.icmp, from: guest, to: web, .icmp(type: 8, code: 0, id: 77))
        #expect(question.description == "icmp 10.1.1.10 > 203.0.113.5 type 8 code 0 id 77")
        let tunnel = FlowTuple(IPProtocol(number: 50), from: guest, to: web, .none)
        #expect(tunnel.description == "50 10.1.1.10 > 203.0.113.5")
        let six = IPAddress.v6(IPv6Address(high: 0x2001_0db8_0000_0000, low: 1))
        let asked = FlowTuple(.udp, from: six, to: six, .ports(source: 1, destination: 53))
        #expect(asked.description == "udp [2001:db8::1]:1 > [2001:db8::1]:53")
    }

    /// The numbers are those of `ip_conntrack_status` in the kernel's header.
    @Test func `has the kernel's status bits by name`() {
        var flow = forwarded
        flow.status = Flow.Status(rawValue: 0x20e)
        #expect(flow.hasSeenReply && flow.isAssured && flow.isConfirmed && flow.isDying)
        #expect(!flow.isSourceTranslated && !flow.isDestinationTranslated && !flow.isOffloaded)
        flow.status = Flow.Status(rawValue: 0x4030)
        #expect(flow.isSourceTranslated && flow.isDestinationTranslated && flow.isOffloaded && !flow.isConfirmed)
    }
}

@Suite struct `A filter of flows` {
    @Test(arguments: [
        (FlowFilter(), true),
        (.to(web), true), (.to(web, .tcp), true), (.to(web, .udp), false), (.to(guest), false),
        (.to(web, .tcp, ports: PortRange(80, 80)), true), (.to(web, .tcp, ports: PortRange(70, 79)), false),
        (.from(guest), true), (.from(web), false),
        (.answered(at: guest), true), (.answered(at: web), false),
        (FlowFilter(original: .init(source: IPPrefix("10.1.1.0/24"))), true),
        (FlowFilter(original: .init(source: IPPrefix("10.1.2.0/24"))), false),
        (FlowFilter(original: .init(source: IPPrefix("::/0"))), false),
        (FlowFilter(reply: .init(source: IPPrefix("10.1.2.20/32"), sourcePorts: PortRange(8080, 8080))), true),
        (FlowFilter(mark: .init(0x64, mask: 0xff)), true), (FlowFilter(mark: .init(0x64)), false),
        // A mark that asks for bits its own mask leaves out asks for the others only.
        (FlowFilter(mark: .init(0xff00_0064, mask: 0xff)), true),
        (FlowFilter(zone: 0), true), (FlowFilter(zone: 1), false),
    ])
    func `means the flows that fit in all of it`(filter: FlowFilter, fits: Bool) {
        #expect(filter.matches(forwarded) == fits)
    }

    @Test func `that asks for ports leaves out what has none`() {
        let ping = Flow(
            FlowTuple(.icmp, from: guest, to: web, .icmp(type: 8, code: 0, id: 80)),
            reply: FlowTuple(.icmp, from: web, to: guest, .icmp(type: 0, code: 0, id: 80)))
        #expect(FlowFilter.to(web).matches(ping))
        #expect(!FlowFilter.to(web, ports: PortRange(1, 65535)).matches(ping))
    }
}

private let guest = IPAddress.v4(IPv4Address(10, 1, 1, 10))
private let web = IPAddress.v4(IPv4Address(203, 0, 113, 5))
private let forwarded = Flow(
    FlowTuple(.tcp, from: guest, to: web, .ports(source: 40000, destination: 80)),
    reply: FlowTuple(
        .tcp, from: .v4(IPv4Address(10, 1, 2, 20)), to: guest, .ports(source: 8080, destination: 40000)),
    mark: 0x1264)
