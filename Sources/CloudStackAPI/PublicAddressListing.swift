import CloudModel
import ControlPlane
import NetworkVocabulary

// Which public addresses a list shows: held ones have records, free ones do not.

/// The filters of `listPublicIpAddresses`.
struct AddressQuery {
    private let id: ObjectID?
    private let address: String?
    private let zone: ObjectID?
    private let network: ObjectID?
    private let wire: ObjectID?
    private let range: ObjectID?
    private let isSourceNAT: Bool?
    private let isStaticNAT: Bool?
    private let isBalanced: Bool?
    private let isDisplayed: Bool
    private let state: String?
    private let listsFree: Bool
    private let keyword: String?
    /// What no address is was asked for.
    private let isNothing: Bool

    init(_ call: Call) throws(RequestError) {
        let arguments = call.arguments
        id = arguments.id("id")
        address = arguments.string("ipaddress")
        zone = try call.listedZone()
        let associated = try call.object("associatednetworkid", in: call.cloud.networks)?.id
        // CloudStack means the network that the address is associated with in both.
        let named = try call.object("networkid", in: call.cloud.networks)?.id
        network = associated ?? named
        wire = try call.object("physicalnetworkid", in: call.cloud.physicalNetworks)?.id
        range = try call.addressRange()
        isSourceNAT = arguments.boolean("issourcenat")
        isStaticNAT = arguments.boolean("isstaticnat")
        isBalanced = arguments.boolean("forloadbalancing")
        isDisplayed = arguments.boolean("fordisplay") ?? true
        state = arguments.string("state")?.lowercased()
        if let state, !["free", "allocated", "reserved", "allocating", "releasing"].contains(state) {
            throw .invalid("state", state, call.command, because: "it is Free, Allocated or Reserved")
        }
        listsFree = state == "free" || state == nil && arguments.boolean("allocatedonly") == false
        keyword = arguments.string("keyword")
        isNothing = arguments.boolean("forvirtualnetwork") == false || arguments.boolean("forsystemvms") == true
    }

    func admits(_ held: PublicAddress, _ call: Call) -> Bool {
        let text = held.address.description
        let home = call.cloud.publicRanges[held.range]
        // Reserved ones are shown to those who ask for them, or for all that are not free to have.
        let word = held.isReserved ? "reserved" : "allocated"
        return !isNothing && state.map { $0 == word } ?? (!held.isReserved || listsFree)
            && (network == nil || held.network == network) && (range == nil || held.range == range)
            && (wire == nil || home?.physicalNetwork == wire) && (zone == nil || home?.zone == zone)
            && (address == nil || address == text) && (keyword.map { text.contains($0) } ?? true)
            && (isSourceNAT == nil || held.isSourceNAT == isSourceNAT)
            && (isStaticNAT == nil || (held.staticNAT != nil) == isStaticNAT)
            && (isBalanced == nil || !call.cloud.loadBalancerRulesByAddress[held.id].isEmpty == isBalanced)
            && (held.isDisplayed == isDisplayed || id != nil)
    }

    /// Free ones of ranges that the caller could acquire from.
    func free(_ call: Call) -> [FreePublicAddresses] {
        let cloud = call.cloud
        if let id, let free = cloud.freePublicAddress(withID: id) { return one(free, call) }
        guard listsFree, !isNothing, id == nil, network == nil, isSourceNAT != true, isStaticNAT != true,
            isBalanced != true, keyword == nil, isDisplayed
        else { return [] }
        let ranges = cloud.publicRanges.values.filter { home in
            (range == nil || home.id == range) && (zone == nil || home.zone == zone)
                && (wire == nil || home.physicalNetwork == wire) && isOpen(home, call)
        }
        guard let address else {
            return ranges.sorted { $0.number < $1.number }.map { cloud.freePublicAddresses(in: $0.id) }
        }
        guard let wanted = IPv4Address(address), let home = ranges.first(where: { $0.addresses.contains(wanted) }),
            !cloud.isHeld(wanted, in: home.id)
        else { return [] }
        return one(FreePublicAddress(range: home.id, address: wanted), call)
    }

    private func one(_ free: FreePublicAddress, _ call: Call) -> [FreePublicAddresses] {
        guard let home = call.cloud.publicRanges[free.range], isOpen(home, call) else { return [] }
        return [FreePublicAddresses(only: free)]
    }

    private func isOpen(_ home: PublicRange, _ call: Call) -> Bool {
        call.caller.isRootAdmin || home.isOpen(to: call.caller.account, in: call.cloud)
    }
}

extension Call {
    /// What the caller asked for, held by those that it asked about. A free address has an id as well.
    func heldAddresses() throws(RequestError) -> [PublicAddress] {
        if let id = arguments.id("id"), cloud.publicAddresses[id] == nil, cloud.freePublicAddress(withID: id) != nil {
            return []
        }
        return try owned(cloud.publicAddresses, by: \.account)
    }
}

/// Held addresses and free ones, one after the other, without an array of all that are free.
struct AddressListing: RandomAccessCollection {
    enum Entry {
        case held(PublicAddress)
        case free(FreePublicAddress)
    }

    let held: [PublicAddress]
    let free: [FreePublicAddresses]

    var startIndex: Int { 0 }
    var endIndex: Int { held.count + free.reduce(0) { $0 + $1.count } }

    subscript(position: Int) -> Entry {
        guard position >= held.count else { return .held(held[position]) }
        var rest = position - held.count
        for range in free {
            guard rest >= range.count else { return .free(range[rest]) }
            rest -= range.count
        }
        preconditionFailure("there is no address at \(position)")
    }
}

extension FreePublicAddress {
    func rendered(in cloud: Cloud) -> APIObject {
        let home = cloud.publicRanges[range]
        return [
            "id": .text(id), "ipaddress": .text(address), "zoneid": .text(home?.zone),
            "zonename": .text(home.flatMap { cloud.zones[$0.zone]?.name }), "issourcenat": false, "isstaticnat": false,
            "isportable": false, "issystem": false, "forvirtualnetwork": true,
            "forsystemvms": .boolean(home?.isForSystem ?? false), "state": "Free", "fordisplay": true,
            "physicalnetworkid": .text(home?.physicalNetwork), "networkid": .text(home?.physicalNetwork),
            "vlanid": .text(range), "vlanname": .text(home?.segment), "tags": .array([]),
        ]
    }
}

/// Free addresses have no tags.
extension AddressListing.Entry: Taggable {
    var reference: Reference {
        switch self {
        case .held(let address): address.reference
        case .free(let address): Reference(.publicAddress, address.id)
        }
    }
}

extension Call {
    /// Of those that no public address is of there are some too.
    fileprivate func addressRange() throws(RequestError) -> ObjectID? {
        if let id = arguments.id("vlanid"), cloud.guestRanges[id] != nil || cloud.publicIPv6Ranges[id] != nil {
            return id
        }
        return try object("vlanid", in: cloud.publicRanges)?.id
    }
}
