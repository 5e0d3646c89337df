public import NetworkVocabulary

/// A member that is checked by whether a connection to it can be made.
public struct MemberCheck: Hashable, Sendable {
    public let member: ObjectID
    public let address: IPv4Address
    public let port: UInt16
    public let intervalSeconds: Int
    public let timeoutSeconds: Int
    /// Answers in a row that make it well, failures in a row that do not leave it so.
    public let rise: Int
    public let fall: Int
    /// What it was found to be last.
    public let isDown: Bool

    public init(
        member: ObjectID, address: IPv4Address, port: UInt16, intervalSeconds: Int, timeoutSeconds: Int, rise: Int,
        fall: Int, isDown: Bool
    ) {
        self.member = member
        self.address = address
        self.port = port
        self.intervalSeconds = intervalSeconds
        self.timeoutSeconds = timeoutSeconds
        self.rise = rise
        self.fall = fall
        self.isDown = isDown
    }

    /// The same check, whatever it has found.
    public func isSame(as other: MemberCheck) -> Bool { found(isDown: true) == other.found(isDown: true) }

    private func found(isDown: Bool) -> MemberCheck {
        MemberCheck(
            member: member, address: address, port: port, intervalSeconds: intervalSeconds,
            timeoutSeconds: timeoutSeconds, rise: rise, fall: fall, isDown: isDown)
    }
}

/// What the answers of one member come to. It changes its mind only after as many in a row as are asked for, so that one
/// that answers now and then is not well.
public struct MemberHealth: Hashable, Sendable {
    public private(set) var isDown: Bool
    /// Answers, or failures, in a row that speak against it.
    private var contradictions = 0

    public init(isDown: Bool) { self.isDown = isDown }

    /// Returns whether it is another thing now.
    public mutating func take(answers: Bool, _ check: MemberCheck) -> Bool {
        guard answers == isDown else {
            contradictions = 0
            return false
        }
        contradictions += 1
        guard contradictions >= (isDown ? check.rise : check.fall) else { return false }
        isDown.toggle()
        contradictions = 0
        return true
    }
}
