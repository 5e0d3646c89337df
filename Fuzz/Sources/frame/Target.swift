import NetworkVocabulary
import Packets

/// Frames of anybody: whatever the bytes are, they are read, written back byte for byte, told as a line that means them,
/// and rewritten without harm.
@_cdecl("LLVMFuzzerTestOneInput")
public func frameFuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = Array(UnsafeBufferPointer(start: start, count: min(count, 9000)))
    guard let frame = try? Frame(parsing: bytes) else {
        precondition(bytes.count < 14, "a frame of \(bytes.count) bytes is refused")
        precondition(FrameOutline(bytes) == nil, "an outline of what is no frame")
        return 0
    }
    precondition(frame.bytes == bytes, "written back otherwise")
    let line = frame.line(.everything)
    if let pattern = try? PacketPattern(parsing: line) {
        precondition(pattern.matches(frame), "does not match its own line: \(line)")
    } else {
        // Tunnels in tunnels are told, and lines nest four deep at most.
        precondition(line.filter { $0 == "{" }.count >= 4, "cannot be read: \(line)")
    }
    if let outline = FrameOutline(bytes) {
        precondition(outline.end <= bytes.count && outline.network <= bytes.count, "an outline beyond the end")
        precondition(outline.checksum.map { $0 + 2 <= bytes.count } ?? true, "a checksum beyond the end")
    }
    var rewriter = FrameRewriter()
    rewriter.source = MACAddress(2, 0, 0, 0, 0, 1)
    if let ip = frame.ip {
        // Not as a literal: both may be the same.
        rewriter.addresses[ip.source] = ip.destination
        rewriter.addresses[ip.destination] = ip.source
    }
    var other = bytes
    rewriter.rewrite(&other)
    precondition(other.count == bytes.count, "another length")
    // Twice the other way round is once: addresses change places, and checksums follow.
    rewriter.source = frame.source
    rewriter.rewrite(&other)
    if frame.fault == nil, frame.checksumFaults.isEmpty, let back = try? Frame(parsing: other) {
        precondition(back.checksumFaults.isEmpty, "a right checksum became wrong")
    }
    return 0
}
