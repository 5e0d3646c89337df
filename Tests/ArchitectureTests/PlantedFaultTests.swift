import Testing

/// A check that cannot fail checks nothing: each is shown the fault it is there for.
@Suite struct PlantedFaultTests {
    /// A small house in which everything is right.
    static let sound = SourceTree([
        "Words": ["Word.swift": "struct Word {}\n"],
        "Plans": ["Plan.swift": "public import Words\nstruct Plan { let word: Word }\n"],
    ])

    static let table = [Room("Words", because: "the bottom"), Room("Plans", ["Words"], because: "above")]

    static func checks(_ module: String, _ file: String, _ text: String) -> Checks {
        var sources = sound
        sources.modules[module, default: [:]][file] = text
        return Checks(sources: sources, rooms: table)
    }

    @Test func `a sound house passes every check`() {
        let checks = Checks(sources: Self.sound, rooms: Self.table)
        #expect(checks.forbiddenImports() + checks.tableOutOfStep() + checks.circles() == [])
        #expect(checks.drawers() + checks.longFiles() + checks.startedPrograms() == [])
    }

    @Test(arguments: [
        "import Plans", "public import Plans", "@preconcurrency public import Plans", "  internal import Plans",
        "import struct Plans.Plan", "let a = 1; import Plans", "import Foundation", "import Dispatch", "import Glibc",
        "#if canImport(Foundation)\nimport Foundation\n#endif", "/* */ import Plans", "import Plans // allowed",
    ])
    func `an import against the table is found`(_ line: String) {
        #expect(Self.checks("Words", "Bad.swift", line).forbiddenImports().count == 1)
    }

    @Test(arguments: ["@testable import Words", "@_exported import Words"])
    func `an allowed module in a forbidden way is found`(_ line: String) {
        #expect(Self.checks("Plans", "Bad.swift", line).forbiddenImports().count == 1)
    }

    @Test(arguments: [
        "// import Plans", "/* import Plans /* nested */ import Plans */", "let text = \"import Plans\"",
        "let text = \"\"\"\n    import Plans\n    \"\"\"", "let text = #\"\" import Plans\"#", "let important = 1",
    ])
    func `the word import in a comment or a string is not an import`(_ text: String) {
        #expect(Self.checks("Words", "Good.swift", text).forbiddenImports() == [])
    }

    @Test func `a folder outside the table and a name without a folder are found`() {
        let strange = Self.checks("Strange", "File.swift", "")
        #expect(strange.tableOutOfStep() == ["Sources/Strange is not in the table"])
        let stale = Checks(sources: Self.sound, rooms: Self.table + [Room("Gone", ["Never"], because: "stale")])
        #expect(stale.tableOutOfStep().count == 2)
    }

    @Test func `a circle in the table is found`() {
        let rooms = [Room("Words", ["Plans"], because: "wrong"), Room("Plans", ["Words"], because: "right")]
        #expect(Checks(sources: Self.sound, rooms: rooms).circles().count == 2)
    }

    @Test(arguments: ["NetworkUtils", "CommonTypes", "TestHelpers"])
    func `a drawer is found`(_ name: String) {
        #expect(Self.checks(name, "File.swift", "").drawers().count == 1)
    }

    @Test func `a long file is found unless it says why`() {
        let lines = String(repeating: "// line\n", count: 401)
        #expect(Self.checks("Words", "Long.swift", lines).longFiles() == ["Words/Long.swift has 401 lines"])
        #expect(Self.checks("Words", "Long.swift", "// Long because a table.\n" + lines).longFiles() == [])
        #expect(Self.checks("Words", "Long.swift", String(lines.dropLast(8))).longFiles() == [])
    }

    @Test func `an event of a type that is not listed is found`() {
        var sources = Self.sound
        sources.modules["CloudStackAPI"] = ["EventTypes.swift": "[\"VM.START\", \"VM.STOP\"]"]
        sources.modules["Plans"]?["Plan.swift"] = "Event(type: \"VM.START\"); Event(type: \"VM.FLY\")"
        let checks = Checks(sources: sources, rooms: Self.table)
        #expect(checks.unlistedEventTypes() == ["Plans/Plan.swift writes VM.FLY"])
    }

    @Test(arguments: [
        "let p = Process()", "posix_spawn(&pid, path, nil, nil, argv, envp)", "execve(path, argv, envp)", "fork()",
        "Glibc.execvp(path, argv)", "system(\"ls\")", "popen(command, \"r\")", "let shell = \"/bin/sh\"",
    ])
    func `starting a program is found`(_ line: String) {
        #expect(Self.checks("Words", "Bad.swift", line).startedPrograms().count == 1)
        let allowed = Self.checks("Words", "Bad.swift", line).startedPrograms(except: ["Words/Bad.swift": "a test"])
        #expect(allowed == [])
    }

    @Test(arguments: [
        "// system(\"ls\")", "let text = \"fork()\"", "rule.fork()", "process(packet)", "let system = 1",
        "case system(errno: Int32)", "case .system(let errno): errno", "func fork() {}", "subsystem(1)", "ecosystem()",
    ])
    func `words that only look like it are left alone`(_ line: String) {
        #expect(Self.checks("Words", "Good.swift", line).startedPrograms() == [])
    }
}
