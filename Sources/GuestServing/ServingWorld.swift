internal import CServing
internal import DHCPServer
internal import DNSServer
internal import NetworkVocabulary
internal import Packets

/// What all routers share while they are served: the time, what has been counted, what is to be done and told.
struct ServingWorld {
    var now: UInt64 = 0
    var wallSecond: UInt64 = 0
    var counters = ServingCounters()
    /// Routers whose forwarders want something done.
    var waiting: [ServedRouter] = []
    /// For the daemon; kept until there is one that listens.
    var events: [ServingEvent] = []
    /// Answers for guests that asked over TCP, and questions for resolvers that answer over it.
    var streamReplies: [(connection: UInt64, bytes: [UInt8])] = []
    var streamQuestions: [(router: ServedRouter, number: UInt64, resolver: IPv4Address, bytes: [UInt8])] = []
    private static let eventLimit = 10_000

    mutating func tell(_ event: ServingEvent) {
        if events.count < Self.eventLimit { events.append(event) }
    }

    /// Carries out what a forwarder wants done.
    mutating func perform(_ router: ServedRouter, _ datagrams: inout Datagrams) {
        let socket = router.sockets[.dns]?.first ?? -1
        var index = 0
        // A socket that leads nowhere gives rise to more.
        while index < router.actions.count {
            let action = router.actions[index]
            index += 1
            switch action {
            case .reply(let client, let bytes) where client.stream == 0:
                datagrams.stage(bytes, client.address.bits, client.port, socket)
            case .reply(let client, let bytes): streamReplies.append((client.stream, bytes))
            case .stream(let number, let resolver, let bytes):
                streamQuestions.append((router, number, resolver, bytes))
            case .datagram(let socket, let resolver, let isFresh, let bytes):
                send(bytes, router, socket, resolver, isFresh)
            }
        }
        router.actions.removeAll(keepingCapacity: true)
        datagrams.flush(socket)
    }

    private mutating func send(
        _ bytes: [UInt8], _ router: ServedRouter, _ index: Int, _ resolver: IPv4Address, _ isFresh: Bool
    ) {
        guard let socket = router.sockets[.resolver]?[index] else { return }
        counters.upstreamQueries += 1
        let isLed = !isFresh || serving_connect(socket, resolver.bits, 53) == 0
        if !isLed || serving_write(socket, bytes, bytes.count) < 0 {
            router.forwarder?.refused(socket: index, now: now, &router.actions)
        }
    }
}

/// Sums since the process began.
struct ServingCounters {
    private var outcomes = [UInt64](repeating: 0, count: 16)
    private var silences: [DHCPServer.Silence: UInt64] = [:]
    var releases: UInt64 = 0
    var declines: UInt64 = 0
    var localAnswers: UInt64 = 0
    var forwards: UInt64 = 0
    var upstreamQueries: UInt64 = 0
    var overBudget: UInt64 = 0
    var strangers: UInt64 = 0
    var requests: UInt64 = 0
    var badRequests: UInt64 = 0
    var refusedConnections: UInt64 = 0

    mutating func count(_ type: DHCPMessageType?) { outcomes[Int(type?.rawValue ?? 0)] += 1 }
    mutating func count(_ silence: DHCPServer.Silence) { silences[silence, default: 0] += 1 }

    var all: [String: UInt64] {
        var all: [String: UInt64] = [
            "dhcp_offers": outcomes[2], "dhcp_acknowledgements": outcomes[5], "dhcp_refusals": outcomes[6],
            "dhcp_bootp_replies": outcomes[0], "dhcp_releases": releases, "dhcp_declines": declines,
            "dns_local_answers": localAnswers, "dns_forwarded": forwards, "dns_upstream_queries": upstreamQueries,
            "over_budget": overBudget, "from_strangers": strangers, "http_requests": requests,
            "http_bad_requests": badRequests, "refused_connections": refusedConnections,
        ]
        for (silence, count) in silences { all["dhcp_silent_\(silence.rawValue)"] = count }
        return all
    }
}
