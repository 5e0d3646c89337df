internal import CLinux
internal import Glibc

/// What the kernel refused, and in whose words: the operation, the object it was about, the error number and the
/// kernel's own explanation (the text of an extended acknowledgement) where it gave one.
///
/// Callers decide by the predicates, never by the text.
public struct KernelError: Error, Hashable, Sendable {
    /// What was tried, in the imperative: `add route`.
    public var operation: String
    /// What it was tried on: `0.0.0.0/0 table 100`.
    public var object: String
    public var errno: Int32
    /// The kernel's explanation, or empty.
    public var explanation: String

    public init(operation: String, object: String, errno: Int32, explanation: String = "") {
        self.operation = operation
        self.object = object
        self.errno = errno
        self.explanation = explanation
    }

    /// The object is not there: each kind of kernel object says so with a number of its own.
    public var isNotFound: Bool {
        [ENOENT, ENODEV, ESRCH, ENXIO, EADDRNOTAVAIL].contains(errno)
    }

    public var isAlreadyExists: Bool { errno == EEXIST }

    /// This kernel does not know the thing at all: a module is missing or was left out.
    public var isUnsupported: Bool {
        [EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT, ENOPROTOOPT, ENOSYS].contains(errno)
    }

    /// The error of the system call that just failed.
    static func last(_ operation: String, _ object: String) -> KernelError {
        KernelError(operation: operation, object: object, errno: Glibc.errno)
    }
}

extension KernelError: CustomStringConvertible {
    public var description: String {
        let text = sluice_errno_text(errno).map { String(cString: $0) } ?? "error"
        let name = sluice_errno_name(errno).map { String(cString: $0) } ?? "\(errno)"
        let subject = object.isEmpty ? operation : "\(operation) \(object)"
        return "\(subject): \(text) (\(name))" + (explanation.isEmpty ? "" : ": \(explanation)")
    }
}
