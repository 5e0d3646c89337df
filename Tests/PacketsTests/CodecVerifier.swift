import Testing

/// What every codec must do with bytes that are not quite right. A hundred examples say less.
enum CodecVerifier {
    /// Reads every beginning of the bytes and every copy of them with one bit turned. Whatever is read as a message must
    /// be the same message after it was written and read again; nothing may end the process.
    static func verify<Message: Equatable>(
        _ bytes: [UInt8], read: ([UInt8]) -> Message?, write: (Message) -> [UInt8]
    ) {
        for length in 0...bytes.count { checkRound(Array(bytes[..<length]), read, write) }
        for bit in 0..<bytes.count * 8 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            checkRound(changed, read, write)
        }
    }

    static func checkRound<Message: Equatable>(
        _ bytes: [UInt8], _ read: ([UInt8]) -> Message?, _ write: (Message) -> [UInt8]
    ) {
        guard let message = read(bytes) else { return }
        #expect(read(write(message)) == message, "\(Dissector.hex(bytes))")
    }
}
