import FoundationEssentials
import NetworkVocabulary
import RouterPlan

/// Whether cases would notice: every small mistake in the plans is made in turn, and some case should fail.
public struct MutationRun: Sendable {
    public struct Outcome: Sendable {
        public let mutants: Int
        /// In words.
        public let survivors: [String]

        public var caught: Int { mutants - survivors.count }
        public var share: Double { mutants == 0 ? 0 : Double(caught) / Double(mutants) }
    }

    private let cases: [PacketCase]

    public init(folders: [String]) throws(CaseError) {
        var cases: [PacketCase] = []
        for folder in folders { cases.append(try PacketCase(folder: folder)) }
        self.cases = cases
    }

    /// Makes every mistake, or each `stride`th. `report` hears how far it is.
    public func run(each stride: Int = 1, _ report: (_ done: Int, _ of: Int) -> Void = { _, _ in }) throws(CaseError)
        -> Outcome
    {
        let mutants = try all().enumerated().filter { $0.offset % max(1, stride) == 0 }.map(\.element)
        var survivors: [String] = []
        // The case that caught the last one stands a good chance with the next, which is about the same rule.
        var order = Array(cases.indices)
        for (number, mutant) in mutants.enumerated() {
            if let place = order.firstIndex(where: { isNoticed(mutant, by: cases[$0]) }) {
                order.insert(order.remove(at: place), at: 0)
            } else {
                survivors.append("\(mutant)")
            }
            report(number + 1, mutants.count)
        }
        return Outcome(mutants: mutants.count, survivors: survivors)
    }

    private func all() throws(CaseError) -> [Mutant] {
        var seen: Set<Mutant> = []
        var mutants: [Mutant] = []
        for test in cases {
            let plans: [NodePlan]
            do {
                plans = try CaseCloud(test.cloud).routers
            } catch {
                throw CaseError(file: "\(test.path)/cloud.json", "\(error)")
            }
            for mutant in plans.flatMap(Mutant.all(in:)) where seen.insert(mutant).inserted { mutants.append(mutant) }
        }
        return mutants.sorted { "\($0)" < "\($1)" }
    }

    private func isNoticed(_ mutant: Mutant, by test: PacketCase) -> Bool {
        var options = CaseOptions()
        options.mutant = mutant
        return test.run(on: .model, options).failure != nil
    }
}

/// Mistakes that no case notices, with the reason for each: a line for a mistake or, with `*`, for several; the reason on
/// the lines below it, indented.
public struct ExplainedSurvivors: Sendable {
    public let reasons: [String: String]

    public init(parsing text: String) {
        var reasons: [String: String] = [:]
        var last: String?
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix(" "), let last {
                let more = line.drop { $0 == " " }
                reasons[last] = (reasons[last].map { $0.isEmpty ? "" : $0 + " " } ?? "") + more
            } else {
                last = String(line)
                reasons[String(line)] = ""
            }
        }
        self.reasons = reasons
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
