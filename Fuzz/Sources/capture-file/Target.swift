import Packets

/// Captures of anybody: whatever the bytes are, reading ends, in pieces as in whole, and what was read can be written and
/// read again.
@_cdecl("LLVMFuzzerTestOneInput")
public func captureFuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let whole = CaptureReader.packets(in: bytes, limit: 1 << 16)
    let pieces = readInPieces(bytes, of: 1 + (bytes.first.map(Int.init) ?? 0) % 61)
    precondition(pieces.packets == whole.packets, "pieces give other packets")
    precondition(pieces.fault == whole.fault, "pieces end otherwise")

    var writer = PcapngWriter()
    for interface in whole.interfaces { _ = writer.add(interface) }
    if whole.interfaces.isEmpty { return 0 }
    let known = whole.packets.filter { $0.interface < whole.interfaces.count && $0.time?.seconds ?? 0 >= 0 }
    for packet in known { writer.write(packet) }
    let again = CaptureReader.packets(in: writer.bytes)
    precondition(again.fault == nil, "what was written is damaged")
    precondition(again.packets.map(\.bytes) == known.map(\.bytes), "what was written is another")
    return 0
}

private func readInPieces(_ bytes: [UInt8], of size: Int) -> (packets: [CapturedPacket], fault: CaptureFault?) {
    var reader = CaptureReader(limit: 1 << 16)
    var packets: [CapturedPacket] = []
    do throws(CaptureFault) {
        for start in stride(from: 0, to: bytes.count, by: size) {
            reader.append(bytes[start..<min(bytes.count, start + size)])
            while let packet = try reader.next() { packets.append(packet) }
        }
        while let packet = try reader.next() { packets.append(packet) }
        try reader.finish()
        return (packets, nil)
    } catch {
        return (packets, error)
    }
}
