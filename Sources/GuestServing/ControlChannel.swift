internal import CServing

/// One end of what connects the daemon with the process that serves guests: messages of any length, with descriptors.
///
/// Packets keep their borders but not their length: a message goes in pieces, of which the last says so. Descriptors
/// travel with the first.
///
/// One thread sends and one receives; they share nothing but the descriptor.
public final class ControlChannel: @unchecked Sendable {
    public let descriptor: Int32
    private var incoming: [UInt8] = []
    private var incomingDescriptors: [Int32] = []
    private var buffer = [UInt8](repeating: 0, count: pieceLength + 1)
    /// Room that the kernel finds without looking for pages that belong together.
    private static let pieceLength = 30_000

    /// Takes over a descriptor that nobody else closes.
    public init(owning descriptor: Int32) { self.descriptor = descriptor }

    deinit {
        serving_close(descriptor)
        incomingDescriptors.forEach(serving_close)
    }

    public static func pair() -> (ControlChannel, other: Int32)? {
        var ends: [Int32] = [-1, -1]
        guard serving_pair(&ends) == 0 else { return nil }
        return (ControlChannel(owning: ends[0]), ends[1])
    }

    /// False when the other end is gone, or does not listen although it has had time to: then the channel is of no use.
    public func send(_ bytes: [UInt8], _ descriptors: [Int32] = []) -> Bool {
        var rest = bytes[...]
        var isFirst = true
        repeat {
            let piece = rest.prefix(Self.pieceLength)
            rest = rest.dropFirst(piece.count)
            let packet = [rest.isEmpty ? 1 : 0] + piece
            let travelling = isFirst ? descriptors : []
            guard serving_control_send(descriptor, packet, packet.count, travelling, Int32(travelling.count), 1) > 0
            else { return false }
            isFirst = false
        } while !rest.isEmpty
        return true
    }

    /// Sends a short message if the other end has room for it. Never waits.
    func offer(_ bytes: [UInt8]) -> Bool {
        let packet = [1] + bytes
        return serving_control_send(descriptor, packet, packet.count, nil, 0, 0) > 0
    }

    public enum Heard {
        case message([UInt8], [Int32])
        /// Nothing more at present.
        case nothing
        case end
    }

    /// The next message; `wait`: however long it takes. Who gets descriptors closes them.
    public func receive(wait: Bool) -> Heard {
        while true {
            var count = SERVING_MOST_DESCRIPTORS
            var descriptors = [Int32](repeating: -1, count: Int(count))
            let length = serving_control_receive(
                descriptor, &buffer, buffer.count, &descriptors, &count, wait ? 1 : 0)
            incomingDescriptors += descriptors.prefix(Int(count))
            if length < 0 { return serving_errno() == 11 ? .nothing : .end }
            if length == 0 { return .end }
            incoming += buffer[1..<length]
            guard buffer[0] == 1 else { continue }
            defer { (incoming, incomingDescriptors) = ([], []) }
            return .message(incoming, incomingDescriptors)
        }
    }
}
