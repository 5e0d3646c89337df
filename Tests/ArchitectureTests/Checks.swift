/// Each check takes the sources as a value and answers with what is wrong, one line each, so that a test can also
/// show it sources with a fault in them.
struct Checks {
    let sources: SourceTree
    var rooms: [Room] = ArchitectureTests.rooms

    /// Imports that the table does not allow.
    func forbiddenImports() -> [String] {
        let allowed = Dictionary(uniqueKeysWithValues: rooms.map { ($0.name, $0) })
        return sources.files.flatMap { module, path, text -> [String] in
            guard path.hasSuffix(".swift"), let room = allowed[module] else { return [] }
            return SwiftCode(text).imports.compactMap { imported in
                if imported.attributes.contains(where: { ["@testable", "@_exported"].contains($0) }) {
                    return "\(module)/\(path): \(imported.attributes[0]) import \(imported.module)"
                }
                guard !room.modules.contains(imported.module), !room.system.contains(imported.module) else {
                    return nil
                }
                return "\(module)/\(path) imports \(imported.module), but \(module) is \(room.reason)"
            }
        }
    }

    /// Folders the table does not know, and names in the table that no longer exist.
    func tableOutOfStep() -> [String] {
        let known = Set(rooms.map(\.name))
        let present = Set(sources.modules.keys)
        let named = known.union(rooms.flatMap(\.modules))
        return present.subtracting(known).sorted().map { "Sources/\($0) is not in the table" }
            + named.subtracting(present).sorted().map { "the table names \($0), which does not exist" }
    }

    /// Two modules that could reach each other, by the table alone.
    func circles() -> [String] {
        let edges = Dictionary(uniqueKeysWithValues: rooms.map { ($0.name, $0.modules) })
        return rooms.filter { room in
            var seen: Set<String> = []
            var next = Array(room.modules)
            while let name = next.popLast() {
                if name == room.name { return true }
                if seen.insert(name).inserted { next += edges[name] ?? [] }
            }
            return false
        }
        .map { "\($0.name) may import itself through others" }
    }

    /// Rooms without a subject.
    func drawers() -> [String] {
        sources.modules.keys.sorted().filter { name in
            ["Util", "Common", "Helper", "Extra", "Misc", "Shared"].contains { name.contains($0) }
        }
        .map { "\($0) says nothing about what it holds" }
    }

    /// Files that outgrew a reader and do not say why near their top.
    func longFiles(limit: Int = 400) -> [String] {
        sources.files.compactMap { module, path, text in
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            guard lines.count > limit + 1, !lines.prefix(10).contains(where: { $0.contains("Long because") }) else {
                return nil
            }
            return "\(module)/\(path) has \(lines.count - 1) lines"
        }
    }

    /// Words that look like types of events and stand in code, but not in the list that clients are shown.
    func unlistedEventTypes() -> [String] {
        func types(_ text: String) -> Set<String> {
            Set(text.matches(of: #/"([A-Z][A-Z0-9]+(?:\.[A-Z0-9]+)+)"/#).map { String($0.1) })
        }
        let list = ("CloudStackAPI", "EventTypes.swift")
        let listed = types(sources.modules[list.0]?[list.1] ?? "")
        return sources.files.filter { ($0.module, $0.path) != list }.flatMap { module, path, text in
            types(text).subtracting(listed).sorted().map { "\(module)/\(path) writes \($0)" }
        }
    }

    /// Anything that would start a program outside the places that may.
    func startedPrograms(except allowed: [String: String] = startsPrograms) -> [String] {
        sources.files.flatMap { module, path, text -> [String] in
            guard allowed["\(module)/\(path)"] == nil else { return [] }
            let code = SwiftCode(text)
            let calls = Self.calls(in: code.withoutStrings).filter { Self.starters.contains($0) }
            let shells = ["/bin/sh", "/bin/bash", "/usr/bin/env"].filter(code.withStrings.contains)
            return (calls + shells).map { "\(module)/\(path) uses \($0)" }
        }
    }

    static let starters: Set = [
        "Process", "posix_spawn", "posix_spawnp", "fork", "vfork", "system", "popen", "execl", "execle", "execlp",
        "execv", "execve", "execvp", "execvpe", "fexecve", "sluice_execvp", "sluice_start_program",
    ]

    /// The names that are called: an identifier before an opening parenthesis that is neither a member of something
    /// nor the name of a declaration.
    static func calls(in code: String) -> [String] {
        var names: [String] = []
        var word = ""
        var previousWord = ""
        var before: Character = "\n"
        var isMember = false
        for character in code {
            if character.isLetter || character.isNumber || character == "_" {
                // `Glibc.fork()` is a call of fork; `rule.fork()` is not.
                if word.isEmpty { isMember = before == "." && previousWord != "Glibc" }
                word.append(character)
            } else {
                let isDeclared = previousWord == "case" || previousWord == "func"
                if character == "(", !word.isEmpty, !isMember, !isDeclared { names.append(word) }
                if !word.isEmpty { previousWord = word }
                word = ""
            }
            before = character
        }
        return names
    }
}
