public import NetworkVocabulary
public import RouterPlan

/// A kernel's network in memory, with the kernel's rules: an address needs its link, a route needs its link up and its
/// gateway in reach, and what hangs on a link goes with it. `KernelTests` holds it to the real one.
public final class FakeKernel {
    /// A network namespace, whatever names it.
    public enum Place: Hashable, Sendable {
        case host
        case namespace(Int)
    }

    public struct Device: Hashable, Sendable {
        public enum Kind: Hashable, Sendable {
            case loopback, bridge
            case veth(peer: InterfaceName, Place)
            case vlan(VLANID, parent: InterfaceName)
            case vxlan(VNI, underlay: InterfaceName, flood: Link.Flood = .group)
            case tap
            case other(String)
        }

        public var kind: Kind
        public var mac: MACAddress
        public var mtu: Int
        public var master: InterfaceName?
        public var isUp = false
        /// IPv4 settings of its own, as far as somebody set them.
        public var settings: [String: UInt32] = [:]
        /// The origin in our mark; nil for what is not ours.
        public var mark: Origin?
        /// Set at birth, when there is no mark yet.
        public var isBornOurs = false
    }

    public struct Namespace: Hashable, Sendable {
        public var devices: [InterfaceName: Device] = [:]
        /// Limits at the outer ends of legs, by the inner one.
        public var shapers: [InterfaceName: Shaper] = [:]
        /// In the order in which they came: among those of one subnet the first is the primary.
        public var addresses: [Address] = []
        public var neighbours: Set<Neighbour> = []
        public var routes: [RowKey: Route] = [:]
        public var rules: Set<PolicyRule> = []
        public var settings: [String: String] = FakeKernel.defaultSettings
        public var ruleset = FakeRuleset()
        /// Connections that the namespace follows.
        public var flows: [Flow] = []

        /// Nil for a namespace that is not ours.
        public var owner: Origin? { devices[FakeKernel.loopback]?.mark }
    }

    /// Connections come and go by themselves.
    public func setFlows(_ flows: [Flow], in place: Place) { spaces[place]?.flows = flows }

    /// What the kernel refuses, with its number.
    public struct Refusal: Error, Hashable, Sendable {
        public let errno: Int32
        public let text: String
    }

    public internal(set) var spaces: [Place: Namespace]
    /// What elements have counted, as far as a test says so.
    public var counts: [Place: [MeteredElement: MeterCount]] = [:]
    /// The files below `/run/netns`.
    public internal(set) var names: [NodeName: Place] = [:]
    /// How many processes hold a descriptor of a namespace.
    private var holders: [Place: Int] = [:]
    private var born = 0

    public init() {
        spaces = [.host: Namespace()]
        spaces[.host]?.devices[Self.loopback] = Device(
            kind: .loopback, mac: MACAddress(locallyAdministered: 0), mtu: 65536)
        spaces[.host]?.rules = Self.defaultRules
    }

    public static let loopback: InterfaceName = InterfaceName("lo") ?? { preconditionFailure("lo is a name") }()

    static let defaultRules: Set<PolicyRule> = [
        PolicyRule(priority: 32766, .lookup(table: Route.mainTable)),
        PolicyRule(priority: 32767, .lookup(table: Route.defaultTable)),
    ]

    /// The settings that plans speak of, as a new namespace has them.
    public static let defaultSettings: [String: String] = {
        var settings = ["net/ipv4/ip_forward": "0", "net/netfilter/nf_conntrack_tcp_loose": "1"]
        for scope in ["all", "default"] {
            for (name, value) in [
                ("rp_filter", "0"), ("send_redirects", "1"), ("arp_ignore", "0"), ("arp_announce", "0"),
                ("accept_redirects", "1"), ("accept_source_route", "0"), ("promote_secondaries", "0"),
            ] {
                settings["net/ipv4/conf/\(scope)/\(name)"] = value
            }
            settings["net/ipv6/conf/\(scope)/disable_ipv6"] = "0"
        }
        return settings
    }()

    public subscript(node: NodeName) -> Namespace? { place(node).flatMap { spaces[$0] } }
    public func place(_ node: NodeName) -> Place? { node.isInHostNamespace ? .host : names[node] }

    /// A change made by somebody else. Returns the nodes whose kernel objects it touched, as its events would.
    @discardableResult
    public func edit(_ body: (FakeKernel) throws -> Void) rethrows -> Set<NodeName> {
        let before = (spaces, names)
        try body(self)
        var touched: Set<NodeName> = []
        for node in Set(before.1.keys).union(names.keys).union([.host, .underlay]) {
            let old = node.isInHostNamespace ? Place.host : before.1[node]
            if old != place(node) || old.flatMap({ before.0[$0] }) != self[node] { touched.insert(node) }
        }
        // The outer end of a leg belongs to the node at its inner end.
        let (old, new) = (before.0[.host]?.devices ?? [:], spaces[.host]?.devices ?? [:])
        for name in Set(old.keys).union(new.keys) where old[name] != new[name] {
            for case .veth(_, let place)? in [old[name]?.kind, new[name]?.kind] {
                touched.formUnion(before.1.merging(names) { $1 }.filter { $0.value == place }.keys)
            }
        }
        return touched
    }

    // MARK: Namespaces

    public func createNamespace(_ name: NodeName, owner: Origin?) throws(Refusal) {
        guard names[name] == nil else { throw Refusal(errno: 17, text: "a namespace of that name exists") }
        born += 1
        let place = Place.namespace(born)
        var space = Namespace()
        space.devices[Self.loopback] = Device(
            kind: .loopback, mac: MACAddress(locallyAdministered: 0), mtu: 65536, mark: owner)
        space.rules = Self.defaultRules
        spaces[place] = space
        names[name] = place
    }

    /// As `ip netns del`: the namespace lives on while somebody holds it.
    public func removeName(_ name: NodeName) {
        guard let place = names.removeValue(forKey: name) else { return }
        endIfUnused(place)
    }

    func restoreName(_ name: NodeName, _ place: Place) throws(Refusal) {
        guard names[name] == nil else { throw Refusal(errno: 17, text: "the name stands for another namespace") }
        names[name] = place
    }

    public func hold(_ place: Place) { holders[place, default: 0] += 1 }

    public func release(_ place: Place) {
        holders[place] = holders[place].flatMap { $0 > 1 ? $0 - 1 : nil }
        endIfUnused(place)
    }

    private func endIfUnused(_ place: Place) {
        guard holders[place] == nil, !names.values.contains(place), let space = spaces[place] else { return }
        for name in space.devices.keys where name != Self.loopback { try? removeDevice(name, in: place) }
        spaces[place] = nil
    }

    // MARK: Devices

    public func addDevice(_ name: InterfaceName, _ device: Device, in place: Place = .host) throws(Refusal) {
        guard spaces[place]?.devices[name] == nil else { throw Refusal(errno: 17, text: "\(name) exists") }
        spaces[place]?.devices[name] = device
    }

    /// A device as it is born: down, unmarked, with an address of the kernel's choice unless one is given.
    public func newDevice(_ kind: Device.Kind, mac: MACAddress? = nil, mtu: Int) -> Device {
        born += 1
        return Device(kind: kind, mac: mac ?? MACAddress(locallyAdministered: UInt64(born)), mtu: mtu)
    }

    public func addPair(
        _ link: InterfaceName, mac: MACAddress?, mtu: Int, in place: Place, peer: InterfaceName, in peerPlace: Place
    ) throws(Refusal) {
        for (name, place) in [(link, place), (peer, peerPlace)] where spaces[place]?.devices[name] != nil {
            throw Refusal(errno: 17, text: "\(name) exists")
        }
        try addDevice(link, newDevice(.veth(peer: peer, peerPlace), mac: mac, mtu: mtu), in: place)
        try addDevice(peer, newDevice(.veth(peer: link, place), mtu: mtu), in: peerPlace)
    }

    public func removeDevice(_ name: InterfaceName, in place: Place = .host) throws(Refusal) {
        let device = try device(name, in: place)
        guard device.kind != .loopback else { throw Refusal(errno: 95, text: "the loopback stays") }
        forget(name, in: place)
        if case .veth(let peer, let peerPlace) = device.kind { forget(peer, in: peerPlace) }
    }

    private func forget(_ name: InterfaceName, in place: Place) {
        guard var space = spaces[place] else { return }
        space.devices[name] = nil
        space.shapers[name] = nil
        space.takeDown(name)
        space.addresses.removeAll { $0.link == name }
        var orphans: [InterfaceName] = []
        for (other, device) in space.devices {
            if device.master == name { space.devices[other]?.master = nil }
            switch device.kind {
            case .vlan(_, parent: name), .vxlan(_, underlay: name, _): orphans.append(other)
            default: break
            }
        }
        spaces[place] = space
        for orphan in orphans { forget(orphan, in: place) }
    }

    public func device(_ name: InterfaceName, in place: Place = .host) throws(Refusal) -> Device {
        guard let device = spaces[place]?.devices[name] else { throw Refusal(errno: 19, text: "no device \(name)") }
        return device
    }

    public func setDevice(
        _ name: InterfaceName, in place: Place = .host, _ change: (inout Device) -> Void
    ) throws(Refusal) {
        let old = try device(name, in: place)
        var new = old
        change(&new)
        if let master = new.master, try device(master, in: place).kind != .bridge {
            throw Refusal(errno: 22, text: "\(master) is no bridge")
        }
        spaces[place]?.devices[name] = new
        if old.isUp, !new.isUp { spaces[place]?.takeDown(name) }
        // A new hardware address makes everything that is known about neighbours void.
        if old.mac != new.mac { spaces[place]?.forgetNeighbours(on: name) }
    }

    /// Renaming in the hands of somebody else.
    public func renameDevice(_ name: InterfaceName, to new: InterfaceName, in place: Place) throws(Refusal) {
        let device = try device(name, in: place)
        guard spaces[place]?.devices[new] == nil else { throw Refusal(errno: 17, text: "\(new) exists") }
        spaces[place]?.devices[name] = nil
        spaces[place]?.devices[new] = device
        spaces[place]?.rename(name, to: new)
        if case .veth(let peer, let peerPlace) = device.kind {
            spaces[peerPlace]?.devices[peer]?.kind = .veth(peer: new, place)
        }
    }

    // MARK: Rows of a namespace

    /// Applies one of the namespace's own rules to it.
    public func inside<Result>(
        _ place: Place, _ body: (inout Namespace) throws(Refusal) -> Result
    ) throws(Refusal) -> Result {
        guard var space = spaces[place] else { throw Refusal(errno: 2, text: "no such namespace") }
        let result = try body(&space)
        spaces[place] = space
        return result
    }
}
