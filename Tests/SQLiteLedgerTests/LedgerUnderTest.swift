import CLinux
import CloudModel
import ControlPlane
import Foundation
import NetworkVocabulary
import SQLiteLedger
import TestSupport

/// A directory of a test's own, gone with it.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/sluice-ledger-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func names() -> [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    func bytes(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path + "/" + name).map { [UInt8]($0) }
    }

    func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
    }
}

/// The ledgers that share one contract.
enum LedgerKind: CaseIterable {
    case sqlite, fake
}

/// One place that ledgers come and go on.
final class LedgerSite {
    private let kind: LedgerKind
    private let directory = TemporaryDirectory()
    private let storage = MemoryLedger.Storage()
    private let retention: LedgerRetention

    init(_ kind: LedgerKind, keeping entries: UInt64 = 10_000) {
        self.kind = kind
        retention = LedgerRetention(entries: entries)
    }

    func ledger() -> any Ledger {
        switch kind {
        case .sqlite: SQLiteLedger(.directory(directory.path + "/data"), retention: retention)
        case .fake: MemoryLedger(storage, retention: retention)
        }
    }
}

func id(_ number: UInt64) -> ObjectID { ObjectID(random: 7, number) }

func records(_ revision: UInt64) -> [Record] {
    (1...max(1, revision)).map { .account(Account(id: id($0), number: $0, name: "account \($0)")) }
}

/// Entries of every shape: with and without caller, changes and events, with text that needs quoting.
func entry(_ revision: UInt64, name: String = "größe \"x\"\n\u{0}'; DROP TABLE entries") -> LedgerEntry {
    let account = Account(id: id(revision), number: revision, name: name)
    return LedgerEntry(
        revision: Revision(revision), time: 1_700_000_000_000 + Int64(revision),
        caller: revision % 3 == 0 ? nil : id(revision), command: "createThing\(revision)",
        changes: revision % 5 == 0 ? [] : [.put(.account(account)), .remove(.nic, id(revision + 1))],
        events: revision % 2 == 0
            ? [
                Event(
                    type: "THING.CREATE", level: .warning, origin: Origin("account", id(revision)),
                    text: "n \(revision)")
            ] : [])
}

/// Seeded, so that a failure can be repeated (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Runs the body on a thread with a mount namespace of its own: what it mounts, nobody else sees, and it is gone
/// with the thread.
func inPrivateMounts(_ body: @escaping @Sendable () throws -> Void) async throws {
    final class Box: Sendable {
        let body: @Sendable () throws -> Void
        let done: @Sendable (Result<Void, any Error>) -> Void

        init(
            _ body: @escaping @Sendable () throws -> Void, _ done: @escaping @Sendable (Result<Void, any Error>) -> Void
        ) {
            self.body = body
            self.done = done
        }
    }
    struct NoNamespace: Error { let number: Int32 }
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let box = Box({
            guard sluice_unshare(sluice_clone_newns) == 0, mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) == 0
            else { throw NoNamespace(number: errno) }
            try body()
        }) { continuation.resume(with: $0) }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { @Sendable argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                box.done(Result { try box.body() })
                return nil
            }, Unmanaged.passRetained(box).toOpaque())
        pthread_detach(thread)
    }
}
