internal import CServing
internal import DHCPServer
internal import DNSServer
internal import MetadataServer
internal import NetworkVocabulary
internal import RouterPlan

/// One router's sockets and tables. Every guest behind it is told apart by where its packets come from, which the rules of
/// port and router have bound to the NIC.
final class ServedRouter {
    let name: String
    var sockets: [ServingSocket: [Int32]] = [:]
    private(set) var services: GuestServices?
    private(set) var dhcp: DHCPNetwork?
    private(set) var zone: LocalZone?
    var forwarder: DNSForwarder?
    /// What the forwarder wants done.
    var actions: [DNSForwarder.Action] = []
    private(set) var guests: [ObjectID: ServedGuest] = [:]
    private(set) var guestsByAddress: [UInt32: ServedGuest] = [:]
    /// What will count from the commit on.
    private var coming: (services: GuestServices, nics: [ServedNIC])?
    /// Streams that are free to ask resolvers by.
    var freeStreams: [Int32] = []

    init(_ name: String) { self.name = name }

    deinit { closeSockets() }

    func closeSockets() {
        for descriptor in sockets.values.joined() { serving_close(descriptor) }
        sockets = [:]
        freeStreams = []
    }

    // MARK: Tables

    func begin(_ services: GuestServices) { coming = (services, []) }
    func add(_ nics: [ServedNIC]) { coming?.nics += nics }

    /// The new table instead of the old one. What guests did is theirs, whatever else changes. The addresses that are no
    /// longer whose they were.
    func commit(_ saved: SavedPasswords) -> Set<UInt32> {
        guard let (services, nics) = coming else { return [] }
        coming = nil
        let isSame = self.services == services
        self.services = services
        dhcp = services.kinds.contains(.dhcp) ? DHCPNetwork(services, nics) : nil
        zone = services.kinds.contains(.dns) ? LocalZone(services, nics) : nil
        if !isSame { resetForwarder() }
        let (old, holders) = (guests, guestsByAddress)
        (guests, guestsByAddress) = ([:], [:])
        for nic in nics { put(nic, old[nic.id], saved) }
        return giveUp(holders)
    }

    func resetForwarder() {
        guard let services, services.kinds.contains(.dns), let sockets = sockets[.resolver], !sockets.isEmpty else {
            forwarder = nil
            return
        }
        forwarder = DNSForwarder(
            services.resolvers, ownAddresses: [services.server], sockets: sockets.count)
    }

    /// The addresses that are no longer whose they were.
    func change(removed: [ObjectID], added: [ServedNIC], _ saved: SavedPasswords) -> Set<UInt32> {
        var old: [ObjectID: ServedGuest] = [:]
        var holders: [UInt32: ServedGuest] = [:]
        for id in removed + added.map(\.id) {
            guard let guest = guests.removeValue(forKey: id) else { continue }
            old[id] = guest
            dhcp?.remove(guest.nic)
            zone?.remove(guest.nic)
            for address in guest.nic.addresses where guestsByAddress[address.bits] === guest {
                guestsByAddress[address.bits] = nil
                holders[address.bits] = guest
            }
        }
        for nic in added {
            dhcp?.put(nic)
            zone?.put(nic)
            put(nic, old[nic.id], saved)
        }
        return giveUp(holders)
    }

    /// Of these addresses those that their NIC has lost. What it asked is not answered there any more: whoever has the
    /// address next would hear it.
    private func giveUp(_ holders: [UInt32: ServedGuest]) -> Set<UInt32> {
        let left = holders.filter { guestsByAddress[$0.key]?.nic.id != $0.value.nic.id }
        forwarder?.forget(left.keys.map { IPv4Address(bits: $0) })
        return Set(left.keys)
    }

    private func put(_ nic: ServedNIC, _ old: ServedGuest?, _ saved: SavedPasswords) {
        let guest = ServedGuest(nic, activity: old?.activity, saved)
        guests[nic.id] = guest
        for address in nic.addresses { guestsByAddress[address.bits] = guest }
    }
}

/// A NIC with what its guest may read and what it did.
final class ServedGuest {
    let nic: ServedNIC
    var pages: GuestPages?
    var activity: ServingReport.Activity
    var isNews = false
    /// Connections that it has open.
    var connections = 0

    init(_ nic: ServedNIC, activity: ServingReport.Activity?, _ saved: SavedPasswords) {
        self.nic = nic
        self.activity = activity ?? ServingReport.Activity(nic: nic.id)
        pages = GuestPages(nic) { Base64.decode($0) }
        if let password = pages?.password, saved.has(password, nic.guest) { pages?.forgetPassword() }
    }
}

/// Passwords that guests have said to have while the daemon has not heard of it yet: what it sends until then still has
/// them, and a password is told once.
final class SavedPasswords {
    private var saved: [ObjectID: [UInt8]] = [:]

    func has(_ password: [UInt8], _ guest: ObjectID) -> Bool { saved[guest] == password }
    func note(_ password: [UInt8], _ guest: ObjectID) { saved[guest] = password }
}
