import CloudModel

/// Why a request was refused, as CloudStack says it. Nothing has changed.
public struct RequestError: Error, Hashable, Sendable {
    /// CloudStack's error codes, which are also the HTTP status of the answer.
    public enum Code: Int, Hashable, Sendable {
        case malformedParameter = 430
        case parameter = 431
        case unsupported = 432
        case `internal` = 530
        case account = 531
        case resourceLimit = 532
        case insufficientCapacity = 533
        case unavailable = 534
        case allocation = 535
        case inUse = 536
        case conflict = 537
    }

    public let code: Code
    /// CloudStack's `cserrorcode`: which of its exceptions this would have been.
    public let exceptionCode: Int
    /// The request's parameter that is to blame, if one is; in a cloud file, the path of the field.
    public let parameter: String?
    public let text: String
    /// CloudStack takes the request and finds out in its job: clients look for the error there.
    public private(set) var isJobs = false

    public init(_ code: Code, exceptionCode: Int, parameter: String? = nil, _ text: String) {
        self.code = code
        self.exceptionCode = exceptionCode
        self.parameter = parameter
        self.text = text
    }
}

extension RequestError {
    /// The same, found out by the job of the request.
    var inJob: RequestError {
        var error = self
        error.isJobs = true
        return error
    }
}

extension RequestError: CustomStringConvertible {
    public var description: String { "\(code.rawValue): \(text)" }
}

// The texts that clients match are CloudStack's to the letter (the command in lower case); a reason may follow.
extension RequestError {
    public static func missing(_ parameter: String, _ command: String) -> RequestError {
        RequestError(
            .parameter, exceptionCode: 4350, parameter: parameter,
            "Unable to execute API command \(command.lowercased()) due to missing parameter \(parameter)")
    }

    public static func invalid(
        _ parameter: String, _ value: String, _ command: String, because reason: String? = nil
    ) -> RequestError {
        RequestError(
            .parameter, exceptionCode: 4350, parameter: parameter,
            "Unable to execute API command \(command.lowercased()) due to invalid value \(excerpt(value)) for parameter "
                + parameter + (reason.map { ": \($0)" } ?? ""))
    }

    public static func tooLong(_ parameter: String, limit: Int) -> RequestError {
        RequestError(
            .parameter, exceptionCode: 4350, parameter: parameter,
            "Value greater than max allowed length \(limit) for param: \(parameter)")
    }

    /// An id that is not, or no longer, an object of the kind that the parameter names.
    public static func unknown(_ parameter: String, id: String, _ command: String) -> RequestError {
        RequestError(
            .parameter, exceptionCode: 4350, parameter: parameter,
            "Unable to execute API command \(command.lowercased()) due to invalid value. Invalid parameter \(parameter) "
                + "value=\(excerpt(id)) due to incorrect long value format, or entity does not exist or due to incorrect "
                + "parameter annotation for the field in api cmd class.")
    }

    /// A parameter that is well formed and still cannot be accepted.
    public static func refused(_ parameter: String?, _ text: String) -> RequestError {
        RequestError(.parameter, exceptionCode: 4350, parameter: parameter, text)
    }

    public static func unsupported(_ parameter: String?, _ text: String) -> RequestError {
        RequestError(.unsupported, exceptionCode: 4390, parameter: parameter, text)
    }

    public static func noFreeAddress(_ parameter: String?, _ text: String) -> RequestError {
        RequestError(.insufficientCapacity, exceptionCode: 4320, parameter: parameter, text)
    }

    public static func noFreeSegment(_ parameter: String?, _ text: String) -> RequestError {
        RequestError(.insufficientCapacity, exceptionCode: 4330, parameter: parameter, text)
    }

    /// It would need something that is switched off.
    public static func unavailable(_ parameter: String?, _ text: String) -> RequestError {
        RequestError(.unavailable, exceptionCode: 4380, parameter: parameter, text)
    }

    public static func inUse(_ parameter: String?, _ text: String) -> RequestError {
        RequestError(.inUse, exceptionCode: 4375, parameter: parameter, text)
    }

    public static func conflict(_ parameter: String?, _ text: String) -> RequestError {
        RequestError(.conflict, exceptionCode: 4360, parameter: parameter, text)
    }

    /// Well formed, and more than there may be.
    public static func limit(_ parameter: String?, _ text: String) -> RequestError {
        RequestError(.allocation, exceptionCode: 4370, parameter: parameter, text)
    }

    public static func denied(_ text: String, by parameter: String? = nil) -> RequestError {
        RequestError(.account, exceptionCode: 4365, parameter: parameter, text)
    }

    /// A decision that the model does not take is a mistake in the decision.
    static func model(_ error: ModelError) -> RequestError {
        RequestError(.internal, exceptionCode: 4250, "Internal error: \(error)")
    }

    /// At most 64 characters of a value, control characters made visible: errors are logged and shown.
    static func excerpt(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars.prefix(64) {
            text += scalar.isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
        return value.unicodeScalars.dropFirst(64).isEmpty ? text : text + "…"
    }
}

extension Unicode.Scalar {
    /// What must not be in a name: it would end lines or steer terminals.
    var isControl: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
