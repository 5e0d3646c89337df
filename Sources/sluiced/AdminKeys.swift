import FoundationEssentials
import Glibc

/// The administrator's API keys, in `DATA/admin.json`: drawn at the first start, kept from then on, readable by the
/// daemon's user only.
struct AdminKeys: Codable {
    let apikey: String
    let secretkey: String

    /// The keys of the file, or new ones put there.
    static func load(from directory: String) throws -> AdminKeys {
        let path = "\(directory)/admin.json"
        if let text = TextFile.read(path) {
            guard let keys = try? JSONDecoder().decode(AdminKeys.self, from: Data(text.utf8)), keys.isUsable else {
                throw StartFailure("\(path) does not hold an apikey and a secretkey; remove it to have new ones drawn")
            }
            return keys
        }
        guard errno == ENOENT else { throw StartFailure("\(path): \(String(cString: strerror(errno)))") }
        let keys = AdminKeys(apikey: draw(), secretkey: draw())
        // Written by hand: the format is what clients of the test container expect, to the byte.
        guard TextFile.write(secret: "{\"apikey\":\"\(keys.apikey)\",\"secretkey\":\"\(keys.secretkey)\"}\n", to: path)
        else { throw StartFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
        return keys
    }

    private var isUsable: Bool { apikey.utf8.count >= 16 && secretkey.utf8.count >= 16 }

    /// 64 random bytes as CloudStack's keys are: base64 for URLs, without padding.
    private static func draw() -> String {
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
        return Data(bytes).base64EncodedString().filter { $0 != "=" }
            .map { $0 == "+" ? "-" : $0 == "/" ? "_" : String($0) }.joined()
    }
}
