import NetworkVocabulary
import Packets

/// What passed in a capture, by flow, so that two captures can be compared without keeping either.
///
/// Of each packet counts what the sender meant: addresses, ports, flags, payload. What changes on every way does not:
/// hardware addresses, time to live, identification, checksums. Address resolution is the machines' own, and not looked at.
public struct FlowSummary: Sendable {
    public struct Flow: Hashable, Comparable, Sendable, CustomStringConvertible {
        let source: String
        let destination: String
        let number: UInt8
        let ports: [UInt16]
        let etherType: UInt16

        public static func < (a: Self, b: Self) -> Bool { a.description < b.description }

        public var description: String {
            guard !source.isEmpty else { return "ethertype 0x\(String(etherType, radix: 16))" }
            let name = "\(IPProtocol(number: number))"
            guard ports.count == 2 else { return "\(name) \(source) > \(destination)" }
            let (from, to) = source.contains(":") ? ("[\(source)]", "[\(destination)]") : (source, destination)
            return "\(name) \(from):\(ports[0]) > \(to):\(ports[1])"
        }
    }

    public struct Tally: Hashable, Sendable {
        public var packets = 0
        public var bytes = 0
        /// Of all packets in their order, and whatever their order.
        var chain: UInt64 = 0xcbf2_9ce4_8422_2325
        var sum: UInt64 = 0
    }

    public private(set) var flows: [Flow: Tally] = [:]
    public private(set) var packets = 0
    /// Packets of flows beyond the limit: they are counted and not told apart.
    public private(set) var beyond = 0

    /// More flows than this are not told apart.
    public static let limit = 1_000_000

    public init() {}

    public mutating func add(_ bytes: [UInt8]) {
        guard let outline = FrameOutline(bytes), outline.etherType != EtherType.arp else { return }
        packets += 1
        let flow = Self.flow(bytes, outline)
        guard flows.count < Self.limit || flows[flow] != nil else {
            beyond += 1
            return
        }
        let digest = Self.digest(bytes, outline)
        flows[flow, default: Tally()].add(outline.end - outline.network, digest)
    }

    public static func flow(of bytes: [UInt8]) -> Flow? { FrameOutline(bytes).map { flow(bytes, $0) } }

    private static func flow(_ bytes: [UInt8], _ outline: FrameOutline) -> Flow {
        let ports = outline.isFragment ? nil : outline.ports(bytes.span.bytes)
        return Flow(
            source: text(bytes, outline.source), destination: text(bytes, outline.destination),
            number: outline.number, ports: ports.map { [$0.source, $0.destination] } ?? [],
            etherType: outline.etherType)
    }

    private static func text(_ bytes: [UInt8], _ range: Range<Int>) -> String {
        var bits: (UInt64, UInt64) = (0, 0)
        for (place, byte) in bytes[range].enumerated() {
            if place < 8 { bits.0 = bits.0 << 8 | UInt64(byte) } else { bits.1 = bits.1 << 8 | UInt64(byte) }
        }
        switch range.count {
        case 4: return "\(IPv4Address(bits: UInt32(truncatingIfNeeded: bits.0)))"
        case 16: return "\(IPv6Address(high: bits.0, low: bits.1))"
        default: return ""
        }
    }

    /// FNV-1a over what counts.
    static func digest(_ bytes: [UInt8], _ outline: FrameOutline) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var skipped: [Range<Int>] = []
        if outline.family == .ipv4 {
            skipped = [outline.network + 4..<outline.network + 6, outline.network + 8..<outline.network + 9]
            skipped.append(outline.network + 10..<outline.network + 12)
        } else if outline.family == .ipv6 {
            skipped = [outline.network + 7..<outline.network + 8]
        }
        if let checksum = outline.checksum { skipped.append(checksum..<checksum + 2) }
        var start = outline.network
        for range in skipped + [outline.end..<outline.end] {
            for place in start..<max(start, range.lowerBound) {
                hash = (hash ^ UInt64(bytes[place])) &* 0x100_0000_01b3
            }
            start = range.upperBound
        }
        return hash
    }
}

extension FlowSummary.Tally {
    fileprivate mutating func add(_ length: Int, _ digest: UInt64) {
        packets += 1
        bytes += length
        sum &+= digest
        chain = (chain ^ digest) &* 0x100_0000_01b3
    }
}

/// How what came differs from what was expected, flow by flow.
public struct FlowReport: Sendable {
    public enum Difference: Hashable, Sendable {
        case missing(expected: Int)
        case unexpected(found: Int)
        case fewer(expected: Int, found: Int)
        case more(expected: Int, found: Int)
        /// The same packets in another order.
        case reordered
        /// As many packets, and not the same.
        case altered
    }

    public let expected: Int
    public let found: Int
    public let equalFlows: Int
    public private(set) var differences: [(flow: FlowSummary.Flow, difference: Difference)] = []
    /// The first packet of a flow that is another one, by flow.
    public private(set) var details: [FlowSummary.Flow: String] = [:]

    public var isEqual: Bool { differences.isEmpty }

    public init(expected: FlowSummary, found: FlowSummary) {
        self.expected = expected.packets
        self.found = found.packets
        var equal = 0
        for flow in Set(expected.flows.keys).union(found.flows.keys).sorted() {
            let difference: Difference?
            switch (expected.flows[flow], found.flows[flow]) {
            case (let a?, nil): difference = .missing(expected: a.packets)
            case (nil, let b?): difference = .unexpected(found: b.packets)
            case (let a?, let b?):
                difference =
                    a.packets > b.packets
                    ? .fewer(expected: a.packets, found: b.packets)
                    : a.packets < b.packets
                        ? .more(expected: a.packets, found: b.packets)
                        : a.chain == b.chain ? nil : a.sum == b.sum ? .reordered : .altered
            case (nil, nil): difference = nil
            }
            if let difference { differences.append((flow, difference)) } else { equal += 1 }
        }
        equalFlows = equal
    }

    /// Compares two captures, and looks at them once more for the first packet that differs in some of the flows.
    public init(expected: String, found: String, looksInto count: Int = 10) throws(CaptureFile.Failure) {
        self.init(expected: try Self.summary(expected), found: try Self.summary(found))
        let flows = Set(
            differences.lazy.filter {
                switch $0.difference {
                case .altered, .fewer, .more, .reordered: true
                case .missing, .unexpected: false
                }
            }.prefix(count).map(\.flow))
        guard !flows.isEmpty else { return }
        let before = try Self.beginnings(of: flows, in: expected)
        let after = try Self.beginnings(of: flows, in: found)
        for flow in flows { details[flow] = Self.first(before[flow] ?? [], after[flow] ?? []) }
    }

    private static func summary(_ path: String) throws(CaptureFile.Failure) -> FlowSummary {
        let file = try CaptureFile(path)
        var summary = FlowSummary()
        while let packet = try file.next() { summary.add(packet.bytes) }
        return summary
    }

    /// Packets of these flows, not more of each than it takes to be of use.
    private static func beginnings(
        of flows: Set<FlowSummary.Flow>, in path: String
    ) throws(CaptureFile.Failure) -> [FlowSummary.Flow: [[UInt8]]] {
        let file = try CaptureFile(path)
        var found: [FlowSummary.Flow: [[UInt8]]] = [:]
        while let packet = try file.next() {
            guard let flow = FlowSummary.flow(of: packet.bytes), flows.contains(flow), found[flow]?.count ?? 0 < 1000
            else { continue }
            found[flow, default: []].append(packet.bytes)
        }
        return found
    }

    private static func first(_ expected: [[UInt8]], _ found: [[UInt8]]) -> String? {
        func digest(_ bytes: [UInt8]) -> UInt64? { FrameOutline(bytes).map { FlowSummary.digest(bytes, $0) } }
        for index in 0..<max(expected.count, found.count) {
            let a = index < expected.count ? expected[index] : nil
            let b = index < found.count ? found[index] : nil
            if let a, let b, digest(a) == digest(b) { continue }
            return "packet \(index + 1): expected \(line(a)), found \(line(b))"
        }
        return nil
    }

    private static func line(_ bytes: [UInt8]?) -> String {
        guard let bytes, let frame = try? Frame(parsing: bytes) else { return "nothing" }
        return frame.line([.sequence])
    }
}

extension FlowReport: CustomStringConvertible {
    public var description: String {
        var lines = [
            "\(found) of \(expected) expected packets, \(equalFlows) flows as expected, \(differences.count) not"
        ]
        for (flow, difference) in differences {
            lines.append("  \(flow): \(difference)")
            if let detail = details[flow] { lines.append("      \(detail)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension FlowReport.Difference: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing(let expected): "missing, \(expected) packets expected"
        case .unexpected(let found): "not expected, \(found) packets came"
        case .fewer(let expected, let found): "\(found) of \(expected) packets came"
        case .more(let expected, let found): "\(found) packets came, \(expected) expected"
        case .reordered: "in another order"
        case .altered: "other packets"
        }
    }
}
