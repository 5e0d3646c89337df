import Packets
import Ruleset

/// How far a TCP connection has come, as far as it decides which packets belong to it. Sequence numbers and windows are
/// not followed: a packet outside the window is invalid to the kernel and not here.
enum TCPProgress: Hashable, Sendable {
    /// The first SYN was seen.
    case opening
    /// SYN from both sides and nothing acknowledged: a simultaneous open.
    case meeting
    /// SYN and ACK came back.
    case answered
    case open
    /// One side has said that it is done.
    case halfClosed(by: ConnectionDirection)
    case closed

    enum Sign { case syn, synAck, fin, ack, rst, none }

    enum Judgement: Hashable {
        case next(TCPProgress)
        /// Not part of it.
        case invalid
        /// The old connection is over, and this begins another.
        case reopens
    }

    /// What a connection that begins with this segment has come to; nil when none begins so. An acknowledgement alone
    /// takes up a connection whose beginning nobody saw.
    init?(first segment: TCPSegment) {
        guard segment.hasValidFlags else { return nil }
        switch segment.sign {
        case .syn: self = .opening
        case .ack: self = .open
        case .synAck, .fin, .rst, .none: return nil
        }
    }

    func judge(_ segment: TCPSegment, _ direction: ConnectionDirection) -> Judgement {
        guard segment.hasValidFlags else { return .invalid }
        switch (segment.sign, direction) {
        case (.none, _): return .invalid
        case (.rst, _): return .next(.closed)
        case (.syn, .original):
            switch self {
            case .closed: return .reopens
            case .opening, .meeting, .answered, .open, .halfClosed: return .next(self)
            }
        case (.syn, .reply):
            switch self {
            case .opening, .meeting: return .next(.meeting)
            case .answered, .open, .halfClosed, .closed: return .invalid
            }
        case (.synAck, .original):
            switch self {
            case .answered, .meeting: return .next(.answered)
            case .opening, .open, .halfClosed, .closed: return .invalid
            }
        case (.synAck, .reply):
            switch self {
            case .opening, .meeting: return .next(.answered)
            case .answered, .open, .halfClosed, .closed: return .next(self)
            }
        case (.fin, _):
            switch self {
            case .opening, .meeting: return .invalid
            case .answered, .open: return .next(.halfClosed(by: direction))
            case .halfClosed(let side): return .next(side == direction ? self : .closed)
            case .closed: return .next(.closed)
            }
        case (.ack, _):
            switch self {
            case .opening, .meeting: return direction == .original ? .invalid : .next(self)
            case .answered: return .next(direction == .original ? .open : .answered)
            case .open, .halfClosed, .closed: return .next(self)
            }
        }
    }
}

extension TCPSegment {
    fileprivate var sign: TCPProgress.Sign {
        if flags.contains(.rst) { return .rst }
        if flags.contains(.syn) { return flags.contains(.ack) ? .synAck : .syn }
        if flags.contains(.fin) { return .fin }
        return flags.contains(.ack) ? .ack : .none
    }

    /// Combinations that a correct sender makes; PSH and the bits of congestion control go with any.
    fileprivate var hasValidFlags: Bool {
        let combination = flags.intersection([.syn, .ack, .fin, .rst, .urg])
        switch combination {
        case [.syn], [.syn, .urg], [.syn, .ack], [.rst], [.rst, .ack], [.fin, .ack], [.fin, .ack, .urg], [.ack],
            [.ack, .urg]:
            return true
        default: return false
        }
    }
}
