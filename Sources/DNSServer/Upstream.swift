import NetworkVocabulary

/// The resolvers that a network asks, and which of them are worth it.
struct Resolvers: Sendable {
    private struct State: Sendable {
        let address: IPv4Address
        var failures = 0
        /// Not asked before, in milliseconds.
        var isDownUntil: UInt64 = 0
    }

    private var states: [State]
    /// Silences in a row, and the milliseconds without questions that follow.
    private static let patience = 3
    private static let pause: UInt64 = 5000

    init(_ addresses: [IPv4Address]) { states = addresses.map { State(address: $0) } }

    var count: Int { states.count }
    var addresses: [IPv4Address] { states.map(\.address) }

    /// While all are silent nobody waits for them; now and then one question finds out whether that has changed.
    func isAnyUsable(_ now: UInt64) -> Bool { states.contains { $0.isDownUntil <= now } }

    mutating func next(_ attempt: Int, _ now: UInt64) -> IPv4Address? {
        let usable = states.indices.filter { states[$0].isDownUntil <= now }
        guard !usable.isEmpty else { return nil }
        let chosen = usable[attempt % usable.count]
        // Of one that was silent before, one question finds out; the others do not wait with it.
        if states[chosen].failures >= Self.patience { states[chosen].isDownUntil = now + Self.pause }
        return states[chosen].address
    }

    mutating func answered(_ address: IPv4Address) {
        guard let index = states.firstIndex(where: { $0.address == address }) else { return }
        states[index].failures = 0
        states[index].isDownUntil = 0
    }

    mutating func failed(_ address: IPv4Address, _ now: UInt64) {
        guard let index = states.firstIndex(where: { $0.address == address }) else { return }
        states[index].failures += 1
        if states[index].failures >= Self.patience { states[index].isDownUntil = now + Self.pause }
    }
}

/// Sockets by which questions leave. Each is connected to one resolver and has a random port, for so many questions; then
/// it is given another port, as soon as nothing is waited for on it. So who cannot see the questions has to guess port and
/// id anew all the time (RFC 5452).
struct UpstreamSockets: Sendable {
    private struct State: Sendable {
        var resolver: IPv4Address?
        var uses = 0
        var waiting = 0
    }

    private var states: [State]
    static let usesOfPort = 32

    init(_ count: Int) { states = [State](repeating: State(), count: count) }

    func resolver(of socket: Int) -> IPv4Address? { states.indices.contains(socket) ? states[socket].resolver : nil }

    /// A socket for a question to the resolver, and whether it must be connected anew.
    mutating func take(
        _ resolver: IPv4Address, _ random: inout any RandomNumberGenerator & Sendable
    ) -> (socket: Int, isFresh: Bool)? {
        let ready = states.indices.filter { states[$0].resolver == resolver && states[$0].uses < Self.usesOfPort }
        let idle = states.indices.filter { states[$0].waiting == 0 && !ready.contains($0) }
        // New ports first: the more are in use, the more there is to guess.
        if let socket = idle.randomElement(using: &random) {
            states[socket] = State(resolver: resolver, uses: 1, waiting: 1)
            return (socket, true)
        }
        let worn = states.indices.filter { states[$0].resolver == resolver }
        guard let socket = (ready.isEmpty ? worn : ready).randomElement(using: &random) else { return nil }
        states[socket].uses += 1
        states[socket].waiting += 1
        return (socket, false)
    }

    mutating func release(_ socket: Int) { states[socket].waiting -= 1 }
}
