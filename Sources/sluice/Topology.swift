import Glibc

/// The running cloud drawn: zones, segments, routers, ports, rules, and what passes now.
struct Topology {
    static let usage = "topology [--svg FILE] [--interval SECONDS]"

    static let command: Commands.Command = { client, words throws(Failure) in
        let words = try Words(words, options: ["--svg", "--interval"], usage: usage)
        try words.require(0...0)
        guard let interval = Double(words["--interval"] ?? "1"), (0...3600).contains(interval) else {
            throw .usage(usage)
        }
        let topology = try Topology(client, interval)
        if let file = words["--svg"] {
            guard TextFile.write(topology.svg, to: file) else {
                throw Failure("\(file): \(String(cString: strerror(errno)))")
            }
            return "drawn to \(file)"
        }
        return client.settings.isJSON ? topology.json : topology.text
    }

    struct Machine {
        let name: String
        let state: String
        let port: String
        let addresses: String
    }

    struct Router {
        let name: String
        let state: String
        /// The addresses that lead to it, each with what leads on from there.
        let addresses: [(address: String, rules: [String])]
    }

    struct Segment {
        let name: String
        /// The account; nil where several share it.
        let owner: String?
        let kind: String
        let cidr: String
        let rate: String
        let router: Router?
        let egress: [String]
        let machines: [Machine]
    }

    struct Zone {
        let name: String
        /// Public ranges: their segment and subnet.
        let ranges: [String]
        let segments: [Segment]
    }

    let zones: [Zone]

    init(_ client: APIClient, _ interval: Double) throws(Failure) {
        let facts = try Facts(client, interval)
        zones = facts.zones.map { zone in
            Zone(
                name: zone["name"]?.text ?? "?",
                // Those of shared networks are guests'.
                ranges: facts.ranges.filter {
                    $0["zoneid"]?.text == zone["id"]?.text && $0["networkid"] == nil
                }.map {
                    "\($0["startip"]?.text ?? "?")-\($0["endip"]?.text ?? "?") by \($0["gateway"]?.text ?? "?") on "
                        + ($0["vlan"]?.text ?? "?")
                },
                segments: facts.networks.filter { $0["zoneid"]?.text == zone["id"]?.text }.map(facts.segment))
        }
    }

    // MARK: Text

    var text: String {
        var lines: [String] = []
        for zone in zones {
            lines.append("zone \(zone.name)")
            for range in zone.ranges { lines.append("├─ outside \(range)") }
            for (index, segment) in zone.segments.enumerated() {
                let isLast = index == zone.segments.count - 1
                lines.append("\(isLast ? "└" : "├")─ \(segment.title)")
                lines += segment.lines.map { (isLast ? "   " : "│  ") + $0 }
            }
        }
        return lines.joined(separator: "\n")
    }

    var json: String {
        JSONValue.array(
            zones.map { zone in
                .object([
                    "zone": .string(zone.name), "ranges": .array(zone.ranges.map { .string($0) }),
                    "segments": .array(zone.segments.map(\.json)),
                ])
            }
        ).rendered
    }

    // MARK: Picture

    var svg: String {
        var picture = Picture()
        var y = 28
        for zone in zones {
            picture.text(12, y, "zone \(zone.name)", isBold: true)
            y += 12
            let top = y
            picture.box(12, y, 640, 22 + 16 * max(1, zone.ranges.count), .quiet)
            picture.text(20, y + 16, "outside", isBold: true)
            for (index, range) in zone.ranges.enumerated() { picture.text(90, y + 16 + 16 * index, range) }
            y += 34 + 16 * max(1, zone.ranges.count)
            for segment in zone.segments {
                y = draw(segment, from: top + 10, at: y, in: &picture) + 16
            }
            y += 20
        }
        return picture.svg
    }

    /// Router, segment and machines of a network, the line to the outside on the left. Returns where it ends.
    private func draw(_ segment: Segment, from top: Int, at y: Int, in picture: inout Picture) -> Int {
        let rules = segment.router?.ruleLines ?? []
        let routerHeight = 26 + 16 * max(1, rules.count)
        picture.line(24, top, 24, y + 12)
        picture.line(24, y + 12, 48, y + 12)
        picture.box(48, y, 604, routerHeight, segment.router == nil ? .plain : .allowed)
        picture.text(56, y + 17, segment.router.map { "\($0.name) \($0.state)" } ?? "no router", isBold: true)
        for (index, rule) in rules.enumerated() { picture.text(72, y + 33 + 16 * index, rule) }
        var end = y + routerHeight
        picture.line(72, end, 72, end + 14)
        end += 14
        picture.box(72, end, 580, 24, .good, title: segment.kind)
        picture.text(80, end + 16, segment.title)
        end += 24
        for machine in segment.machines {
            picture.line(96, end, 96, end + 22)
            picture.line(96, end + 22, 112, end + 22)
            picture.box(112, end + 10, 540, 24, .plain)
            picture.text(120, end + 26, "\(machine.name) \(machine.addresses) \(machine.port) \(machine.state)")
            end += 34
        }
        return end
    }
}

extension Topology.Router {
    var ruleLines: [String] {
        addresses.flatMap { address in [address.address] + address.rules.map { "  \($0)" } }
    }
}

extension Topology.Segment {
    var title: String {
        (owner.map { "\($0)/\(name)" } ?? "\(name), shared,") + " \(cidr) \(kind)" + (rate.isEmpty ? "" : " \(rate)")
    }

    var lines: [String] {
        var groups: [[String]] = []
        if let router {
            groups.append(["router \(router.name), \(router.state)"] + router.ruleLines.map { "  \($0)" })
        }
        for rule in egress { groups.append(["egress \(rule)"]) }
        for machine in machines {
            groups.append(["\(machine.name) \(machine.addresses) at \(machine.port), \(machine.state)"])
        }
        var lines: [String] = []
        for (index, group) in groups.enumerated() {
            let isLast = index == groups.count - 1
            for (number, line) in group.enumerated() {
                lines.append((number > 0 ? (isLast ? "   " : "│  ") : (isLast ? "└─ " : "├─ ")) + line)
            }
        }
        return lines
    }

    var json: JSONValue {
        .object([
            "network": .string(name), "account": owner.map { .string($0) } ?? .null, "segment": .string(kind),
            "cidr": .string(cidr),
            "rate": .string(rate), "router": router.map { .string($0.name) } ?? .null,
            "addresses": .array(
                (router?.addresses ?? []).map { address in
                    .object([
                        "address": .string(address.address), "rules": .array(address.rules.map { .string($0) }),
                    ])
                }),
            "egress": .array(egress.map { .string($0) }),
            "guests": .array(
                machines.map {
                    .object([
                        "name": .string($0.name), "port": .string($0.port), "addresses": .string($0.addresses),
                        "state": .string($0.state),
                    ])
                }),
        ])
    }
}
