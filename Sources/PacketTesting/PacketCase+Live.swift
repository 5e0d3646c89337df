import CloudModel
import ControlPlane
import NetworkVocabulary

extension PacketCase {
    /// Why it cannot be run in a daemon that goes on, with the line that asks for it; nil where it can.
    public var obstacle: String? {
        for step in script.steps {
            let why: String
            switch step.action {
            case .notLive(let reason): why = reason
            case .advance: why = "time does not pass faster for a running daemon"
            case .restart: why = "a running daemon is not started again"
            case .kill: why = "a running daemon is not killed"
            case .refused: why = "what is refused is the model's decision, and no frame shows it"
            case .change(let words) where words.contains("drain"):
                why = "a cloud file cannot say that connections may finish"
            default: continue
            }
            return "line \(step.line): \(why)"
        }
        return changeThatNoFileTells.map { "line \($0): a cloud file cannot say what the cloud is then" }
    }

    /// The daemon follows changes by the file that describes the cloud. Here a model does: the line of the first change
    /// that leads it elsewhere.
    private var changeThatNoFileTells: Int? {
        // What is wrong with the case is told where it is run.
        guard var made = try? CaseCloud(cloud) else { return nil }
        var follower = made
        for step in script.steps {
            switch step.action {
            case .change(let words):
                guard let request = try? ChangeLine(words).request(in: made.cloud), (try? made.take(request)) != nil
                else { return nil }
            case .apply(let file):
                guard let wanted = clouds[file], (try? made.apply(wanted)) != nil else { return nil }
            default: continue
            }
            let file = CloudFile(describing: made.cloud)
            guard (try? follower.take(.applyCloud(.init(file: file, prunes: true)))) != nil,
                Self.outline(follower.cloud) == Self.outline(made.cloud)
            else { return step.line }
        }
        return nil
    }

    /// What packets can tell of a cloud, without ids.
    private static func outline(_ cloud: Cloud) -> [String] {
        var lines: [String] = cloud.publicAddresses.values.map { address in
            let network = address.network.flatMap { cloud.networks[$0]?.name } ?? ""
            let guest = address.staticNAT.map { "\($0.guestAddress)" } ?? ""
            return "\(address.address) \(network) \(address.isSourceNAT) \(guest)"
        }
        for guest in cloud.guests.values where guest.isRunning {
            lines.append("\(guest.name) \(cloud.nics(ofGuest: guest.id).map { "\($0.addresses)" })")
        }
        lines += cloud.networks.values.map { "\($0.name) \($0.cidr.map { "\($0)" } ?? "")" }
        lines += cloud.firewallRules.values.map { "firewall \($0.traffic) \($0.sources)" }
        lines += cloud.egressRules.values.map { "egress \($0.traffic) \($0.sources) \($0.destinations)" }
        lines += cloud.portForwardings.values.map {
            "forward \($0.transport) \($0.publicPorts) \($0.guestAddress) \($0.privatePorts) \($0.sources)"
        }
        lines += cloud.loadBalancerRules.values.map { rule in
            "balance \(rule.transport) \(rule.publicPort) \(cloud.members(ofBalancer: rule.id).map(\.guestAddress))"
        }
        return lines.sorted()
    }

    /// Runs the case in a daemon that runs, whose cloud must be empty, and leaves it empty, however the case ends.
    public func run(in running: any RunningCloud, _ options: CaseOptions) -> CaseOutcome {
        if let obstacle { return CaseOutcome(name: name, steps: 0, failure: nil, skipped: obstacle) }
        var options = options
        options.running = running
        let outcome = run(on: .live, options)
        do {
            try running.become("{}")
            return outcome
        } catch {
            let failure = (outcome.failure ?? "✘ \(name)\n") + "\n  what it needed is still in the daemon: \(error)\n"
            return CaseOutcome(name: name, steps: outcome.steps, failure: failure, failedLine: outcome.failedLine)
        }
    }
}
