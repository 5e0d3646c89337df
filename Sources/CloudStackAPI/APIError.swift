public import ControlPlane

/// An error as a client sees it: the status of the answer, CloudStack's two codes and a text.
public struct APIError: Error, Hashable, Sendable {
    /// The HTTP status, which is also `errorcode`.
    public let status: Int
    public let exceptionCode: Int
    public let text: String

    public init(status: Int, exceptionCode: Int = 9999, _ text: String) {
        self.status = status
        self.exceptionCode = exceptionCode
        self.text = text
    }

    /// A field of a cloud file is named by its path, which the text alone need not hold.
    public init(_ error: RequestError) {
        var text = error.text
        if let field = error.parameter, field.contains(where: { ".[".contains($0) }), !text.contains(field) {
            text = "\(field): \(text)"
        }
        self.init(status: error.code.rawValue, exceptionCode: error.exceptionCode, text)
    }

    /// Whatever was wrong with the credentials, the answer is the same: it tells nobody which keys exist.
    static let unauthorized = APIError(status: 401, "unable to verify user credentials and/or request signature")

    static func unknownCommand(_ name: String) -> APIError {
        APIError(status: 432, "Unknown API command: \(excerpt(name))")
    }

    static func malformed(_ text: String) -> APIError { APIError(status: 430, exceptionCode: 4350, text) }

    static func parameter(_ text: String) -> APIError { APIError(status: 431, exceptionCode: 4350, text) }

    /// At most 64 characters of what a client sent, in printable ASCII.
    static func excerpt(_ text: String) -> String {
        let start = text.unicodeScalars.prefix(64).map { $0.value > 31 && $0.value < 127 ? Character($0) : "?" }
        return String(start) + (text.unicodeScalars.dropFirst(64).isEmpty ? "" : "…")
    }

    /// The body's envelope.
    func envelope(_ key: String) -> APIObject {
        [
            key: .object([
                "uuidList": .array([]), "errorcode": .number(status), "cserrorcode": .number(exceptionCode),
                "errortext": .string(text),
            ])
        ]
    }
}
