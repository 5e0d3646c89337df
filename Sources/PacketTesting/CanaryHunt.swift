public import CloudTrace
import LinuxKernel
import Packets

/// Packets with canaries into ports of running networks, and a look at every port where they came out.
///
/// Nothing is waited for: after each handful of packets a sentinel tells when all that followed from them is done.
public struct CanaryHunt: Sendable {
    public struct Shot: Sendable {
        public let port: String
        public let bytes: [UInt8]

        public init(port: String, bytes: [UInt8]) {
            self.port = port
            self.bytes = bytes
        }
    }

    public struct Sighting: Hashable, Sendable {
        public let canary: Canary
        public let port: String
        public let bytes: [UInt8]
    }

    public struct Outcome: Sendable {
        public internal(set) var sent = 0
        public internal(set) var sightings = 0
        /// Those that the caller found worth keeping.
        public internal(set) var kept: [Sighting] = []
        /// Frames that came faster than they were taken; what is missing then proves nothing.
        public internal(set) var lost = 0
        public internal(set) var nanoseconds: Int64 = 0
    }

    private static let handful = 128

    private let ports: [Replay.Port]
    private let evidence: String?

    /// `evidence`: a file for every canary that was seen.
    public init(_ ports: [Replay.Port], evidence: String? = nil) {
        self.ports = ports
        self.evidence = evidence
    }

    /// Takes shots until there are no more. `keeps` says of each sighting whether it is to be kept.
    public func run(
        _ next: @escaping @Sendable (Int) -> Shot?, keeps: @escaping @Sendable (Sighting) -> Bool
    ) throws -> Outcome {
        try PinnedThread.run {
            var outcome = Outcome()
            let calm = try Calm()
            let start = Metronome.now
            var senders: [String: FrameSender] = [:]
            var listeners: [(name: String, listener: FrameListener)] = []
            for port in ports {
                let namespace = try port.open()
                senders[port.name] = try FrameSender(by: port.device, in: namespace)
                listeners.append((port.name, try FrameListener(on: port.device, in: namespace)))
            }
            let sink = try evidence.map { try CaptureSink($0, interfaces: ports.map(\.name)) }
            var count = 0
            var isDone = false
            while !isDone {
                for _ in 0..<Self.handful {
                    guard let shot = next(count) else {
                        isDone = true
                        break
                    }
                    count += 1
                    try senders[shot.port]?.append(shot.bytes)
                }
                for sender in senders.values { try sender.flush() }
                try calm.settle()
                for (number, ear) in listeners.enumerated() {
                    try drain(ear.listener, ear.name, number, sink, &outcome, keeps)
                }
            }
            try sink?.flush()
            outcome.sent = senders.values.reduce(0) { $0 + Int($1.sent) }
            outcome.lost = listeners.reduce(0) { $0 + Int($1.listener.lost()) }
            outcome.nanoseconds = Metronome.now - start
            return outcome
        }
    }

    private func drain(
        _ listener: FrameListener, _ name: String, _ number: Int, _ sink: CaptureSink?, _ outcome: inout Outcome,
        _ keeps: (Sighting) -> Bool
    ) throws {
        var seen: [Sighting] = []
        var times: [Int64] = []
        repeat {
            seen = []
            times = []
            let count = try listener.receive(waiting: 0) { (sighting) throws(KernelError) in
                guard !sighting.isOutgoing, let canary = Canary(in: sighting.bytes) else { return }
                seen.append(Sighting(canary: canary, port: name, bytes: sighting.bytes))
                times.append(sighting.time)
            }
            for (sighting, time) in zip(seen, times) {
                outcome.sightings += 1
                if keeps(sighting) { outcome.kept.append(sighting) }
                let parts = time.quotientAndRemainder(dividingBy: 1_000_000_000)
                try sink?.write(
                    CapturedPacket(
                        interface: number,
                        time: CaptureTime(
                            seconds: parts.quotient, nanoseconds: UInt32(truncatingIfNeeded: parts.remainder)),
                        bytes: sighting.bytes, comments: ["canary \(sighting.canary.number)"]))
            }
            if count == 0 { return }
        } while true
    }
}
