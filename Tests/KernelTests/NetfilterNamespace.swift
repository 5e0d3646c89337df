import CLinux
import Foundation
import Glibc
import Testing

/// Runs `body` on a thread of its own in a namespace of its own; both are gone afterwards.
func inFreshNamespace(_ body: @escaping @Sendable () throws -> Void) async throws {
    await Turnstile.namespaces.enter()
    defer { Turnstile.namespaces.leave() }
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let thread = Thread {
            guard sluice_unshare(sluice_clone_newnet) == 0 else {
                continuation.resume(throwing: POSIXError(.EPERM))
                return
            }
            continuation.resume(with: Result { try body() })
        }
        thread.stackSize = 8 << 20
        thread.start()
    }
}

/// What `nft` says in the calling thread's namespace: the oracle, never the product.
func nft(_ arguments: String, input: String? = nil) throws -> (output: String, status: Int32) {
    var command = "nft \(arguments) 2>&1"
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).nft")
    if let input {
        try input.write(to: file, atomically: false, encoding: .utf8)
        command = "nft \(arguments) -f \(file.path) 2>&1"
    }
    defer { if input != nil { try? FileManager.default.removeItem(at: file) } }
    let pipe = try #require(popen(command, "r"))
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&chunk, 1, chunk.count, pipe)
        if count == 0 { break }
        output += chunk[..<count]
    }
    return (String(decoding: output, as: UTF8.self), pclose(pipe))
}

/// The namespace's whole ruleset as nft lists it.
func listing() throws -> String {
    let (output, status) = try nft("list ruleset")
    try #require(status == 0, "\(output)")
    return output
}

let needsRoot = "needs root: opens network namespaces"

/// The lines in which two texts differ.
func difference(_ ours: String, _ theirs: String) -> String {
    let changes = ours.split(separator: "\n").difference(from: theirs.split(separator: "\n"))
    return changes.map { change in
        switch change {
        case .insert(let line, let text, _): "ours \(line + 1): \(text)"
        case .remove(let line, let text, _): "theirs \(line + 1): \(text)"
        }
    }.joined(separator: "\n")
}
