import Testing

/// The tree as it is. Each of these checks is shown a fault in `PlantedFaultTests`.
@Suite struct HouseTests {
    let checks: Checks

    init() throws { checks = Checks(sources: try SourceTree(folder: "Sources")) }

    @Test func `the sources are found at all`() {
        #expect(checks.sources.modules["NetworkVocabulary"]?["IPv4.swift"]?.isEmpty == false)
    }

    @Test func `every import is one that the table allows`() {
        #expect(checks.forbiddenImports() == [])
    }

    @Test func `the table and the folders name the same modules`() {
        #expect(checks.tableOutOfStep() == [])
    }

    @Test func `the table has no circles`() {
        #expect(checks.circles() == [])
    }

    @Test func `no module is a drawer`() {
        #expect(checks.drawers() == [])
    }

    @Test func `no file outgrows a reader without saying why`() throws {
        #expect(checks.longFiles() == [])
        #expect(Checks(sources: try SourceTree(folder: "Tests")).longFiles() == [])
    }

    @Test func `nothing starts a program`() {
        #expect(checks.startedPrograms() == [])
    }

    @Test func `every type of event that somebody writes is one that listEventTypes knows`() {
        #expect(checks.unlistedEventTypes() == [])
    }

    @Test func `a folder of tests is named after a module or is one of the few that span several`() throws {
        let spanning: Set = ["ArchitectureTests", "KernelTests", "ScenarioTests", "ProgramTests"]
        let modules = Set(checks.sources.modules.keys.map { $0 + "Tests" })
        let folders = Set(try SourceTree(folder: "Tests").modules.keys.filter { $0.hasSuffix("Tests") })
        #expect(folders.subtracting(modules).subtracting(spanning) == [])
    }
}
