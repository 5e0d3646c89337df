import ControlPlane
import NetworkVocabulary

/// A command's parameters, checked against its declaration.
struct Arguments: Sendable {
    let command: String
    private var values: [String: String] = [:]
    private var maps: [String: [(index: Int, fields: [String: String])]] = [:]

    init(_ command: Command, _ parameters: RequestParameters) throws(RequestError) {
        self.command = command.name
        for name in command.unsupported.sorted()
        where parameters[name].map({ !$0.isEmpty }) ?? parameters.names.contains(where: { $0.hasPrefix(name + "[") }) {
            throw .unsupported(name, "The parameter \(name) of \(command.name) is not supported here")
        }
        for parameter in command.parameters {
            if parameter.kind == .map {
                try takeMap(parameter, parameters)
                continue
            }
            guard let value = parameters[parameter.name] else {
                guard !parameter.isRequired else { throw .missing(parameter.name, command.name) }
                continue
            }
            try check(value, parameter)
            // An empty text is a text; an empty id or number is none.
            if value.isEmpty, parameter.kind != .string {
                guard !parameter.isRequired else { throw .missing(parameter.name, command.name) }
                continue
            }
            if value.isEmpty, parameter.isRequired { throw .missing(parameter.name, command.name) }
            values[parameter.name] = value
        }
    }

    /// No parameter was sent, whatever is required: for what a command answered earlier.
    init(nothingOf command: Command) { self.command = command.name }

    private func check(_ value: String, _ parameter: Parameter) throws(RequestError) {
        guard value.utf16.count <= parameter.maxLength else {
            throw .tooLong(parameter.name, limit: parameter.maxLength)
        }
        guard !value.isEmpty else { return }
        switch parameter.kind {
        case .uuid:
            guard ObjectID(value) != nil else { throw .unknown(parameter.name, id: value, command) }
        case .integer:
            guard Int64(value) != nil else { throw .invalid(parameter.name, value, command) }
        case .date:
            guard Timestamp(value) != nil else {
                throw .refused(
                    parameter.name,
                    "Unable to parse date \(APIError.excerpt(value)) for command \(command.lowercased())")
            }
        case .string, .boolean, .list, .map: break
        }
    }

    /// `name[3].field=value`, in the order of the indices, which may have gaps.
    private mutating func takeMap(_ parameter: Parameter, _ parameters: RequestParameters) throws(RequestError) {
        var rows: [Int: [String: String]] = [:]
        for name in parameters.names where name.hasPrefix(parameter.name + "[") {
            let rest = name.dropFirst(parameter.name.count + 1)
            let pieces = rest.split(separator: "]", maxSplits: 1, omittingEmptySubsequences: false)
            guard pieces.count == 2, let index = Int(pieces[0]), index >= 0, pieces[1].first == ".", pieces[1].count > 1
            else {
                throw RequestError(
                    .malformedParameter, exceptionCode: 4350, parameter: parameter.name,
                    "Malformed key for parameter \(parameter.name): \(APIError.excerpt(name))")
            }
            let value = parameters[name] ?? ""
            guard value.utf16.count <= parameter.maxLength else {
                throw .tooLong(parameter.name, limit: parameter.maxLength)
            }
            rows[index, default: [:]][String(pieces[1].dropFirst())] = value
        }
        if rows.isEmpty, parameter.isRequired { throw .missing(parameter.name, command) }
        maps[parameter.name] = rows.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    // MARK: - Reading

    /// The text, if the parameter was sent; an empty one counts.
    func text(_ name: String) -> String? { values[name] }

    /// The text, if it was sent and has something in it.
    func string(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// A parameter that the declaration requires.
    func required(_ name: String) throws(RequestError) -> String {
        guard let value = values[name] else { throw .missing(name, command) }
        return value
    }

    func id(_ name: String) -> ObjectID? { values[name].flatMap { ObjectID($0) } }

    func requiredID(_ name: String) throws(RequestError) -> ObjectID {
        guard let id = id(name) else { throw .missing(name, command) }
        return id
    }

    func integer(_ name: String) -> Int? { values[name].flatMap { Int($0) } }

    func requiredInteger(_ name: String) throws(RequestError) -> Int {
        guard let number = integer(name) else { throw .missing(name, command) }
        return number
    }

    /// `true` in any case; anything else is false.
    func boolean(_ name: String) -> Bool? { values[name].map { $0.lowercased() == "true" } }

    func list(_ name: String) -> [String] {
        (values[name] ?? "").split(separator: ",").map(\.trimmingSpaces).filter { !$0.isEmpty }
    }

    func ids(_ name: String) throws(RequestError) -> [ObjectID] {
        var ids: [ObjectID] = []
        for text in list(name) {
            guard let id = ObjectID(text) else { throw .unknown(name, id: text, command) }
            ids.append(id)
        }
        return ids
    }

    func map(_ name: String) -> [[String: String]] { rows(name).map(\.fields) }
    /// The same with the numbers that were sent.
    func rows(_ name: String) -> [(index: Int, fields: [String: String])] { maps[name] ?? [] }
}
