import NetworkVocabulary
import Packets
public import RouterPlan

/// The names of one network: of its guests, its router and `data-server`, by themselves and below the network's domain,
/// and the way back from addresses to names.
public struct LocalZone: Sendable {
    public let services: GuestServices
    /// What names stand for: an address, or for reverse names the place of the name that an address has.
    private var addresses = NameTable()
    private var pointers = NameTable()
    private var pointerNames: [[UInt8]] = []
    private var freePointers: [UInt32] = []
    let domain: DNSName
    /// The value of the SOA record that says how long absence lasts.
    let authority: [UInt8]
    /// In seconds: changes are to be seen soon.
    public static let ttl: UInt32 = 10

    public init(_ services: GuestServices, _ nics: some Sequence<ServedNIC>) {
        self.services = services
        domain = DNSName(services.domain) ?? .root
        authority = Self.authority(domain)
        for name in reservedNames { put(name, services.server) }
        point(services.server, to: services.routerName)
        for nic in nics { put(nic) }
    }

    private static func authority(_ domain: DNSName) -> [UInt8] {
        let master = DNSName("data-server")?.below(domain) ?? domain
        let mailbox = DNSName("hostmaster")?.below(domain) ?? domain
        let numbers: [UInt32] = [1, 3600, 600, 86400, ttl]
        return master.wire + mailbox.wire + numbers.flatMap { IPv4Address(bits: $0).octets }
    }

    /// A guest does not become the router by being called like it.
    private var reservedNames: [String] { ["data-server", services.routerName] }
    private func isReserved(_ host: String) -> Bool {
        reservedNames.contains { DNSName($0) == DNSName(host) }
    }

    public mutating func put(_ nic: ServedNIC) {
        guard !isReserved(nic.hostName) else { return }
        put(nic.hostName, nic.address)
        for address in nic.addresses { point(address, to: nic.hostName) }
    }

    public mutating func remove(_ nic: ServedNIC) {
        for name in names(nic.hostName) where addresses.find(name.wire) == nic.address.bits {
            addresses.remove(name.wire)
        }
        for address in nic.addresses {
            let name = Self.reverseName(of: address)
            guard let place = pointers.find(name), isPointer(place, to: nic.hostName) else { continue }
            pointers.remove(name)
            pointerNames[Int(place)] = []
            freePointers.append(place)
        }
    }

    private func isPointer(_ place: UInt32, to host: String) -> Bool {
        qualified(host)?.lowercased.wire == DNSName(wire: pointerNames[Int(place)])?.lowercased.wire
    }

    private func qualified(_ host: String) -> DNSName? { DNSName(host)?.below(domain) }

    private func names(_ host: String) -> [DNSName] {
        guard let single = DNSName(host) else { return [] }
        return [single] + (single.below(domain).map { [$0] } ?? [])
    }

    private mutating func put(_ host: String, _ address: IPv4Address) {
        for name in names(host) { addresses.set(name.wire, address.bits) }
    }

    private mutating func point(_ address: IPv4Address, to host: String) {
        guard let name = qualified(host) else { return }
        let reverse = Self.reverseName(of: address)
        if let place = pointers.find(reverse) {
            pointerNames[Int(place)] = name.wire
        } else if let place = freePointers.popLast() {
            pointerNames[Int(place)] = name.wire
            pointers.set(reverse, place)
        } else {
            pointers.set(reverse, UInt32(pointerNames.count))
            pointerNames.append(name.wire)
        }
    }

    static func reverseName(of address: IPv4Address) -> [UInt8] {
        let labels = address.octets.reversed().map { Array("\($0)".utf8) }
        return DNSName(labels: labels + [Array("in-addr".utf8), Array("arpa".utf8)])?.wire ?? []
    }

    // MARK: Looking up

    func address(_ bytes: RawSpan, _ name: Range<Int>) -> IPv4Address? {
        addresses.find(bytes, name).map { IPv4Address(bits: $0) }
    }

    func pointer(_ bytes: RawSpan, _ name: Range<Int>) -> [UInt8]? {
        pointers.find(bytes, name).map { pointerNames[Int($0)] }
    }
}
