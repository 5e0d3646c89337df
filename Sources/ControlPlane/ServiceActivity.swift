public import NetworkVocabulary

/// What guests did with the services of their networks, as it was told last. Nothing depends on it.
public struct ServiceActivity: Sendable, Hashable {
    public struct OfNIC: Sendable, Hashable {
        /// The last answer of DHCP (`ACK`), and when.
        public var dhcp: Exchange?
        public var queries: UInt64 = 0
        /// Queries a second, between the last two times that it was told.
        public var queryRate: Double = 0
        /// When metadata was read last, in milliseconds since 1970.
        public var metadata: Int64?

        public init() {}
    }

    public struct Exchange: Sendable, Hashable {
        public let answer: String
        /// Milliseconds since 1970.
        public let time: Int64

        public init(answer: String, time: Int64) {
            self.answer = answer
            self.time = time
        }
    }

    public var nics: [ObjectID: OfNIC] = [:]
    /// Sums since the process that serves began, by their names in `/metrics`.
    public var counters: [String: UInt64] = [:]
    /// How often that process had to be started again.
    public var restarts: UInt64 = 0

    public init() {}
}
