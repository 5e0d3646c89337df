import CloudModel
import FoundationEssentials

extension CloudFile {
    /// Reads a file's text. What is wrong with it is said with the path of the field.
    public init(json text: String) throws(RequestError) {
        do {
            self = try JSONDecoder().decode(CloudFile.self, from: Data(text.utf8))
        } catch let error as DecodingError {
            throw .refused(error.path.isEmpty ? nil : error.path, error.explanation)
        } catch {
            throw .refused(nil, "The file can't be read")
        }
    }

    /// The file's text, with fields in alphabetical order.
    public func json() -> String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension DecodingError {
    private var context: Context? {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): context
        case .keyNotFound(let key, let context):
            Context(codingPath: context.codingPath + [key], debugDescription: "it is missing")
        @unknown default: nil
        }
    }

    /// `networks[2].cidr`.
    fileprivate var path: String {
        var path = ""
        for key in context?.codingPath ?? [] {
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += path.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return RequestError.excerpt(path)
    }

    fileprivate var explanation: String {
        let reason: String
        switch self {
        case .typeMismatch(let type, _): reason = "it is not \(Self.word(for: type))"
        case .valueNotFound(let type, _): reason = "it is null instead of \(Self.word(for: type))"
        default: reason = RequestError.excerpt(context?.debugDescription ?? "it can't be read")
        }
        return path.isEmpty ? "The file is not a cloud: \(reason)" : "\(path): \(reason)"
    }

    private static func word(for type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any Collection.Type: "a list or an object"
        default: "what is expected there"
        }
    }
}
