internal import CLinux

extension NetfilterBatch {
    /// Which of a message's elements has the byte at this offset, as the kernel reports a bad attribute.
    func element(in mark: Mark, at offset: Int) -> Int? {
        let message = buffer + mark.offset
        let length = Int(message.loadUnaligned(as: UInt32.self))
        /// Calls `body` with type, payload and whole extent of each attribute between the offsets.
        func attributes(_ range: Range<Int>, _ body: (UInt16, Range<Int>, Range<Int>) -> Bool) {
            var at = range.lowerBound
            while at + 4 <= range.upperBound {
                let size = Int((message + at).loadUnaligned(as: UInt16.self))
                let type = (message + at + 2).loadUnaligned(as: UInt16.self) & 0x3fff
                guard size >= 4, at + size <= range.upperBound, body(type, at + 4..<at + size, at..<at + size) else {
                    return
                }
                at += (size + 3) & ~3
            }
        }
        var found: Int?
        var index = -1
        attributes(20..<length) { type, payload, _ in
            guard type == UInt16(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue) else { return true }
            attributes(payload) { _, content, whole in
                var isEnd = false
                attributes(content) { type, flags, _ in
                    if type == UInt16(NFTA_SET_ELEM_FLAGS.rawValue), flags.count == 4 {
                        let bits = (message + flags.lowerBound).loadUnaligned(as: UInt32.self).bigEndian
                        isEnd = bits & NetfilterSetFlags.elementEnd != 0
                    }
                    return true
                }
                if !isEnd { index += 1 }
                if whole.contains(offset) { found = index }
                return found == nil
            }
            return false
        }
        guard let found, let elements = mark.elements, found >= 0, found < elements.count else { return nil }
        return elements.lowerBound + found
    }
}
