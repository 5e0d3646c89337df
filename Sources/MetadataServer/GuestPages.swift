public import NetworkVocabulary
public import RouterPlan

/// What one NIC's guest may read, written out: an answer copies bytes and nothing else.
public struct GuestPages: Sendable {
    public let nic: ObjectID
    public let guest: ObjectID
    private var pages: [(path: [UInt8], body: [UInt8], isBinary: Bool)] = []
    /// What the guest is to set as its password; nil when there is none, or it has it.
    public internal(set) var password: [UInt8]?

    /// The guest has it.
    public mutating func forgetPassword() { password = nil }

    /// Nil for a NIC whose network serves no metadata. `userData` is decoded: what the guest gets is what was given.
    public init?(_ served: ServedNIC, decode: (String) -> [UInt8]?) {
        guard let metadata = served.metadata else { return nil }
        nic = served.id
        guest = served.guest
        if case .waiting(let secret) = metadata.password { password = Array(secret.revealed.utf8) }
        let variables = metadata.variables.sorted { $0.key < $1.key }.map { ($0.key, $0.value.revealed) }
        var names: [String] = []
        for (name, value) in metadata.leaves.map({ ($0.name, $0.value) }) + variables {
            guard Self.isLeafName(name), !names.contains(where: { $0.lowercased() == name.lowercased() }) else {
                continue
            }
            names.append(name)
            add("/latest/meta-data/\(name)", Array(value.utf8))
            // As in the first releases.
            add("/latest/\(name)", Array(value.utf8))
        }
        let userData = metadata.userData.flatMap { decode($0.revealed) }
        if let userData { add("/latest/user-data", userData, isBinary: true) }
        let listing = Self.lines(names)
        for path in ["/latest/meta-data/", "/latest/meta-data"] { add(path, listing) }
        let top = Self.lines(["meta-data/"] + (userData == nil ? [] : ["user-data"]))
        for path in ["/latest/", "/latest"] { add(path, top) }
        add("/", Self.lines(["latest/"]))
    }

    private mutating func add(_ path: String, _ body: [UInt8], isBinary: Bool = false) {
        pages.append((Array(path.lowercased().utf8), body, isBinary))
    }

    private static func lines(_ names: [String]) -> [UInt8] { Array(names.joined(separator: "\n").utf8) }

    /// A name that is one segment of a path as it stands, and none of those that mean something else.
    private static func isLeafName(_ name: String) -> Bool {
        let reserved = ["meta-data", "user-data", ".", ".."]
        return !name.isEmpty && !reserved.contains(name.lowercased())
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
                default: false
                }
            }
    }

    /// The page of a path, decoded once and whatever its case. Only these exact paths are pages: there are no dots to climb
    /// by and no slashes to double.
    func page(_ bytes: RawSpan, _ path: Range<Int>) -> (body: [UInt8], isBinary: Bool)? {
        guard !path.isEmpty else { return pages.last.map { ($0.body, $0.isBinary) } }
        for page in pages where Self.isPath(bytes, path, page.path) { return (page.body, page.isBinary) }
        return nil
    }

    private static func isPath(_ bytes: RawSpan, _ path: Range<Int>, _ wanted: [UInt8]) -> Bool {
        guard path.count >= wanted.count else { return false }
        var at = path.lowerBound
        for byte in wanted {
            guard at < path.upperBound, let (value, next) = decoded(bytes, at, path.upperBound),
                (value &- 0x41 < 26 ? value | 0x20 : value) == byte
            else { return false }
            // A slash that is written otherwise is no separator.
            if value == 0x2f, next != at + 1 { return false }
            at = next
        }
        return at == path.upperBound
    }

    private static func decoded(_ bytes: RawSpan, _ at: Int, _ end: Int) -> (UInt8, Int)? {
        guard bytes.octet(at) == 0x25 else { return (bytes.octet(at), at + 1) }
        guard at + 2 < end, let high = digit(bytes.octet(at + 1)), let low = digit(bytes.octet(at + 2)) else {
            return nil
        }
        return (high << 4 | low, at + 3)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
