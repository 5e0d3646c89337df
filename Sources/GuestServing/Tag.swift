internal import CServing

/// What a watched descriptor is, in the word that comes back with its events.
enum Tag {
    case control
    case listener
    /// A socket of a router: by the router's slot and the socket's place among those of its kind.
    case socket(slot: Int, ServingSocket, Int)
    case stream(UInt64)

    var word: UInt64 {
        switch self {
        case .control: 0
        case .listener: 1
        case .socket(let slot, let kind, let index):
            1 << 62 | UInt64(slot) << 16 | UInt64(kind.rawValue) << 8 | UInt64(index)
        case .stream(let number): 1 << 63 | number
        }
    }

    init?(_ word: UInt64) {
        switch word {
        case 0: self = .control
        case 1: self = .listener
        case _ where word >> 63 == 1: self = .stream(word & ~(1 << 63))
        case _ where word >> 62 == 1:
            guard let kind = ServingSocket(rawValue: UInt8(word >> 8 & 0xff)) else { return nil }
            self = .socket(slot: Int(word >> 16 & 0xffff_ffff), kind, Int(word & 0xff))
        default: return nil
        }
    }
}
