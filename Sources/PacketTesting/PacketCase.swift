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
        path = folder
        name = folder.split(separator: "/").suffix(2).joined(separator: "/")
        let story = try Self.text("README.md", in: folder)
        guard let headline = story.split(separator: "\n").first(where: { $0.hasPrefix("# ") }) else {
            throw CaseError(file: "\(folder)/README.md", "expected a headline, '# …'")
        }
        title = String(headline.dropFirst(2))
        cloud = try Self.cloud("cloud.json", in: folder)
        script = try CaseScript(
            parsing: try Self.text("traffic.packets", in: folder), file: "\(folder)/traffic.packets")
        var clouds: [String: CloudFile] = [:]
        var captures: [String: [UInt8]] = [:]
        for step in script.steps {
            switch step.action {
            case .apply(let file): clouds[file] = try Self.cloud(file, in: folder)
            case .replay(let file, _): captures[file] = Array(try Self.data(file, in: folder))
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

    private static func text(_ name: String, in folder: String) throws(CaseError) -> String {
        String(decoding: try data(name, in: folder), as: UTF8.self)
    }

    private static func cloud(_ name: String, in folder: String) throws(CaseError) -> CloudFile {
        let text = try text(name, in: folder)
        do {
            return try CloudFile(json: text)
        } catch {
            throw CaseError(file: "\(folder)/\(name)", "\(error)")
        }
    }
}
