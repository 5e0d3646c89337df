import ControlPlane
import FoundationEssentials
import Glibc
import PacketTesting
import Synchronization

/// Set by signals that ask for the end: a case's cloud is taken away before.
private let isToEnd = Atomic(false)

/// The daemon that cases are run in: one with nothing of its own, as what a case brings it takes away by pruning.
struct LiveCases: RunningCloud {
    private let client: APIClient

    init(_ client: APIClient) throws(Failure) {
        self.client = client
        let found = try inventory()
        guard found.isEmpty else {
            throw Failure(
                "the daemon has \(found.joined(separator: ", ")), which cases would replace: they are run only in a "
                    + "daemon without a cloud (an empty file makes it so: echo {} | sluice apply --prune -)")
        }
        let internet = try client.call("listNodes", ["name": "sluice-internet"])["node"]?.list ?? []
        guard !internet.isEmpty else {
            throw Failure("the daemon simulates no internet to send from and to listen in (--profile demo does)")
        }
        try Commands.enterDaemonsNamespaces(client)
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { _ in isToEnd.store(true, ordering: .relaxed) } }
    }

    var isEnded: Bool { isToEnd.load(ordering: .relaxed) }

    /// What pruning would remove.
    private func inventory() throws(Failure) -> [String] {
        let objects = try client.call("getStatus")["status"]?["objects"]
        var found: [String] = []
        for (key, words) in [
            ("zones", "zones"), ("networks", "networks"), ("guests", "guests"), ("routers", "routers"),
            ("publicaddresses", "public addresses"),
        ] {
            guard let count = objects?[key]?.text else { throw Failure("the daemon does not tell of its \(words)") }
            if count != "0" { found.append("\(words) (\(count))") }
        }
        let accounts = try client.call("listAccounts", ["listall": "true", "pagesize": "-1"])["account"]?.list ?? []
        let tenants = accounts.filter { $0["name"]?.text != "admin" }
        if !tenants.isEmpty { found.append("accounts (\(tenants.count))") }
        let offerings =
            try client.call("listNetworkOfferings", ["pagesize": "-1"])["networkoffering"]?.list ?? []
        let own = offerings.filter { $0["isdefault"]?.text == "false" }
        if !own.isEmpty { found.append("network offerings (\(own.count))") }
        return found
    }

    // MARK: RunningCloud

    func become(_ file: String) throws {
        _ = try client.call("applyCloud", ["cloud": file, "prune": "true"])
    }

    func ports() throws -> [RunningPort] {
        try LivePort.all(client).values.map {
            RunningPort(name: $0.name, place: $0.place, mac: $0.mac, neighbours: $0.neighbours)
        }
    }

    func routers() throws -> [String] {
        let found = try client.call("listRouters", ["listall": "true", "pagesize": "-1"])["router"]?.list ?? []
        return found.filter { $0["state"]?.text == "Running" }.compactMap { $0["name"]?.text }
    }

    func check() throws { if isEnded { throw Failure("interrupted") } }
}

extension Commands {
    /// Cases in the running daemon, one after the other; those that cannot be done there are named and left out.
    static func runLive(_ client: APIClient, _ roots: [String], _ options: CaseOptions) throws(Failure) -> String {
        let start = ContinuousClock.now
        let folders: [String]
        var cases: [PacketCase] = []
        do throws(CaseError) {
            folders = try PacketCase.folders(below: roots)
            for folder in folders { cases.append(try PacketCase(folder: folder)) }
        } catch {
            throw Failure("\(error)")
        }
        let live = try LiveCases(client)
        var (steps, passed, skipped, failed) = (0, 0, 0, 0)
        for test in cases where !live.isEnded {
            let outcome = test.run(in: live, options)
            steps += outcome.steps
            if let report = outcome.report { say(report) }
            if let reason = outcome.skipped {
                skipped += 1
                say("skipped \(outcome.name): \(reason)")
            } else if let failure = outcome.failure {
                failed += 1
                say(failure)
            } else {
                passed += 1
            }
        }
        let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
        let left = cases.count - passed - skipped - failed
        let summary =
            "\(cases.count) cases, \(steps) steps, \(milliseconds) ms, on live: \(passed) passed, \(skipped) skipped, "
            + "\(failed) failed" + (left > 0 ? ", \(left) not begun" : "")
        if live.isEnded { throw Failure("interrupted: \(summary)") }
        if failed > 0 { throw Failure(summary) }
        return summary
    }
}
