import CloudModel
import NetworkVocabulary

extension Draft {
    /// Gives a setting a value, or for nil takes back the one that it was given.
    mutating func configure(
        _ text: String, _ scope: Reference?, _ value: String?
    ) throws(RequestError) -> [Reference] {
        guard let known = KnownSetting.named(text) else {
            throw .refused("name", "Config parameter with name \(RequestError.excerpt(text)) doesn't exist")
        }
        if let scope {
            guard cloud[scope] != nil else { throw unknown("id", scope.id) }
            guard known.scope == scope.kind else {
                throw .refused("name", "Invalid scope for the parameter \(known.name)")
            }
        }
        guard let value else {
            let given = Setting(name: known.name, scope: scope.map { Annotated($0) }, value: "")
            if cloud.settings[given.id] != nil { try remove(.setting, given.id) }
            return []
        }
        let setting = Setting(
            name: known.name, scope: scope.map { Annotated($0) }, value: try self.value(value, of: known))
        try put(.setting(setting))
        return [Reference(.setting, setting.id)]
    }

    private func value(_ text: String, of known: KnownSetting) throws(RequestError) -> String {
        switch known.kind {
        case .boolean: return try word(text, ["true", "false"], "value") ?? text
        case .decimal:
            guard let number = Double(text), number.isFinite, number >= 0 else {
                throw invalid("value", text, "it is not a number")
            }
            return text
        case .number:
            let range = known.range
            guard let number = Int(text), range.contains(number) else {
                throw invalid("value", text, "it is not a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return text
        case .string: return try self.text(text, "value")
        }
    }
}

extension KnownSetting {
    /// Of numbers.
    fileprivate var range: ClosedRange<Int> {
        switch self {
        case .pageSize: 1...10_000
        case .leaseTime: 0...Int(Int32.max)
        // An encapsulated packet has to be possible too.
        case .privateMTU, .publicMTU:
            InterfaceMTU.possible.lowerBound + VNI.encapsulation...InterfaceMTU.possible.upperBound
        default: 1...Int(Int32.max)
        }
    }
}
