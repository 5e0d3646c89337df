/// One whole block of pcapng (draft-ietf-opsawg-pcapng).
///
///     0        4        8                        length - 4   length
///     | type   | length | body, options …        | length     |
struct CaptureBlock {
    let type: UInt32
    /// Of the block in the file, for errors.
    let offset: Int
    /// Of the body in the reader's buffer.
    let body: Range<Int>
    let isSwapped: Bool

    /// Section, interface, packet (obsolete), simple packet, enhanced packet.
    static func isKept(_ type: UInt32) -> Bool {
        switch type {
        case 0x0a0d_0d0a, 1, 2, 3, 6: true
        default: false
        }
    }

    private func fault(_ reason: CaptureFault.Reason) -> CaptureFault { CaptureFault(offset: offset, reason: reason) }

    private func word(_ bytes: RawSpan, _ at: Int) -> UInt16 { bytes.word(body.lowerBound + at, isSwapped) }
    private func long(_ bytes: RawSpan, _ at: Int) -> UInt32 { bytes.long(body.lowerBound + at, isSwapped) }

    private func checkLength(_ needed: Int) throws(CaptureFault) {
        guard body.count >= needed else { throw fault(.length(UInt32(truncatingIfNeeded: body.count + 12))) }
    }

    func checkSection(_ bytes: RawSpan) throws(CaptureFault) {
        try checkLength(16)
        let (major, minor) = (word(bytes, 4), word(bytes, 6))
        // 1.2 is written by some programs and read the same (draft, section 4.1).
        guard major == 1, minor == 0 || minor == 2 else { throw fault(.version(major, minor)) }
    }

    func interface(_ bytes: RawSpan) throws(CaptureFault) -> CaptureInterface {
        try checkLength(8)
        var interface = CaptureInterface(linkType: word(bytes, 0), snapLength: long(bytes, 4))
        try forEachOption(bytes, from: body.lowerBound + 8) { code, value throws(CaptureFault) in
            switch (code, value.count) {
            case (1, _): interface.comments.append(text(bytes, value))
            case (2, _): interface.name = text(bytes, value)
            case (9, 1):
                let resolution = bytes.octet(value.lowerBound)
                guard let ticks = CaptureClock.ticks(resolution: resolution) else {
                    throw fault(.resolution(resolution))
                }
                interface.clock.ticksPerSecond = ticks
            case (14, 8):
                let (first, second) = (
                    bytes.long(value.lowerBound, isSwapped), bytes.long(value.lowerBound + 4, isSwapped)
                )
                let (high, low) = isSwapped ? (second, first) : (first, second)
                interface.clock.offset = Int64(bitPattern: UInt64(high) << 32 | UInt64(low))
            case (9, _), (14, _):
                throw fault(.option(code: code, length: UInt16(truncatingIfNeeded: value.count)))
            default: break
            }
        }
        return interface
    }

    func packet(_ bytes: RawSpan, interfaces: [CaptureInterface]) throws(CaptureFault) -> CapturedPacket {
        let start: Int
        let number: UInt32
        var captured: UInt32
        let original: UInt32
        if type == 3 {
            try checkLength(4)
            (start, number, original) = (4, 0, long(bytes, 0))
            captured = min(original, UInt32(truncatingIfNeeded: body.count - 4))
        } else {
            try checkLength(20)
            number = type == 6 ? long(bytes, 0) : UInt32(word(bytes, 0))
            (start, captured, original) = (20, long(bytes, 12), long(bytes, 16))
        }
        guard number < UInt32(truncatingIfNeeded: interfaces.count) else { throw fault(.interface(number)) }
        let interface = interfaces[Int(number)]
        if type == 3, interface.snapLength != 0 { captured = min(captured, interface.snapLength) }
        guard Int(captured) <= body.count - start else { throw fault(.capturedLength(captured)) }
        let data = body.lowerBound + start..<body.lowerBound + start + Int(captured)
        var packet = CapturedPacket(
            interface: Int(number), time: nil, bytes: bytes.copy(data), originalLength: original)
        if type != 3 {
            packet.time = interface.clock.time(UInt64(long(bytes, 4)) << 32 | UInt64(long(bytes, 8)))
            let padded = min(data.upperBound + (4 - Int(captured) % 4) % 4, body.upperBound)
            try forEachOption(bytes, from: padded) { code, value throws(CaptureFault) in
                if code == 1 { packet.comments.append(text(bytes, value)) }
            }
        }
        return packet
    }

    private func text(_ bytes: RawSpan, _ range: Range<Int>) -> String {
        String(decoding: bytes.copy(range), as: UTF8.self)
    }

    /// Options end with code 0 or with the block.
    private func forEachOption(
        _ bytes: RawSpan, from start: Int, _ visit: (UInt16, Range<Int>) throws(CaptureFault) -> Void
    ) throws(CaptureFault) {
        var at = start
        while body.upperBound - at >= 4 {
            let (code, length) = (bytes.word(at, isSwapped), bytes.word(at + 2, isSwapped))
            if code == 0 { return }
            let value = at + 4..<at + 4 + Int(length)
            guard value.upperBound <= body.upperBound else { throw fault(.option(code: code, length: length)) }
            try visit(code, value)
            at = value.upperBound + (4 - Int(length) % 4) % 4
        }
    }
}

/// Fields in the byte order of a capture: swapped is little-endian.
extension RawSpan {
    func word(_ offset: Int, _ isSwapped: Bool) -> UInt16 { isSwapped ? word(offset).byteSwapped : word(offset) }
    func long(_ offset: Int, _ isSwapped: Bool) -> UInt32 { isSwapped ? long(offset).byteSwapped : long(offset) }
}
