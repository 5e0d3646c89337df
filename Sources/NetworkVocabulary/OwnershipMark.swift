/// The text that says whose a kernel object is: `sluice:<installation>:<origin>`, the alias of every link of ours and
/// the comment of our tables. Two installations on one host leave each other alone by it.
public struct OwnershipMark: Hashable, Sendable {
    public let installation: ObjectID
    public let origin: Origin

    public init(_ installation: ObjectID, _ origin: Origin) {
        self.installation = installation
        self.origin = origin
    }

    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "sluice", let installation = ObjectID(String(parts[1])),
            let origin = Origin(String(parts[2]))
        else { return nil }
        self.init(installation, origin)
    }

    public var text: String { "sluice:\(installation):\(origin)" }
}
