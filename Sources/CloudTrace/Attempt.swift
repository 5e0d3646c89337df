import CloudModel
import NetworkVocabulary
import Packets

/// One way in which somebody at a port may try to reach another.
struct Attempt {
    let words: String
    let pattern: PacketPattern
    /// Whom the frame is for; the one who has its destination, else the router, when nil.
    var mac: MACAddress?

    var destination: IPAddress? {
        if case .ip(let ip) = pattern.packet, case .exactly(let address) = ip.destination { address } else { nil }
    }

    private init?(_ words: String, _ line: String, _ mac: MACAddress? = nil) {
        guard let pattern = try? PacketPattern(parsing: line) else { return nil }
        self.words = words
        self.pattern = pattern
        self.mac = mac
    }

    static func all(
        from port: Wiring.Port, to goal: Wiring.Port, in cloud: Cloud, _ wiring: Wiring
    ) -> [Attempt] {
        let own = port.addresses.sorted().first ?? .v4(IPv4Address(198, 51, 100, 77))
        var found: [Attempt?] = []
        if goal.isOutside {
            found += outward(own, port.isOutside)
        } else if let address = goal.addresses.sorted().first {
            found += inward(own, address, port, goal)
            if let nic = goal.nic.flatMap({ cloud.nics[$0] }) { found += publicly(own, nic, cloud) }
        }
        return found.compactMap(\.self)
    }

    private static func outward(_ own: IPAddress, _ isOutside: Bool) -> [Attempt?] {
        guard !isOutside else { return [] }
        return [
            Attempt("a datagram to the internet", "udp \(own):40001 > 198.51.100.1:7"),
            Attempt("a connection to the internet", "tcp \(own):40002 > 198.51.100.1:7 S"),
            Attempt("an echo to the internet", "icmp \(own) > 198.51.100.1 echo request id 40003"),
        ]
    }

    /// To the address that the other has at home.
    private static func inward(
        _ own: IPAddress, _ address: IPAddress, _ port: Wiring.Port, _ goal: Wiring.Port
    ) -> [Attempt?] {
        var found = [
            Attempt("a datagram to its address", "udp \(own):40011 > \(address):53"),
            Attempt("a connection to its address", "tcp \(own):40012 > \(address):80 S"),
            Attempt("an echo to its address", "icmp \(own) > \(address) echo request id 40013"),
            Attempt("a frame for its hardware address", "udp \(own):40014 > \(address):53", goal.mac),
            Attempt("a broadcast", "udp \(own):40015 > 255.255.255.255:67", .broadcast),
            Attempt("a multicast", "udp \(own):40016 > 224.0.0.251:5353"),
            Attempt("a tagged frame for its hardware address", "vlan 100 udp \(own):40017 > \(address):53", goal.mac),
            Attempt("an answer that nobody asked for", "tcp \(own):80 > \(address):40018 S."),
        ]
        if !port.isOutside {
            found += [
                Attempt("a datagram in its own name", "udp \(address):40019 > \(own):53"),
                Attempt("a datagram in the name of the internet", "udp 198.51.100.1:40020 > \(address):53"),
            ]
        }
        return found
    }

    /// To the public addresses that lead to it, at what is open and beside it.
    private static func publicly(_ own: IPAddress, _ nic: NIC, _ cloud: Cloud) -> [Attempt?] {
        var found: [Attempt?] = []
        for address in cloud.publicAddresses(ofNetwork: nic.network) {
            let text = "\(address.address)"
            if address.staticNAT?.nic == nic.id {
                found += [
                    Attempt("a connection to its public address", "tcp \(own):40031 > \(text):22 S"),
                    Attempt("an echo to its public address", "icmp \(own) > \(text) echo request id 40032"),
                ]
                for rule in cloud.firewallRules.values where rule.publicAddress == address.id {
                    guard let port = rule.traffic.firstPort else { continue }
                    found.append(
                        Attempt(
                            "what its firewall opens", "\(rule.traffic.word) \(own):40033 > \(text):\(port)"))
                }
            }
            for rule in cloud.portForwardings.values where rule.publicAddress == address.id && rule.nic == nic.id {
                let word = rule.transport.rawValue
                let (first, last) = (rule.publicPorts.first, rule.publicPorts.last)
                found.append(Attempt("a port that is forwarded to it", "\(word) \(own):40034 > \(text):\(first)"))
                if last < UInt16.max {
                    found.append(Attempt("a port beside it", "\(word) \(own):40035 > \(text):\(last + 1)"))
                }
            }
        }
        return found
    }
}

extension MACAddress {
    fileprivate static let broadcast = MACAddress(255, 255, 255, 255, 255, 255)
}

extension Traffic {
    fileprivate var word: String { if case .udp = self { "udp" } else { "tcp" } }

    fileprivate var firstPort: UInt16? {
        switch self {
        case .tcp(let ports), .udp(let ports): ports?.first ?? 80
        case .all: 80
        case .icmp, .other: nil
        }
    }
}
