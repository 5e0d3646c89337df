import Foundation

/// Questions and answers as bytes, so that a test is the client and the resolver at once.
enum DNSByHand {
    static func question(_ name: String, _ id: UInt16) -> [UInt8] {
        let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        return [UInt8(id >> 8), UInt8(id & 0xff), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels + [0, 0, 1, 0, 1]
    }

    /// That there is no such name.
    static func denial(of question: [UInt8]) -> [UInt8] {
        let end = (question.dropFirst(12).firstIndex(of: 0) ?? 12) + 5
        return question[..<2] + [0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0] + question[12..<end]
    }

    static func id(_ message: [UInt8]) -> UInt16 { UInt16(message[0]) << 8 | UInt16(message[1]) }

    typealias Heard = (bytes: [UInt8], from: String, port: UInt16)

    /// The question about a name whose text begins so. To others, which may be asked again meanwhile, there is no answer but
    /// that there is no such name.
    static func heard(_ resolver: Wire, _ name: String) throws -> Heard {
        let labels = question(name, 0).dropFirst(12).dropLast(5)
        while true {
            let heard = try resolver.take()
            if heard.bytes.dropFirst(12).starts(with: labels) { return heard }
            resolver.tell(denial(of: heard.bytes), to: heard.from, heard.port)
        }
    }
}
