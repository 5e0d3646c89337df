import ControlPlane
import FoundationEssentials

/// A case: a folder with its story, its cloud and its packets (`docs/packet-cases.md`).
public struct PacketCase: Sendable {
    /// The folder.
    public let path: String
    /// The last two parts of it: feature and case.
    public let name: String
    /// The story's headline.
    public let title: String
    public let script: CaseScript
    let cloud: CloudFile
    /// Cloud files and captures that the script names.
    let clouds: [String: CloudFile]
    let captures: [String: [UInt8]]

    public init(folder: String) throws(CaseError) {
        try self.init(folder) { name throws(CaseError) in try Self.data(name, in: folder) }
    }

    /// A case that is in no folder: its files by their names, `cloud.json` and `traffic.packets` among them.
    public init(name: String, files: [String: String]) throws(CaseError) {
        try self.init(name) { file throws(CaseError) in
            guard let text = files[file] ?? (file == "README.md" ? "# \(name)\n" : nil) else {
                throw CaseError(file: "\(name)/\(file)", "there is no such file")
            }
            return Data(text.utf8)
        }
    }

    private init(_ folder: String, _ data: (String) throws(CaseError) -> Data) throws(CaseError) {
        path = folder
        // Where the path itself says nothing, as `.` does, the place that it means.
        let parts = folder.split(separator: "/")
        let isPlain = !parts.isEmpty && parts.suffix(2).allSatisfy { $0 != "." && $0 != ".." }
        let path = isPlain ? folder : URL(filePath: folder).standardizedFileURL.path
        name = path.split(separator: "/").suffix(2).joined(separator: "/")
        let story = Self.text(try data("README.md"))
        guard let headline = story.split(separator: "\n").first(where: { $0.hasPrefix("# ") }) else {
            throw CaseError(file: "\(folder)/README.md", "expected a headline, '# …'")
        }
        title = String(headline.dropFirst(2))
        cloud = try Self.cloud(Self.text(try data("cloud.json")), "\(folder)/cloud.json")
        script = try CaseScript(
            parsing: Self.text(try data("traffic.packets")), file: "\(folder)/traffic.packets")
        var clouds: [String: CloudFile] = [:]
        var captures: [String: [UInt8]] = [:]
        for step in script.steps {
            switch step.action {
            case .apply(let file): clouds[file] = try Self.cloud(Self.text(try data(file)), "\(folder)/\(file)")
            case .replay(let file, _): captures[file] = Array(try data(file))
            default: break
            }
        }
        self.clouds = clouds
        self.captures = captures
    }

    /// The folders below these, and they themselves, that hold a case, in order.
    public static func folders(below roots: [String]) throws(CaseError) -> [String] {
        var found: [String] = []
        for root in roots {
            let root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
            let inside: [String]
            do {
                inside = try FileManager.default.subpathsOfDirectory(atPath: root)
            } catch {
                throw CaseError(file: root, "there is no such folder")
            }
            let scripts = inside.filter { $0 == "traffic.packets" || $0.hasSuffix("/traffic.packets") }
            if scripts.isEmpty { throw CaseError(file: root, "there is no case: no traffic.packets in or below it") }
            found += scripts.map { $0 == "traffic.packets" ? root : "\(root)/\($0.dropLast("/traffic.packets".count))" }
        }
        return Array(Set(found)).sorted()
    }

    /// A file of the folder itself: names do not lead elsewhere.
    private static func data(_ name: String, in folder: String) throws(CaseError) -> Data {
        let path = "\(folder)/\(name)"
        guard !name.contains("/"), name != "..", let data = FileManager.default.contents(atPath: path) else {
            throw CaseError(file: path, "there is no such file")
        }
        return data
    }

    private static func text(_ data: Data) -> String { String(decoding: data, as: UTF8.self) }

    private static func cloud(_ text: String, _ path: String) throws(CaseError) -> CloudFile {
        do {
            return try CloudFile(json: text)
        } catch {
            throw CaseError(file: path, error.text)
        }
    }
}
