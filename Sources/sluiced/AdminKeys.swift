import CloudStackAPI
import FoundationEssentials
import Glibc

/// The administrator's API keys, in `DATA/admin.json`, readable by the daemon's user only. The ledger has them too: what
/// is in the ledger counts, and the file follows it at every start.
struct AdminKeys: Codable, Equatable {
    let apikey: String
    let secretkey: String

    private static func path(_ directory: String) -> String { "\(directory)/admin.json" }

    /// The keys of the file, if there is one.
    static func load(from directory: String) throws -> AdminKeys? {
        let path = path(directory)
        if let text = TextFile.read(path) {
            guard let keys = try? JSONDecoder().decode(AdminKeys.self, from: Data(text.utf8)), keys.isUsable else {
                throw StartFailure("\(path) does not hold an apikey and a secretkey; remove it to have new ones drawn")
            }
            return keys
        }
        guard errno == ENOENT else { throw StartFailure("\(path): \(String(cString: strerror(errno)))") }
        return nil
    }

    static func draw(_ surroundings: APISurroundings) -> AdminKeys {
        AdminKeys(apikey: surroundings.drawKey(), secretkey: surroundings.drawKey())
    }

    func store(in directory: String) throws {
        let path = Self.path(directory)
        // Written by hand: the format is what clients of the test container expect, to the byte.
        guard TextFile.write(secret: "{\"apikey\":\"\(apikey)\",\"secretkey\":\"\(secretkey)\"}\n", to: path)
        else { throw StartFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
    }

    private var isUsable: Bool { apikey.utf8.count >= 16 && secretkey.utf8.count >= 16 }
}
