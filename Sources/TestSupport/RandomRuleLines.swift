import NetworkVocabulary

/// Lines about a town: few addresses, few ports and nested prefixes, so that rules meet, overlap and miss by one.
struct RandomRuleLines {
    var numbers: SeededGenerator
    private let town: RuleTown
    /// Of guests, with what earlier lines have given them.
    private var guestAddresses = RuleTown.guests.map(\.address)
    /// Public addresses that lead somewhere, and with which traffic.
    private var targets: [(IPv4Address, String)] = []

    init(_ town: RuleTown, _ numbers: SeededGenerator) {
        self.town = town
        self.numbers = numbers
    }

    /// What rules lead to comes first.
    mutating func lines() -> [String] {
        let secondaries = (0..<number(0...3)).map { _ in secondary() }
        return secondaries + (0..<number(0...14)).map { _ in rule() }
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &numbers) }
    private mutating func chance(_ percent: Int) -> Bool { number(0...99) < percent }
    private mutating func pick<Thing>(_ things: [Thing]) -> Thing { things[number(0...things.count - 1)] }

    private mutating func secondary() -> String {
        let guest = pick(RuleTown.guests)
        let address = pick(guest.spare)
        guestAddresses.append(address)
        return "secondary \(guest.address) \(address)"
    }

    private mutating func rule() -> String {
        switch number(0...19) {
        case 0...1: staticNAT()
        case 2: "source-nat \(publicAddress())"
        case 3...7: forward()
        case 8...13: firewall()
        default: "egress web \(traffic())" + list("from", Self.inside) + list("to", Self.outside)
        }
    }

    private mutating func publicAddress() -> IPv4Address { pick(town.publicAddresses) }

    private mutating func staticNAT() -> String {
        let address = publicAddress()
        targets.append((address, "all"))
        return "static-nat \(address) \(pick(guestAddresses))"
    }

    /// Mostly about what leads to somebody.
    private mutating func firewall() -> String {
        let target = targets.isEmpty || chance(25) ? (publicAddress(), "all") : pick(targets)
        let traffic = target.1 == "all" || chance(40) ? traffic() : target.1
        return "firewall \(target.0) \(traffic)" + list("from", Self.outside)
    }

    private mutating func forward() -> String {
        let (first, count) = portNumbers()
        // Shifted ranges are an element a port: short ones only.
        let inside = chance(50) && count <= 16 ? min(pick(Self.edges), 65536 - count) : first
        let (transport, guest, address) = (pick(["tcp", "udp"]), pick(guestAddresses), publicAddress())
        targets.append((address, "\(transport)/\(text(first, count))"))
        return "forward \(address) \(transport) \(text(first, count)) \(guest) \(text(inside, count))"
            + (chance(30) ? list("from", Self.outside) : "")
    }

    private static let edges = [1, 22, 79, 80, 81, 443, 1023, 1024, 8000, 8005, 8010, 65534, 65535]

    private mutating func portNumbers() -> (first: Int, count: Int) {
        let first = pick(Self.edges)
        let last = chance(50) ? first : chance(80) ? first + pick([1, 2, 5, 10]) : pick(Self.edges)
        return (min(first, last), min(65535, max(first, last)) - min(first, last) + 1)
    }

    private func text(_ first: Int, _ count: Int) -> String {
        count == 1 ? "\(first)" : "\(first)-\(first + count - 1)"
    }

    private mutating func ports() -> String {
        let (first, count) = portNumbers()
        return text(first, count)
    }

    private mutating func traffic() -> String {
        switch number(0...19) {
        case 0: "all"
        case 1: pick(["tcp", "udp", "icmp"])
        case 2...4: pick(["icmp/8", "icmp/8/0", "icmp/13", "icmp/3/1", "icmp/0", "icmp/255", "icmp/17/255"])
        case 5...6: pick(["0", "4", "50", "51", "89", "254", "255"])
        case 7...15: "tcp/\(ports())"
        default: "udp/\(ports())"
        }
    }

    private static let outside = [
        "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "198.51.0.0/16", "198.51.100.0/24", "198.51.100.0/25",
        "198.51.100.7/32", "198.51.100.8/29", "203.0.113.0/24", "203.0.113.10/32", "192.0.2.0/24", "192.0.2.10/31",
        "10.1.1.0/24", "10.1.1.1/32",
    ]
    private static let inside = [
        "0.0.0.0/0", "10.1.1.0/24", "10.1.1.0/25", "10.1.1.10/32", "10.1.1.20/30", "10.1.1.0/27", "10.1.1.110/31",
        "10.1.1.128/25",
    ]

    /// Mostly none: a rule is then for everybody.
    private mutating func list(_ keyword: String, _ prefixes: [String]) -> String {
        guard chance(50) else { return "" }
        let chosen = Set((0..<number(1...4)).map { _ in pick(prefixes) }).sorted()
        return " \(keyword) " + chosen.joined(separator: ",")
    }
}
