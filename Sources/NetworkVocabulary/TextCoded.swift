/// A value whose coded form is its text: what a person writes in `cloud.json`, reads in a plan and finds in the
/// ledger is the same string.
public protocol TextCoded: LosslessStringConvertible, Codable {}

extension TextCoded {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            // The text may be anything of any length: an error shows its beginning, with control characters escaped.
            let shown =
                text.unicodeScalars.count > 64
                ? String(String.UnicodeScalarView(text.unicodeScalars.prefix(64))) + "…" : text
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not a valid \(Self.self): \(shown.debugDescription)")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
