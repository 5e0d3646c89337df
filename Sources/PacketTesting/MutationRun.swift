import LinuxKernel
import RouterPlan
import Ruleset
import Synchronization

/// Whether cases would notice: every small mistake in the plans is made in turn, and some case should fail.
public struct MutationRun: Sendable {
    public struct Outcome: Sendable {
        public let mutants: Int
        /// In words.
        public let survivors: [String]

        public init(mutants: Int, survivors: [String]) {
            self.mutants = mutants
            self.survivors = survivors
        }

        public var caught: Int { mutants - survivors.count }
    }

    /// A case with its cloud, which is planned once and not for every mistake.
    private struct Prepared: Sendable {
        let test: PacketCase
        let cloud: CaseCloud
    }

    private let cases: [Prepared]

    public init(folders: [String]) throws(CaseError) {
        var cases: [Prepared] = []
        for folder in folders {
            let test = try PacketCase(folder: folder)
            do {
                cases.append(Prepared(test: test, cloud: try CaseCloud(test.cloud)))
            } catch {
                throw CaseError(file: "\(folder)/cloud.json", "\(error)")
            }
        }
        self.cases = cases
    }

    /// Makes every mistake, or each `stride`th, on so many threads. `report` hears how far it is.
    public func run(
        each stride: Int = 1, threads: Int = 2, _ report: (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) throws -> Outcome {
        // A case that fails without a mistake would notice every one.
        for prepared in cases where prepared.test.run(on: .model).failure != nil {
            throw CaseError(file: prepared.test.path, "fails without any mistake")
        }
        let mutants = all().enumerated().filter { $0.offset % max(1, stride) == 0 }.map(\.element)
        let next = Atomic(0)
        let results = try Inbox<(number: Int, isNoticed: Bool)>()
        let workers = try (0..<max(1, threads)).map { _ in
            try KernelThread(name: "mistakes") {
                // The case that caught the last one stands a good chance with the next, which is about the same rule.
                var order = Array(cases.indices)
                while case let number = next.add(1, ordering: .relaxed).oldValue, number < mutants.count {
                    let place = order.firstIndex { isNoticed(mutants[number], by: cases[$0]) }
                    if let place { order.insert(order.remove(at: place), at: 0) }
                    results.send((number, place != nil))
                }
            }
        }
        var survivors: [Int] = []
        var done = 0
        while done < mutants.count {
            for result in results.receive(timeout: nil) ?? [] {
                done += 1
                if !result.isNoticed { survivors.append(result.number) }
            }
            report(done, mutants.count)
        }
        for worker in workers { worker.join() }
        return Outcome(mutants: mutants.count, survivors: survivors.sorted().map { "\(mutants[$0])" })
    }

    /// Every mistake once: those that a table is refused for are none, since no router ever gets it.
    private func all() -> [Mutant] {
        var seen: Set<Mutant> = []
        var mutants: [Mutant] = []
        for plan in cases.flatMap(\.cloud.routers) {
            for mutant in Mutant.all(in: plan) where seen.insert(mutant).inserted {
                if let wrong = mutant.applied(to: plan), wrong.table.map(\.isValid) ?? true { mutants.append(mutant) }
            }
        }
        return mutants.sorted { "\($0)" < "\($1)" }
    }

    private func isNoticed(_ mutant: Mutant, by prepared: Prepared) -> Bool {
        var options = CaseOptions()
        options.mutant = mutant
        options.cloud = prepared.cloud
        return prepared.test.run(on: .model, options).failure != nil
    }
}

extension Table {
    fileprivate var isValid: Bool { (try? validate()) != nil }
}

/// Mistakes that no case notices, with the reason for each: a line for a mistake or, with `*`, for several; the reason on
/// the lines below it, indented. Below the line `[no difference]` stand those that nothing could notice.
public struct ExplainedSurvivors: Sendable {
    public private(set) var reasons: [String: String] = [:]
    private var harmless: Set<String> = []

    public init(parsing text: String) {
        var last: String?
        var section: Substring = ""
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("[") {
                section = line
            } else if line.hasPrefix(" "), let last {
                let more = line.drop { $0 == " " }
                reasons[last] = (reasons[last].map { $0.isEmpty ? "" : $0 + " " } ?? "") + more
            } else {
                last = String(line)
                reasons[String(line)] = ""
                if section == "[no difference]" { harmless.insert(String(line)) }
            }
        }
    }

    /// How many of the survivors make no difference, by their explanation.
    public func harmless(_ outcome: MutationRun.Outcome) -> Int {
        outcome.survivors.count { survivor in
            harmless.contains { reasons[$0]?.isEmpty == false && Self.covers($0, survivor) }
        }
    }

    /// Survivors that nobody has explained.
    public func unexplained(_ outcome: MutationRun.Outcome) -> [String] {
        outcome.survivors.filter { survivor in
            !reasons.contains { !$0.value.isEmpty && Self.covers($0.key, survivor) }
        }
    }

    /// Lines that cover no survivor: some case notices by now.
    public func outdated(_ outcome: MutationRun.Outcome) -> [String] {
        reasons.keys.filter { line in !outcome.survivors.contains { Self.covers(line, $0) } }.sorted()
    }

    /// Whether a line, in which `*` stands for anything, means a mistake.
    static func covers(_ line: String, _ survivor: String) -> Bool {
        let parts = line.split(separator: "*", omittingEmptySubsequences: false)
        guard let first = parts.first, let last = parts.last, parts.count > 1 else { return line == survivor }
        guard survivor.hasPrefix(first), survivor.hasSuffix(last), survivor.count >= first.count + last.count else {
            return false
        }
        var rest = survivor.dropFirst(first.count).dropLast(last.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }
}
