import CloudTrace
import NetworkVocabulary
import PacketTesting
import Packets
import Synchronization

/// Canaries into the running cloud.
struct Hunt {
    struct Findings {
        let summary: String
        let findings: [(text: String, probe: IsolationCommand.Matrix.Probe?, crosses: Bool)]
    }

    struct BatteryFindings {
        let summary: String
        let findings: [String]
    }

    private let ports: [String: LivePort]
    private let matrix: IsolationCommand.Matrix
    private let includesCounted: Bool
    private let evidence: String?
    /// The place of each port that takes part.
    private let placeOf: [String: String]

    init(
        _ ports: [String: LivePort], _ matrix: IsolationCommand.Matrix, includesCounted: Bool, evidence: String?
    ) throws(Failure) {
        self.ports = ports
        self.matrix = matrix
        self.includesCounted = includesCounted
        self.evidence = evidence
        var placeOf: [String: String] = [:]
        var placeOfSegment: [String: String] = [:]
        for place in matrix.places {
            for port in place.ports {
                placeOf[port] = place.name
                if let segment = ports[port]?.segment { placeOfSegment[segment] = place.name }
            }
        }
        // A guest's account need not be its network's.
        for (name, port) in ports where placeOf[name] == nil {
            placeOf[name] = port.segment.flatMap { placeOfSegment[$0] } ?? port.network ?? "outside"
        }
        self.placeOf = placeOf
        guard ports.values.contains(where: { $0.place != nil }) else {
            throw Failure("no port of the cloud has a namespace to send from; --model asks the model alone")
        }
    }

    private var places: [Replay.Port] {
        ports.values.compactMap(\.place).sorted { $0.name < $1.name }
    }

    private func hunt(_ suffix: String) -> CanaryHunt {
        CanaryHunt(places, evidence: evidence.map { suffix.isEmpty ? $0 : "\($0).\(suffix)" })
    }

    /// The packets of the matrix, each on its own. Those that elements of tenants would count are left to the model,
    /// unless they are asked for.
    func named() throws(Failure) -> Findings {
        let probes = matrix.probes.filter { (includesCounted || !$0.isCounted) && ports[$0.from]?.place != nil }
        let outcome: CanaryHunt.Outcome
        do {
            let shots = probes.map { CanaryHunt.Shot(port: $0.from, bytes: $0.bytes) }
            outcome = try hunt("").run({ $0 < shots.count ? shots[$0] : nil }, keeps: { _ in true })
        } catch {
            throw Failure("packets cannot be sent: \(error)")
        }
        var seen: [Int: Set<String>] = [:]
        for sighting in outcome.kept { seen[sighting.canary.number, default: []].insert(sighting.port) }
        var findings: [(String, IsolationCommand.Matrix.Probe?, Bool)] = []
        for probe in probes {
            let found = seen[probe.number] ?? []
            let expected = probe.arrivals.filter { ports[$0]?.place != nil }
            // Answers bring the canary home, and a bridge may carry them past neighbours.
            let more = found.subtracting(expected).filter { placeOf[$0] != placeOf[probe.from] }.sorted()
            if !more.isEmpty {
                findings.append(
                    (
                        "\(probe.attempt), from \(probe.from): arrives at \(more.joined(separator: ", ")): \(probe.packet)",
                        probe, true
                    ))
            }
            // What a guard keeps from neighbours is its own affair: the model's ports have none.
            let missing = expected.subtracting(found).filter { placeOf[$0] != placeOf[probe.from] }.sorted()
            if !missing.isEmpty {
                findings.append(
                    (
                        "\(probe.attempt), from \(probe.from): does not arrive at \(missing.joined(separator: ", ")): "
                            + probe.packet, probe, false
                    ))
            }
        }
        let left = matrix.probes.count - probes.count
        return Findings(
            summary: "\(probes.count) packets on the kernel, seen at \(outcome.sightings) ports"
                + (left > 0 ? "; \(left) by the model alone" : "") + lost(outcome),
            findings: findings.map { ($0.0, $0.1, $0.2) })
    }

    private func lost(_ outcome: CanaryHunt.Outcome) -> String {
        outcome.lost > 0 ? "; \(outcome.lost) frames could not be looked at" : ""
    }

    /// So many frames that nobody may profit from.
    func battery(_ count: Int, seed: UInt64) throws(Failure) -> BatteryFindings {
        let members = ports.values.compactMap { port -> Battery.Port? in
            guard port.place != nil, let place = placeOf[port.name], let mac = port.mac, let gateway = port.gateway,
                case .v4(let address)? = port.addresses.first,
                case .v4(let router)? = port.neighbours.first(where: { $0.value == gateway })?.key
            else { return nil }
            return Battery.Port(
                name: port.name, place: place, mac: mac, gatewayMAC: gateway, address: address, gateway: router)
        }.sorted { $0.name < $1.name }
        guard !members.isEmpty else { throw Failure("no guest's port can take part in the battery") }
        let battery = Battery(members, seed: seed)
        let homes = placeOf
        let kept = Mutex(0)
        let outcome: CanaryHunt.Outcome
        do {
            outcome = try hunt("battery").run({ $0 < count ? battery.shot($0) : nil }) { sighting in
                guard let sender = battery.sender(of: sighting.canary) else { return false }
                let place = homes[sighting.port] ?? "?"
                if place == "outside" || sighting.port == sender.name { return false }
                // Neighbours may hear what is said in one's own name.
                if place == sender.place, !battery.isForged(sighting.bytes, by: sender) { return false }
                return kept.withLock { count in
                    count += 1
                    return count <= 20
                }
            }
        } catch {
            throw Failure("packets cannot be sent: \(error)")
        }
        let crossings = kept.withLock { $0 }
        let findings = outcome.kept.map { sighting in
            let frame = (try? Frame(parsing: sighting.bytes))?.line([.ip, .link]) ?? "a frame"
            return "\(battery.family(of: sighting.canary).rawValue), number \(sighting.canary.number) of seed \(seed), "
                + "from \(battery.sender(of: sighting.canary)?.name ?? "?"): arrives at \(sighting.port): \(frame)"
        }
        return BatteryFindings(
            summary: "\(outcome.sent) generated frames in \(outcome.nanoseconds / 1_000_000) ms, seed \(seed): "
                + "\(crossings) crossed, seen at \(outcome.sightings) ports" + lost(outcome),
            findings: findings + (outcome.lost > 0 ? ["\(outcome.lost) frames could not be looked at"] : []))
    }
}
