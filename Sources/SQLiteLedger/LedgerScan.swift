import NetworkVocabulary

/// What could be read from a ledger file, before anybody believes it.
struct LedgerScan {
    var installation: ObjectID?
    var checkpoints: [UInt64: StoredCheckpoint] = [:]
    var entries: [UInt64: StoredEntry] = [:]
    /// What SQLite or the schema check complained about.
    var complaints: [String] = []
}

/// The longest whole history that a scan holds.
struct LedgerRestoration {
    let installation: ObjectID
    /// Ascending; all whole, and all on the chain.
    var checkpoints: [StoredCheckpoint]
    /// Ascending, without gaps, ending at `revision`; they follow the first checkpoint, or the very beginning.
    var entries: [StoredEntry]
    var revision: UInt64
    var link: AuditChain
    /// What had to be left out to get here; empty when the file was whole.
    var findings: [String]
}

enum RestorationFailure: Error, Equatable {
    case noInstallation
    /// Something was written, but nothing of it can be reached from the beginning or from a checkpoint.
    case nothingWhole
}

extension LedgerScan {
    /// Walks the chain from its beginning, or from the first whole checkpoint when the beginning is gone. Where an
    /// entry does not fit, the walk goes on from the next whole checkpoint, which stands for all before it; without
    /// one, that is the end: this and all later entries are cut away.
    func restored() throws(RestorationFailure) -> LedgerRestoration {
        guard let installation else { throw .noInstallation }
        var findings = complaints
        let name = installation.description
        var whole: [StoredCheckpoint] = []
        for checkpoint in checkpoints.values.sorted(by: { $0.revision < $1.revision }) {
            if checkpoint.isWhole, checkpoint.installation == name {
                whole.append(checkpoint)
            } else {
                findings.append("checkpoint \(checkpoint.revision) is damaged and was passed over")
            }
        }

        var walk = Walk(revision: 0, link: AuditChain(installation: name))
        if entries[1] == nil, !(entries.isEmpty && checkpoints.isEmpty) {
            guard let first = whole.first else { throw .nothingWhole }
            walk = Walk(checkpoint: first)
        }
        while true {
            while let entry = entries[walk.revision + 1], walk.link.after(entry) == entry.link { walk.take(entry) }
            guard let next = whole.first(where: { $0.revision > walk.revision }) else { break }
            findings.append(
                "entries \(walk.revision + 1) to \(next.revision) are not all whole; history now begins at checkpoint "
                    + "\(next.revision)")
            walk = Walk(checkpoint: next)
        }

        let first = walk.start
        let links = Dictionary(
            [(first, walk.startLink)] + walk.entries.map { ($0.revision, $0.link) },
            uniquingKeysWith: { _, last in last })
        let fitting = whole.filter { $0.revision >= first && links[$0.revision] == $0.link }
        for checkpoint in whole where checkpoint.revision >= first && links[checkpoint.revision] != checkpoint.link {
            findings.append("checkpoint \(checkpoint.revision) does not fit the log and was passed over")
        }
        let lost = entries.keys.filter { $0 > walk.revision }.sorted()
        if let from = lost.first, let to = lost.last {
            findings.append(
                "entries \(from) to \(to) were cut away: entry \(walk.revision + 1) is missing or not whole; "
                    + "the ledger ends at revision \(walk.revision)")
        }
        if let from = entries.keys.filter({ $0 <= first }).min(), findings.isEmpty {
            findings.append("entries from \(from) on lie before the first checkpoint and were dropped")
        }
        if walk.revision == 0, !findings.isEmpty { throw .nothingWhole }
        return LedgerRestoration(
            installation: installation, checkpoints: fitting, entries: walk.entries, revision: walk.revision,
            link: walk.link, findings: findings)
    }

    private struct Walk {
        let start: UInt64
        let startLink: AuditChain
        var revision: UInt64
        var link: AuditChain
        var entries: [StoredEntry] = []

        init(revision: UInt64, link: AuditChain) {
            start = revision
            startLink = link
            self.revision = revision
            self.link = link
        }

        init(checkpoint: StoredCheckpoint) { self.init(revision: checkpoint.revision, link: checkpoint.link) }

        mutating func take(_ entry: StoredEntry) {
            entries.append(entry)
            revision = entry.revision
            link = entry.link
        }
    }
}
