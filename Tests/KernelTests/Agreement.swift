import NetworkVocabulary
import PacketTrace
import Packets

/// The kernel and the trace said different things.
struct Disagreement: Error, CustomStringConvertible {
    let description: String
}

/// What was compared, so that a test can tell that it was about something.
struct AgreementTally: CustomStringConvertible {
    var tables = 0
    var packets = 0
    var forwarded = 0
    var translated = 0
    var taken = 0
    var dropped = 0
    var refused = 0
    var connections = 0
    /// Where the time went: checking tables, exchanging them, tracing, the kernel's packets, ending connections.
    var spent = [Duration](repeating: .zero, count: 6)

    var description: String {
        """
        \(tables) tables, \(packets) packets: \(forwarded) forwarded (\(translated) translated), \(taken) taken, \
        \(dropped) dropped, \(refused) refused; \(connections) connections; \(spent)
        """
    }

    mutating func count(_ trace: Trace, _ found: PacketArena.Seen) {
        switch trace.outcome {
        case .forwarded:
            forwarded += 1
            if !trace.translations.isEmpty { translated += 1 }
        case .local: taken += 1
        case .dropped: dropped += 1
        case .rejected: refused += found.refusals.isEmpty ? 0 : 1
        }
    }
}

extension Trace {
    /// In what the kernel did something else; nil when it did the same.
    func complaint(_ found: PacketArena.Seen) -> String? {
        switch outcome {
        case .forwarded(let departure):
            guard found.taken.isEmpty else { return "the router itself took it" }
            guard found.forwarded.count == 1, let sighting = found.forwarded.first else { return "it did not come out" }
            if sighting.link != departure.link { return "it came out by \(sighting.link)" }
            if translations.contains(where: \.isPortArbitrary) { return nil }
            let other = (try? Frame(parsing: sighting.bytes))?.summary ?? "\(sighting.bytes)"
            return sighting.bytes == departure.frame.bytes
                ? nil : "it came out as \(other)\n\(sighting.bytes)\n\(departure.frame.bytes)"
        case .local(let frame):
            guard found.forwarded.isEmpty else { return "it came out" }
            guard frame.ip?.protocol == .tcp || frame.ip?.protocol == .udp || frame.ip?.protocol == .icmp else {
                return nil
            }
            guard let taken = found.taken.first else { return "the router did not get it" }
            if translations.contains(where: \.isPortArbitrary) { return nil }
            return taken == frame.ip?.bytes ? nil : "the router got \(taken)"
        case .dropped(let cause):
            guard found.forwarded.isEmpty else { return "it came out" }
            guard found.taken.isEmpty else { return "the router itself took it" }
            if case .kernel = cause { return nil }
            return found.refusals.isEmpty ? nil : "its sender was told"
        case .rejected:
            guard found.forwarded.isEmpty else { return "it came out" }
            guard found.taken.isEmpty else { return "the router itself took it" }
            return nil
        }
    }
}

extension Frame {
    /// The packet in a line, for who has to find out why.
    var summary: String {
        guard case .ipv4(let packet) = body else { return "\(self)" }
        let what =
            switch packet.body {
            case .tcp(let segment):
                "tcp \(segment.source) > \(segment.destination) flags \(String(segment.flags.rawValue, radix: 16))"
            case .udp(let datagram): "udp \(datagram.source) > \(datagram.destination)"
            case .icmp(let message): "icmp type \(message.type) code \(message.code) rest \(message.rest)"
            default: "protocol \(packet.protocol)"
            }
        let faults = checksumFaults.map { " bad \($0.layer.rawValue) checksum" }.joined()
        return """
            \(source) > \(destination), \(packet.source) > \(packet.destination) id \(packet.identification) \
            ttl \(packet.ttl) \(what)\(faults)
            """
    }
}
