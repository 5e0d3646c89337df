public import NetworkVocabulary

/// The public half of an SSH key as `authorized_keys` has it (RFC 4253, 6.6), without options and comment.
public struct SSHPublicKey: Hashable, Sendable {
    public enum Algorithm: String, Hashable, Sendable, CaseIterable {
        case rsa = "ssh-rsa"
        case dss = "ssh-dss"
        case ed25519 = "ssh-ed25519"
        case p256 = "ecdsa-sha2-nistp256"
        case p384 = "ecdsa-sha2-nistp384"
        case p521 = "ecdsa-sha2-nistp521"

        /// How many strings and numbers follow the algorithm's name.
        fileprivate var fieldCount: Int {
            switch self {
            case .rsa, .p256, .p384, .p521: 2
            case .dss: 4
            case .ed25519: 1
            }
        }
    }

    public let algorithm: Algorithm
    /// The algorithm's name and its numbers, each with its length before it.
    public let blob: [UInt8]

    public init?(_ algorithm: Algorithm, blob: [UInt8]) {
        guard let fields = Self.fields(of: blob), fields.count == algorithm.fieldCount + 1,
            fields[0].elementsEqual(algorithm.rawValue.utf8), fields.allSatisfy({ !$0.isEmpty })
        else { return nil }
        if algorithm == .ed25519, fields[1].count != 32 { return nil }
        self.algorithm = algorithm
        self.blob = blob
    }

    /// Exponent and modulus of an RSA key, most significant byte first.
    public var rsaNumbers: (exponent: [UInt8], modulus: [UInt8])? {
        guard algorithm == .rsa, let fields = Self.fields(of: blob) else { return nil }
        return (Array(fields[1]), Array(fields[2]))
    }

    /// MD5 of the key, as CloudStack and old `ssh-keygen -l` show it: a name for people, no proof of anything.
    public var fingerprint: String {
        MD5.digest(of: blob).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }

    /// Longer keys than there are.
    static let limit = 16_384

    private static func fields(of blob: [UInt8]) -> [ArraySlice<UInt8>]? {
        guard blob.count <= limit else { return nil }
        var fields: [ArraySlice<UInt8>] = []
        var rest = blob[...]
        while !rest.isEmpty {
            guard rest.count >= 4 else { return nil }
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard length <= rest.count else { return nil }
            fields.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return fields
    }
}

extension SSHPublicKey: TextCoded {
    /// `ssh-rsa AAAA… comment`; the comment is not kept.
    public init?(_ text: String) {
        let words = text.split(maxSplits: 2) { $0 == " " || $0 == "\t" }
        guard words.count >= 2, let algorithm = Algorithm(rawValue: String(words[0])),
            let end = words.last.map({ $0.drop { !$0.isNewline } }), end.allSatisfy(\.isNewline),
            let blob = Base64.decode(words[1].filter { !$0.isNewline })
        else { return nil }
        self.init(algorithm, blob: blob)
    }

    public var description: String { "\(algorithm.rawValue) \(Base64.encode(blob))" }
}
