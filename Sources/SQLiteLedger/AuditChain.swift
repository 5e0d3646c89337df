import CLinux
import ControlPlane
import NetworkVocabulary

/// An entry as it lies in the file.
struct StoredEntry: Equatable {
    var revision: UInt64
    var time: Int64
    var caller: String?
    var command: String
    var changes: [UInt8]
    var events: [UInt8]
    /// The chain after this entry.
    var link: AuditChain
}

/// A checkpoint as it lies in the file.
struct StoredCheckpoint: Equatable {
    var revision: UInt64
    var installation: String
    var records: [UInt8]
    /// The chain after the entry of the same revision: the log can be verified from here without what came before.
    var link: AuditChain
    var digest: [UInt8]

    var expectedDigest: [UInt8] {
        var hash = Hash()
        hash.add("sluice checkpoint 1")
        hash.add(revision)
        hash.add(installation)
        hash.add(records)
        hash.add(link.digest)
        return hash.digest()
    }

    var isWhole: Bool { digest == expectedDigest }
}

/// The checksum of an entry and of everything before it. An entry that was altered, dropped, repeated or moved does
/// not fit the one before it.
struct AuditChain: Equatable {
    let digest: [UInt8]

    init(digest: [UInt8]) { self.digest = digest }

    /// Before the first entry.
    init(installation: String) {
        var hash = Hash()
        hash.add("sluice ledger 1")
        hash.add(installation)
        digest = hash.digest()
    }

    func after(_ entry: StoredEntry) -> AuditChain {
        var hash = Hash()
        hash.add(digest)
        hash.add(entry.revision)
        hash.add(UInt64(bitPattern: entry.time))
        // No caller and a caller without a name are different.
        hash.add(entry.caller.map { "+" + $0 } ?? "-")
        hash.add(entry.command)
        hash.add(entry.changes)
        hash.add(entry.events)
        return AuditChain(digest: hash.digest())
    }
}

/// SHA-256 over fields. Every field goes in with its length, so that no two lists of fields are the same bytes.
struct Hash {
    private var context = sha256_ctx()

    init() { nettle_sha256_init(&context) }

    mutating func add(_ number: UInt64) {
        withUnsafeBytes(of: number.bigEndian) { bytes in
            nettle_sha256_update(&context, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
    }

    mutating func add(_ bytes: [UInt8]) {
        add(UInt64(bytes.count))
        bytes.withUnsafeBufferPointer { nettle_sha256_update(&context, $0.count, $0.baseAddress) }
    }

    mutating func add(_ text: String) { add(Array(text.utf8)) }

    mutating func digest() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_SIZE)) { buffer, count in
            nettle_sha256_digest(&context, Int(SHA256_DIGEST_SIZE), buffer.baseAddress)
            count = Int(SHA256_DIGEST_SIZE)
        }
    }
}
