import CloudModel
import ControlPlane
import Foundation
import NetworkVocabulary
import Planner
import RouterPlan
import Ruleset
import TestSupport

/// A folder of `rulesets/`: a cloud, and what is planned for it. See `rulesets/README.md`.
struct GoldenCase: CustomStringConvertible, Sendable {
    /// `source-nat/one-network`.
    let name: String
    var description: String { name }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "rulesets", directoryHint: .isDirectory)

    /// Every folder with a cloud in it.
    static let all: [GoldenCase] = {
        let paths = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
        return paths.filter { $0.hasSuffix("/cloud.json") }.sorted().map { GoldenCase(name: String($0.dropLast(11))) }
    }()

    var url: URL { Self.folder.appending(path: name, directoryHint: .isDirectory) }

    func text(of file: String) throws -> String { try String(contentsOf: url.appending(path: file), encoding: .utf8) }

    func golden(_ file: String) -> GoldenFile { GoldenFile(url.appending(path: file), of: name) }

    var planner: Planner {
        Planner(installation: DecidedCloud.installation, simulatesInternet: name.hasPrefix("demo/"))
    }

    /// The cloud that the case is about: its file brought about in an empty cloud, then its steps.
    func decided() throws -> DecidedCloud {
        var cloud = DecidedCloud()
        try cloud.take(.bootstrap)
        try cloud.take(.applyCloud(.init(file: try CloudFile(json: try text(of: "cloud.json")))))
        guard FileManager.default.fileExists(atPath: url.appending(path: "steps.txt").path) else { return cloud }
        for line in try text(of: "steps.txt").split(separator: "\n") where !line.hasPrefix("#") {
            if let request = try step(line, in: cloud.cloud) {
                try cloud.take(request)
            } else {
                try cloud.take(RuleLine(line))
            }
        }
        return cloud
    }

    /// What a cloud file cannot say because it is an action: one a line, objects by name. Nil for rules.
    private func step(_ line: Substring, in cloud: Cloud) throws -> Request? {
        let words = line.split(separator: " ").map(String.init)
        let network = cloud.networks.values.first { $0.name == words.last }
        let guest = cloud.guests.values.first { $0.name == words.last }
        switch (words.first, network, guest) {
        case ("acquire-address", let network?, _) where words.count == 3:
            return .acquirePublicAddress(.init(network: network.id, address: words[1]))
        case ("stop-router", let network?, _):
            if let router = cloud.router(ofNetwork: network.id) { return .stopRouter(router.id) }
        case ("stop-guest", _, let guest?): return .stopGuest(guest.id)
        default: break
        }
        return nil
    }

    /// What the folder must hold beside the inputs, by file name.
    func outputs() throws -> [String: String] {
        var plans = try planner.plans(of: decided().cloud)
        // The host's rules are the same everywhere but for their elements: one feature has them, and nothing else.
        if name.hasPrefix("ports/") {
            plans.removeAll { $0.kind == .router }
        } else {
            for index in plans.indices where plans[index].name.isHost {
                plans[index] = try plans[index].withoutTable
            }
        }
        var files = ["plan.txt": plans.map(\.description).joined(separator: "\n")]
        let tables = plans.compactMap { plan in plan.table.map { (plan.name, $0) } }
        for (name, table) in tables {
            files[tables.count == 1 ? "ruleset.nft" : "ruleset.\(name).nft"] = table.description
        }
        return files
    }

    /// The rulesets that the folder holds.
    func rulesets() throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "nft" }.sorted { $0.path < $1.path }
    }
}

/// A cloud that requests led to, with ids that are the same on every run.
struct DecidedCloud {
    static let installation = ObjectID(random: 1, 1)

    var cloud = Cloud()
    private var ids = SeededIDs(seed: 1)
    private var rules: UInt64 = 0

    @discardableResult
    mutating func take(_ request: Request) throws -> Decision {
        let decision = try decide(
            request, caller: Caller(account: Self.installation, isRootAdmin: true), in: cloud, at: 0, ids: &ids)
        try cloud.apply(decision.changes, revision: cloud.revision.next)
        return decision
    }

    mutating func take(_ line: RuleLine) throws {
        rules += 1
        let records = try line.records(in: cloud, number: rules)
        try cloud.apply(records.map { .put($0) }, revision: cloud.revision.next)
    }
}

extension NodePlan {
    fileprivate var withoutTable: NodePlan {
        get throws {
            var plan = NodePlan(name, kind, owner: owner)
            var share = Contribution()
            share.rows = Array(rows.values)
            try plan.add(share)
            return plan
        }
    }
}

extension Planner {
    /// All plans in node order.
    func plans(of cloud: Cloud) throws -> [NodePlan] { try nodes(in: cloud).compactMap { try plan($0, in: cloud) } }
}
