/// A request as it came over the wire, still text.
public struct APIRequest: Sendable {
    public let method: String
    /// Without the query.
    public let path: String
    /// Percent-encoded, without the question mark.
    public let query: String
    public let body: [UInt8]
    public let contentType: String?
    /// The header of that name.
    public let cookie: String?
    /// The client's address, without its port; attempts to guess passwords are slowed down by it.
    public let peer: String

    public init(
        method: String, path: String, query: String = "", body: [UInt8] = [], contentType: String? = nil,
        cookie: String? = nil, peer: String = ""
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
        self.contentType = contentType
        self.cookie = cookie
        self.peer = peer
    }

    /// The cookie of the name, if exactly one was sent.
    func cookie(named name: String) -> String? {
        let values = (cookie ?? "").split(separator: ";").compactMap { pair -> String? in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, String(parts[0]).trimmingSpaces == name else { return nil }
            return String(parts[1]).trimmingSpaces
        }
        return values.count == 1 ? values[0] : nil
    }
}

/// What goes back.
public struct APIResponse: Sendable, Hashable {
    public let status: Int
    public let contentType: String
    /// The error's text for the header `X-Description`: printable ASCII only.
    public let description: String?
    /// Values of `Set-Cookie`.
    public let cookies: [String]
    public let body: String

    public init(
        status: Int, contentType: String, description: String? = nil, cookies: [String] = [], body: String
    ) {
        self.status = status
        self.contentType = contentType
        self.description = description
        self.cookies = cookies
        self.body = body
    }
}

/// Names and values of a request, as sent and as looked up.
struct RequestParameters: Sendable {
    /// Every name as sent with the value that counts, for the signature.
    private(set) var sent: [String: String] = [:]
    /// Names in lower case, but for what is inside `name[i].field`.
    private var values: [String: String] = [:]

    /// More than any client sends; each costs memory twice.
    static let limit = 10_000

    subscript(_ name: String) -> String? { values[name] }
    var names: Dictionary<String, String>.Keys { values.keys }

    init() {}

    /// The form body first and then the query: the query wins, and the last of equal names.
    init(_ request: APIRequest, allowingBody: Bool = true) throws(APIError) {
        if allowingBody, request.method == "POST", !request.body.isEmpty {
            let type = request.contentType?.prefix { $0 != ";" }.lowercased() ?? "application/x-www-form-urlencoded"
            guard type.trimmingSpaces == "application/x-www-form-urlencoded" else {
                throw .malformed("Content-Type must be application/x-www-form-urlencoded")
            }
            try add(request.body)
        }
        try add(Array(request.query.utf8))
    }

    private mutating func add(_ form: [UInt8]) throws(APIError) {
        for pair in form.split(separator: UInt8(ascii: "&")) {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            let name = try Self.decoded(pair[..<equals])
            guard !name.isEmpty else { continue }
            let value = try Self.decoded(equals < pair.endIndex ? pair[(equals + 1)...] : [])
            sent[name] = value
            values[Self.lookupName(name)] = value
            guard sent.count <= Self.limit else { throw .malformed("More than \(Self.limit) parameters") }
        }
    }

    /// `details[0].cpuNumber` keeps the case of its field.
    private static func lookupName(_ name: String) -> String {
        guard let bracket = name.firstIndex(of: "[") else { return name.lowercased() }
        return name[..<bracket].lowercased() + name[bracket...]
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>) throws(APIError) -> String {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var rest = bytes
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): plain.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                    throw .malformed("Malformed percent-encoding in a parameter")
                }
                plain.append(high << 4 | low)
            default: plain.append(byte)
            }
        }
        guard let text = String(validating: plain, as: UTF8.self) else {
            throw .malformed("A parameter is not valid UTF-8")
        }
        return text
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}

extension StringProtocol {
    var trimmingSpaces: String {
        var characters = Substring(self)
        while characters.first == " " { characters.removeFirst() }
        while characters.last == " " { characters.removeLast() }
        return String(characters)
    }
}
