import Foundation
import Testing

/// Another program's reading of the same bytes. Debian's scapy belongs to Debian's Python, wherever PATH leads.
enum Dissector {
    static func python(_ script: String, _ arguments: String...) throws -> String {
        try run("/usr/bin/python3", ["-c", script] + arguments)
    }

    static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        // One that hangs ends the test, not the run.
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        process.arguments = ["--kill-after=5", "300", program] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(program) \(arguments.last ?? "")")
        return String(decoding: bytes, as: UTF8.self)
    }

    static func bytes(_ hex: some StringProtocol) throws -> [UInt8] {
        let digits = hex.utf8.filter { $0 > 0x20 }
        return try stride(from: 0, to: digits.count - 1, by: 2).map { offset in
            try #require(UInt8(String(decoding: digits[offset...offset + 1], as: UTF8.self), radix: 16))
        }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
