import LinuxKernel
public import NetworkVocabulary
public import Packets
import Synchronization

/// A capture into ports of running networks, with ears at ports.
public struct Replay: Sendable {
    /// A network card inside a namespace.
    public struct Port: Hashable, Sendable {
        public var name: String
        /// By its name in `/run/netns`; nil for the namespace of the caller.
        public var namespace: String?
        public var device: String

        public init(name: String, namespace: String?, device: String) {
            self.name = name
            self.namespace = namespace
            self.device = device
        }

        func open() throws(KernelError) -> NetworkNamespace {
            guard let namespace else { return try .current() }
            return try NamespaceDirectory.system.open(namespace)
        }
    }

    /// Where frames of the capture go in.
    public struct Entry: Sendable {
        public var port: Port
        /// Only frames from this address; everything when nil.
        public var source: IPAddress?
        public var rewriter: FrameRewriter

        public init(port: Port, source: IPAddress? = nil, rewriter: FrameRewriter = FrameRewriter()) {
            self.port = port
            self.source = source
            self.rewriter = rewriter
        }
    }

    public enum Pace: Hashable, Sendable {
        /// As recorded, or so many times as fast.
        case recorded(times: Double)
        /// So many frames a second.
        case rate(Double)
        case full
    }

    /// How it went.
    public struct Outcome: Sendable {
        public internal(set) var sent: UInt64 = 0
        public internal(set) var refused: UInt64 = 0
        /// Frames of the capture that no entry takes, and those that were cut off when they were captured.
        public internal(set) var skipped = 0
        public internal(set) var bytes: UInt64 = 0
        public internal(set) var nanoseconds: Int64 = 0
        /// How late frames left, by power of two of nanoseconds.
        public internal(set) var lateness = Histogram()
        public internal(set) var heard: [String: (packets: Int, lost: Int)] = [:]

        public var rate: Double { nanoseconds > 0 ? Double(sent) * 1e9 / Double(nanoseconds) : 0 }
    }

    /// How far it is.
    public struct Progress: Sendable {
        public let packets: UInt64
        /// Of the capture, if its length is known.
        public let share: Double?
        public let nanoseconds: Int64
    }

    public var capture: String
    public var entries: [Entry]
    public var pace = Pace.recorded(times: 1)
    public var rounds = 1
    /// Ports to listen at, and the file for each.
    public var ears: [(port: Port, file: String)] = []
    /// Milliseconds to listen after the last frame is through.
    public var lingering: Int32 = 0

    public init(_ capture: String, into entries: [Entry]) {
        self.capture = capture
        self.entries = entries
    }

    /// Runs to its end. `report` is called now and then.
    public func run(_ report: @escaping @Sendable (Progress) -> Void = { _ in }) throws -> Outcome {
        let listeners = try ears.map { try Ear($0.port, $0.file) }
        var outcome: Outcome
        do {
            if listeners.isEmpty {
                // Nobody waits for what comes of it: it may run where there is room.
                outcome = try send(report)
            } else {
                outcome = try PinnedThread.run {
                    let outcome = try send(report)
                    try Calm().settle()
                    return outcome
                }
            }
        } catch {
            for listener in listeners { _ = try? listener.end(after: 0) }
            throw error
        }
        for listener in listeners { outcome.heard[listener.name] = try listener.end(after: lingering) }
        return outcome
    }

    private func send(_ report: @Sendable (Progress) -> Void) throws -> Outcome {
        var outcome = Outcome()
        let senders = try entries.map { try FrameSender(by: $0.port.device, in: $0.port.open()) }
        if pace == .full, senders.count == 1, let kept = try keep() {
            try send(kept, by: senders[0], &outcome, report)
            return outcome
        }
        let rewrites = entries.map { $0.rewriter != FrameRewriter() }
        var metronome = Pacer(pace)
        var nextReport = Metronome.now + 500_000_000
        let start = Metronome.now
        var count = 0
        for round in 0..<max(1, rounds) {
            let file = try CaptureFile(capture)
            metronome.begin()
            while let packet = try file.next() {
                guard packet.originalLength == UInt32(clamping: packet.bytes.count),
                    let number = entry(for: packet.bytes)
                else {
                    outcome.skipped += 1
                    continue
                }
                if let due = metronome.due(packet.time) {
                    if due.isAhead { for sender in senders { try sender.flush() } }
                    outcome.lateness.add(due.wait())
                }
                outcome.bytes += UInt64(packet.bytes.count)
                if rewrites[number] {
                    var bytes = packet.bytes
                    entries[number].rewriter.rewrite(&bytes)
                    try senders[number].append(bytes)
                } else {
                    try senders[number].append(packet.bytes)
                }
                count += 1
                if pace == .full {
                    if count % 64 != 0 { continue }
                } else {
                    try senders[number].flush()
                }
                let now = Metronome.now
                if now >= nextReport {
                    nextReport = now + 500_000_000
                    let share = file.size.map {
                        (Double(round) + Double(file.offset) / Double(max(1, $0))) / Double(rounds)
                    }
                    report(
                        Progress(
                            packets: senders.reduce(0) { $0 + $1.sent }, share: share, nanoseconds: now - start))
                }
            }
        }
        for sender in senders { try sender.flush() }
        outcome.nanoseconds = Metronome.now - start
        outcome.sent = senders.reduce(0) { $0 + $1.sent }
        outcome.refused = senders.reduce(0) { $0 + $1.refused }
        return outcome
    }

    /// The entry that takes a frame: the one for its source, else the one for everything.
    func entry(for bytes: [UInt8]) -> Int? {
        if entries.count == 1, entries[0].source == nil { return 0 }
        let source = (try? Frame(parsing: bytes))?.ip?.source
        return entries.firstIndex { source != nil && $0.source == source } ?? entries.firstIndex { $0.source == nil }
    }
}

/// When frames are due.
private struct Pacer {
    struct Due {
        let moment: Int64
        let metronome: Metronome
        var isAhead: Bool { moment > Metronome.now }
        /// How late it is in the end.
        func wait() -> Int64 { metronome.wait(until: moment) }
    }

    private let pace: Replay.Pace
    private let metronome = Metronome()
    private var start: Int64 = 0
    private var first: CaptureTime?
    private var count = 0

    init(_ pace: Replay.Pace) { self.pace = pace }

    mutating func begin() {
        start = Metronome.now
        first = nil
        count = 0
    }

    mutating func due(_ time: CaptureTime?) -> Due? {
        defer { count += 1 }
        switch pace {
        case .full: return nil
        case .rate(let rate): return Due(moment: start + Int64(Double(count) * 1e9 / rate), metronome: metronome)
        case .recorded(let times):
            guard let time else { return nil }
            let from = first ?? time
            first = from
            let seconds = Double(time.seconds - from.seconds) * 1e9
            let offset = (seconds + Double(time.nanoseconds) - Double(from.nanoseconds)) / times
            // Clocks were set while it was recorded: what lies before the beginning is due at once.
            return Due(moment: start + Int64(max(0, min(offset, 1e18))), metronome: metronome)
        }
    }
}

/// A thread that writes down what passes a port.
private final class Ear: Sendable {
    let name: String
    private let isEnding = Mutex(false)
    private let result: Inbox<Result<(packets: Int, lost: Int), any Error>>
    private let thread: KernelThread

    init(_ port: Replay.Port, _ file: String) throws {
        name = port.name
        let result = try Inbox<Result<(packets: Int, lost: Int), any Error>>()
        let ready = try Inbox<(any Error)?>()
        self.result = result
        let stop = Stop()
        self.stop = stop
        let name = name
        let namespace = try port.open()
        thread = try KernelThread(name: "ear") {
            let listener: FrameListener
            let sink: CaptureSink
            do {
                listener = try FrameListener(on: port.device, in: namespace)
                sink = try CaptureSink(file, interfaces: [name])
                ready.send(nil)
            } catch {
                ready.send(error)
                return
            }
            result.send(Result { try Self.listen(listener, sink, stop) })
        }
        if let failure = ready.receive(timeout: nil)?.first ?? nil { throw failure }
    }

    private let stop: Stop

    private final class Stop: Sendable {
        private let flag = Mutex(false)
        var isSet: Bool { flag.withLock { $0 } }
        func set() { flag.withLock { $0 = true } }
    }

    /// Until it is told to end, and nothing more is there.
    private static func listen(
        _ listener: FrameListener, _ sink: CaptureSink, _ stop: Stop
    ) throws -> (packets: Int, lost: Int) {
        var failure: CaptureFile.Failure?
        while failure == nil {
            let isLast = stop.isSet
            let count = try listener.receive(waiting: isLast ? 0 : 20) { (sighting) throws(KernelError) in
                guard !sighting.isOutgoing, failure == nil else { return }
                let time = sighting.time.quotientAndRemainder(dividingBy: 1_000_000_000)
                do throws(CaptureFile.Failure) {
                    try sink.write(
                        CapturedPacket(
                            time: CaptureTime(
                                seconds: time.quotient, nanoseconds: UInt32(truncatingIfNeeded: time.remainder)),
                            bytes: sighting.bytes, originalLength: sighting.originalLength))
                } catch {
                    failure = error
                }
            }
            if isLast, count == 0 { break }
        }
        if let failure { throw failure }
        try sink.flush()
        return (sink.packets, Int(listener.lost()))
    }

    /// What was heard up to now, and for a while longer.
    func end(after milliseconds: Int32) throws -> (packets: Int, lost: Int) {
        if milliseconds > 0 {
            Metronome().wait(until: Metronome.now + Int64(milliseconds) * 1_000_000)
        }
        stop.set()
        defer { thread.join() }
        guard let result = result.receive(timeout: nil)?.first else {
            throw Refusal(description: "\(name) was not listened to")
        }
        return try result.get()
    }
}
