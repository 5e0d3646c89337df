public import CloudModel
public import LoadBalancer

/// A parameter of a stickiness policy that cannot be taken.
public struct StickinessFault: Error, Hashable, Sendable {
    public let parameter: String
    public let text: String
    /// CloudStack has it, and nothing here can do it.
    public let isUnsupported: Bool

    init(_ parameter: String, _ text: String, isUnsupported: Bool = false) {
        self.parameter = parameter
        self.text = text
        self.isUnsupported = isUnsupported
    }
}

extension Planner {
    /// CloudStack's parameters as what they mean.
    public static func stickiness(of policy: StickinessPolicy) throws(StickinessFault) -> ProxyStickiness {
        var parameters = StickinessParameters(policy.parameters)
        let stickiness: ProxyStickiness
        switch policy.method {
        case .ownCookie:
            let name = try parameters.token("cookie-name") ?? Token("SLUICE")
            guard let name else { throw StickinessFault("cookie-name", "it is missing") }
            if let mode = parameters.take("mode"), mode != "insert" {
                throw StickinessFault(
                    "mode", "only the mode insert is supported, not rewrite or prefix", isUnsupported: true)
            }
            var options: Set<ProxyStickiness.CookieOption> = []
            for option in ProxyStickiness.CookieOption.allCases where try parameters.flag(option.rawValue) {
                options.insert(option)
            }
            stickiness = .ownCookie(name, options: options)
        case .applicationCookie:
            guard let name = try parameters.token("cookie-name") else {
                throw StickinessFault("cookie-name", "the application's cookie has to be named")
            }
            stickiness = .applicationCookie(
                name, length: try parameters.number("length", 1...1024) ?? 52,
                holdSeconds: try parameters.seconds("holdtime") ?? 10_800,
                learnsFromRequests: try parameters.flag("request-learn"))
        case .source:
            stickiness = .source(
                tableSize: try parameters.number("tablesize", 1...1_048_576) ?? 204_800,
                expireSeconds: try parameters.seconds("expire") ?? 1_800)
        }
        if let other = parameters.rest.first {
            throw StickinessFault(other, "\(policy.method.rawValue) has no such parameter here", isUnsupported: true)
        }
        return stickiness
    }
}

/// What is left to be read.
private struct StickinessParameters {
    private var values: [String: String]

    init(_ values: [String: String]) { self.values = values.filter { !$0.value.isEmpty } }

    var rest: [String] { values.keys.sorted() }

    mutating func take(_ name: String) -> String? { values.removeValue(forKey: name) }

    mutating func token(_ name: String) throws(StickinessFault) -> Token? {
        guard let text = take(name) else { return nil }
        guard let token = Token(text) else {
            throw StickinessFault(name, "a cookie's name is 1 to 64 letters, digits, hyphens, dots and underscores")
        }
        return token
    }

    /// CloudStack's clients send `true`, or the name again.
    mutating func flag(_ name: String) throws(StickinessFault) -> Bool {
        guard let text = take(name)?.lowercased() else { return false }
        switch text {
        case "true", name: return true
        case "false": return false
        default: throw StickinessFault(name, "it is true or false")
        }
    }

    /// `200k`, `1m`, `52`.
    mutating func number(_ name: String, _ bounds: ClosedRange<Int>) throws(StickinessFault) -> Int? {
        try scaled(name, ["k": 1024, "m": 1024 * 1024], bounds)
    }

    /// `30m`, `3h`, `90` seconds, at most a day.
    mutating func seconds(_ name: String) throws(StickinessFault) -> Int? {
        try scaled(name, ["s": 1, "m": 60, "h": 3_600, "d": 86_400], 1...86_400)
    }

    private mutating func scaled(
        _ name: String, _ units: [String: Int], _ bounds: ClosedRange<Int>
    ) throws(StickinessFault) -> Int? {
        guard let text = take(name)?.lowercased() else { return nil }
        let digits = text.prefix { ("0"..."9").contains($0) }
        let unit = String(text.dropFirst(digits.count))
        guard let number = Int(digits), number <= bounds.upperBound, let scale = unit.isEmpty ? 1 : units[unit],
            bounds.contains(number * scale)
        else {
            throw StickinessFault(
                name,
                "it is a number with \(units.keys.sorted().joined(separator: ", ")) or nothing behind, from "
                    + "\(bounds.lowerBound) to \(bounds.upperBound) in all")
        }
        return number * scale
    }
}
