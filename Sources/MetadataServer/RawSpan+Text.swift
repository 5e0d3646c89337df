/// Reading text in bytes that somebody sent. Every caller stays inside the span: a read outside it ends the process.
extension RawSpan {
    @inline(__always) func octet(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    func isLineEnd(_ offset: Int) -> Bool { octet(offset) == 13 && octet(offset + 1) == 10 }

    /// The next line's end; nil when there is none, or when a CR or LF stands by itself.
    func lineEnd(from start: Int, before end: Int) -> Int? {
        var at = start
        while at + 1 < end {
            switch octet(at) {
            case 13: return octet(at + 1) == 10 ? at : nil
            case 10: return nil
            default: at += 1
            }
        }
        return nil
    }

    func index(of byte: UInt8, in range: Range<Int>) -> Int? { range.first { octet($0) == byte } }

    func isText(_ range: Range<Int>, where isAllowed: (UInt8) -> Bool) -> Bool {
        range.allSatisfy { isAllowed(octet($0)) }
    }

    func equals(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { buffer in
            for (index, offset) in range.enumerated() where buffer[index] != octet(offset) { return false }
            return true
        }
    }

    /// Whatever the case of its letters; the text is in small ones.
    func matches(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { buffer in
            for (index, offset) in range.enumerated() {
                let byte = octet(offset)
                if (byte &- 0x41 < 26 ? byte | 0x20 : byte) != buffer[index] { return false }
            }
            return true
        }
    }

    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, octet(start) == 32 || octet(start) == 9 { start += 1 }
        while end > start, octet(end - 1) == 32 || octet(end - 1) == 9 { end -= 1 }
        return start..<end
    }

    /// The members of a list with commas.
    func list(_ range: Range<Int>) -> [Range<Int>] {
        var members: [Range<Int>] = []
        var start = range.lowerBound
        for offset in range where octet(offset) == 0x2c {
            members.append(trimmed(start..<offset))
            start = offset + 1
        }
        return members + [trimmed(start..<range.upperBound)]
    }
}
