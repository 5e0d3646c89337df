public import NetworkVocabulary

/// An address of a public range that nobody holds. There is no record of it, and still it has an id, by which it can be
/// reserved: the range's with the address in its last 32 bits, so that either follows from the other.
public struct FreePublicAddress: Hashable, Sendable {
    public let range: ObjectID
    public let address: IPv4Address

    public init(range: ObjectID, address: IPv4Address) {
        self.range = range
        self.address = address
    }

    public var id: ObjectID { ObjectID(random: range.high, range.low ^ UInt64(address.bits)) }
}

extension Cloud {
    /// By its id; nil when somebody holds it or there is no such address.
    public func freePublicAddress(withID id: ObjectID) -> FreePublicAddress? {
        for range in publicRanges.values where range.id.high == id.high && (range.id.low ^ id.low) >> 32 == 0 {
            let address = IPv4Address(bits: UInt32(truncatingIfNeeded: range.id.low ^ id.low))
            guard range.addresses.contains(address), !isHeld(address, in: range.id) else { continue }
            return FreePublicAddress(range: range.id, address: address)
        }
        return nil
    }

    public func isHeld(_ address: IPv4Address, in range: ObjectID) -> Bool {
        addressesInUseByRange[range]?.contains(address.bits) ?? false
    }

    /// What nobody holds of a range, ascending. Looking at one costs what there are runs of addresses that are held.
    public func freePublicAddresses(in range: ObjectID) -> FreePublicAddresses {
        FreePublicAddresses(
            range: range, addresses: publicRanges[range]?.addresses, held: addressesInUseByRange[range] ?? NumberSet())
    }
}

/// Public ranges may have millions of addresses: they are not put into an array for somebody to see a page of them.
public struct FreePublicAddresses: RandomAccessCollection, Sendable {
    fileprivate let range: ObjectID
    fileprivate let addresses: IPv4Range?
    fileprivate let held: NumberSet

    fileprivate init(range: ObjectID, addresses: IPv4Range?, held: NumberSet) {
        self.range = range
        self.addresses = addresses
        self.held = held
    }

    /// This one and no other.
    public init(only free: FreePublicAddress) {
        self.init(range: free.range, addresses: IPv4Range(free.address, free.address), held: NumberSet())
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { addresses.map { $0.count - held.count(in: $0.first.bits...$0.last.bits) } ?? 0 }

    public subscript(position: Int) -> FreePublicAddress {
        let bounds = addresses.map { $0.first.bits...$0.last.bits } ?? 0...0
        let number = held.missing(UInt32(clamping: position), in: bounds) ?? bounds.lowerBound
        return FreePublicAddress(range: range, address: IPv4Address(bits: number))
    }
}
