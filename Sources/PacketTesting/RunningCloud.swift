public import NetworkVocabulary

/// A daemon that runs, as far as cases need it. Its ports are on this machine.
public protocol RunningCloud: Sendable {
    /// Brings about the cloud of a file and nothing besides, all of it or none; returns when the kernel has it.
    func become(_ file: String) throws
    func ports() throws -> [RunningPort]
    /// The namespaces of its routers, by their names in `/run/netns`.
    func routers() throws -> [String]
    /// Throws when the run is to end.
    func check() throws
}

/// A port of a running cloud, as the daemon tells of it.
public struct RunningPort: Sendable {
    public let name: String
    /// Nil where packets cannot be sent: a port that is no namespace's.
    public let place: Replay.Port?
    /// Nil where the daemon does not say: it is the device's then.
    public let mac: MACAddress?
    /// Who has an address on its segment.
    public let neighbours: [IPAddress: MACAddress]

    public init(name: String, place: Replay.Port?, mac: MACAddress?, neighbours: [IPAddress: MACAddress]) {
        self.name = name
        self.place = place
        self.mac = mac
        self.neighbours = neighbours
    }
}
