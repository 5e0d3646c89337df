/// A text that nobody may see who does not have to: a password, a private key, user data. Whatever prints, logs,
/// interpolates or reflects it gets a placeholder; who needs the text says so by asking for `revealed`.
///
/// Coded in clear, because the ledger has to bring it back; the ledger's file is its owner's alone.
public struct Secret: Hashable, Sendable {
    public let revealed: String

    public init(_ text: String) { revealed = text }

    static let placeholder = "‹secret›"
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { Self.placeholder }
    public var debugDescription: String { Self.placeholder }
    /// `dump` and test failures read mirrors, not descriptions.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: Codable {
    public init(from decoder: any Decoder) throws {
        revealed = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(revealed)
    }
}
