import NetworkVocabulary
public import Packets

/// IPv4 packets in pieces (RFC 791), put together where somebody looks at them.
public struct Fragments: Sendable {
    private struct Key: Hashable, Sendable {
        let source: IPv4Address
        let destination: IPv4Address
        let identification: UInt16
        let transport: IPProtocol
    }

    private struct Heap: Sendable {
        var pieces: [(offset: Int, bytes: [UInt8], isLast: Bool)] = []
        var first: Frame?
    }

    private var heaps: [Key: Heap] = [:]

    public init() {}

    /// The frame, whole: itself when it is no fragment, nil while pieces are missing. As in the kernel, a piece of what is
    /// there already is ignored, and one that overlaps otherwise spoils the packet.
    public mutating func take(_ frame: Frame) -> Frame? {
        guard case .ipv4(let packet) = frame.body, packet.isFragment, case .fragment(let bytes) = packet.body else {
            return frame
        }
        let key = Key(
            source: packet.source, destination: packet.destination, identification: packet.identification,
            transport: packet.protocol)
        var heap = heaps.removeValue(forKey: key) ?? Heap()
        let offset = Int(packet.fragmentOffset) * 8
        let overlaps = heap.pieces.contains { $0.offset < offset + bytes.count && offset < $0.offset + $0.bytes.count }
        if overlaps {
            let isKnown = heap.pieces.contains {
                $0.offset <= offset && offset + bytes.count <= $0.offset + $0.bytes.count
            }
            if isKnown { heaps[key] = heap }
            return nil
        }
        if offset == 0 { heap.first = frame }
        heap.pieces.append((offset, bytes, !packet.flags.contains(.moreFragments)))
        heap.pieces.sort { $0.offset < $1.offset }
        var end = 0
        for piece in heap.pieces where piece.offset == end { end += piece.bytes.count }
        guard let last = heap.pieces.last, last.isLast, end == last.offset + last.bytes.count, let first = heap.first
        else {
            heaps[key] = heap
            return nil
        }
        return Self.whole(first, heap.pieces.flatMap(\.bytes))
    }

    private static func whole(_ first: Frame, _ bytes: [UInt8]) -> Frame? {
        guard case .ipv4(var packet) = first.body else { return nil }
        packet.flags.remove(.moreFragments)
        packet.body = .other(bytes)
        var frame = first
        frame.body = .ipv4(packet)
        // Read again, so that the transport is what it is.
        return try? Frame(parsing: frame.bytes)
    }

    /// A frame in pieces of so many bytes of what IP carries; itself when it is no IPv4 or short enough.
    public static func cut(_ frame: Frame, into size: Int) -> [Frame] {
        guard case .ipv4(let packet) = frame.body else { return [frame] }
        let header = 20 + (packet.options.count + 3) / 4 * 4
        let bytes = Array(packet.bytes.dropFirst(header))
        if bytes.count <= size { return [frame] }
        return stride(from: 0, to: bytes.count, by: size).map { start in
            var piece = packet
            let end = min(start + size, bytes.count)
            piece.fragmentOffset = UInt16(truncatingIfNeeded: start / 8)
            if end < bytes.count { piece.flags.insert(.moreFragments) }
            piece.body = .fragment(Array(bytes[start..<end]))
            var frame = frame
            frame.body = .ipv4(piece)
            return frame
        }
    }
}
