internal import CLinux
internal import Glibc
public import NetworkVocabulary

/// Why the ruleset could not be read or changed.
public enum NetfilterError: Error, Hashable, Sendable {
    /// Somebody else changed the ruleset since the generation the transaction was made for. Nothing was changed.
    case staleGeneration
    /// The kernel refused these steps, and with them the whole transaction.
    case refused([Refusal])
    /// The transaction needs a larger socket buffer than this process may have.
    case batchTooLarge(bytes: Int, limit: Int)
    /// A rule holds an instruction that only others write.
    case unwritable(String)
    /// The ruleset kept changing while it was read.
    case restless
    case system(operation: String, errno: Int32)

    /// A step that the kernel refused.
    public struct Refusal: Hashable, Sendable {
        /// The step's position in the transaction; nil when the kernel refused the transaction as a whole.
        public let operation: Int?
        /// The step in nft syntax; of many elements, the one that was refused where the kernel said which.
        public let text: String
        public let origin: Origin?
        public let errno: Int32
        /// The kernel's own words, where it has some.
        public let explanation: String?
    }
}

extension NetfilterError.Refusal: CustomStringConvertible {
    public var description: String {
        var sentence = "\(text): \(errorText(errno))"
        if let explanation { sentence += " (\(explanation))" }
        if let origin { sentence += " [\(origin)]" }
        return sentence
    }
}

extension NetfilterError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .staleGeneration: "the ruleset was changed by somebody else meanwhile"
        case .refused(let refusals): refusals.map(\.description).joined(separator: "\n")
        case .batchTooLarge(let bytes, let limit):
            "the transaction has \(bytes) bytes, and the socket's buffer only \(limit)"
        case .unwritable(let name): "rules cannot be written with the instruction \(name)"
        case .restless: "the ruleset kept changing while it was read"
        case .system(let operation, let errno): "\(operation): \(errorText(errno))"
        }
    }
}

private func errorText(_ errno: Int32) -> String {
    sluice_errno_text(errno).map { String(cString: $0) } ?? "error \(errno)"
}

extension NetfilterError {
    /// The kernel's error number where there is one.
    public var errno: Int32 {
        switch self {
        case .refused(let refusals): refusals.first?.errno ?? EINVAL
        case .system(_, let errno): errno
        case .staleGeneration, .restless: EAGAIN
        case .batchTooLarge: EMSGSIZE
        case .unwritable: EINVAL
        }
    }

    /// The object behind the step that was refused.
    public var origin: Origin? {
        if case .refused(let refusals) = self { refusals.lazy.compactMap(\.origin).first } else { nil }
    }
}
