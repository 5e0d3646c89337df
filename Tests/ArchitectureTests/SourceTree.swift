import Foundation

/// The sources as the checks see them: module → file → text. Read from disk once, or made up by a test that wants to
/// see a check fail.
struct SourceTree {
    var modules: [String: [String: String]]

    /// The folder that holds Package.swift, found from where this file was compiled.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every Swift and C file below `folder` (`Sources` or `Tests`), by the folder at its top.
    init(folder: String) throws {
        let top = Self.root.appending(path: folder, directoryHint: .isDirectory)
        modules = [:]
        for module in try FileManager.default.contentsOfDirectory(atPath: top.path).sorted() {
            let base = top.appending(path: module, directoryHint: .isDirectory)
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: base.path, isDirectory: &isFolder), isFolder.boolValue else {
                continue
            }
            var files: [String: String] = [:]
            for path in try FileManager.default.subpathsOfDirectory(atPath: base.path) {
                guard ["swift", "c", "h"].contains(URL(filePath: path).pathExtension) else { continue }
                files[path] = try String(contentsOf: base.appending(path: path), encoding: .utf8)
            }
            modules[module] = files
        }
    }

    init(_ modules: [String: [String: String]]) { self.modules = modules }

    /// All files in a fixed order, so that a failure always lists the same first.
    var files: [(module: String, path: String, text: String)] {
        modules.sorted { $0.key < $1.key }.flatMap { module, files in
            files.sorted { $0.key < $1.key }.map { (module, $0.key, $0.value) }
        }
    }
}
