public import NetworkVocabulary
public import RouterPlan

/// What the daemon tells the process that serves guests.
public enum ServingOrder: Sendable {
    /// First of all. A process that speaks another version is replaced.
    case hello(version: UInt32, outlivesDaemon: Bool)
    /// Comes with the listening socket by which a later daemon finds the process.
    case listener
    /// Comes with the sockets of a router, in this order. They replace those that it had.
    case sockets(router: String, [ServingSocket])
    /// What the router serves; NICs follow, and all of it counts from `commit` on.
    case table(router: String, GuestServices)
    case add(router: String, [ServedNIC])
    case commit(router: String)
    /// One change to what is served.
    case change(router: String, removed: [ObjectID], added: [ServedNIC])
    /// The router is no more: its sockets are closed.
    case remove(router: String)
    /// Answered by the sockets of every router, for who takes over.
    case handOver
    /// Answered by what has been counted since.
    case report
    /// No more is taken in; what is under way is finished, and then the process ends.
    case drain
}

/// What the process tells the daemon.
public enum ServingNotice: Sendable {
    case ready(version: UInt32)
    /// Comes with a router's sockets.
    case sockets(router: String, [ServingSocket])
    case handedOver
    case event(ServingEvent)
    case report(ServingReport)
}

public enum ServingSocket: UInt8, Hashable, Sendable, CaseIterable {
    case dhcp = 1, dns, dnsStream, metadata, linkLocalMetadata, password, resolver, resolverStream
}

/// What happened to a guest that somebody has to know of.
public enum ServingEvent: Hashable, Sendable {
    case declined(nic: Origin, IPv4Address)
    case passwordServed(guest: ObjectID)
    case passwordSaved(guest: ObjectID)
}

/// Sums since the process began, and the NICs that did something since the last report.
public struct ServingReport: Hashable, Sendable {
    public struct Activity: Hashable, Sendable {
        public let nic: ObjectID
        /// The last exchange: what was answered (`ACK`), and when, in seconds since 1970.
        public var dhcp: Exchange?
        public var queries: UInt64
        public var metadata: UInt64?

        public init(nic: ObjectID, dhcp: Exchange? = nil, queries: UInt64 = 0, metadata: UInt64? = nil) {
            self.nic = nic
            self.dhcp = dhcp
            self.queries = queries
            self.metadata = metadata
        }
    }

    public struct Exchange: Hashable, Sendable {
        public let kind: UInt8
        public let second: UInt64

        public init(kind: UInt8, second: UInt64) {
            self.kind = kind
            self.second = second
        }
    }

    /// By name, as they stand in `/metrics`.
    public var counters: [String: UInt64]
    public var activities: [Activity]

    public init(counters: [String: UInt64] = [:], activities: [Activity] = []) {
        self.counters = counters
        self.activities = activities
    }
}

/// The version of these messages. A daemon that finds another one takes the sockets over and starts its own process.
public let servingVersion: UInt32 = 1

extension ServingOrder {
    public var wire: [UInt8] {
        var writer = WireWriter()
        switch self {
        case .hello(let version, let outlives):
            writer.put(1 as UInt8)
            writer.put(version)
            writer.put(outlives)
        case .listener: writer.put(2 as UInt8)
        case .sockets(let router, let kinds):
            writer.put(3 as UInt8)
            writer.put(router)
            writer.put(kinds) { $0.put($1.rawValue) }
        case .table(let router, let services):
            writer.put(4 as UInt8)
            writer.put(router)
            writer.put(services)
        case .add(let router, let nics):
            writer.put(5 as UInt8)
            writer.put(router)
            writer.put(nics) { $0.put($1) }
        case .commit(let router):
            writer.put(6 as UInt8)
            writer.put(router)
        case .change(let router, let removed, let added):
            writer.put(7 as UInt8)
            writer.put(router)
            writer.put(removed) { $0.put($1) }
            writer.put(added) { $0.put($1) }
        case .remove(let router):
            writer.put(8 as UInt8)
            writer.put(router)
        case .handOver: writer.put(9 as UInt8)
        case .report: writer.put(10 as UInt8)
        case .drain: writer.put(11 as UInt8)
        }
        return writer.bytes
    }

    public init?(wire bytes: [UInt8]) {
        do throws(WireFault) {
            var reader = WireReader(bytes)
            self = try Self.read(&reader)
            guard reader.isAtEnd else { return nil }
        } catch {
            return nil
        }
    }

    private static func read(_ reader: inout WireReader) throws(WireFault) -> Self {
        switch try reader.octet() {
        case 1: .hello(version: try reader.long(), outlivesDaemon: try reader.bool())
        case 2: .listener
        case 3: .sockets(router: try reader.text(), try reader.sockets())
        case 4: .table(router: try reader.text(), try reader.services())
        case 5: .add(router: try reader.text(), try reader.list { r throws(WireFault) in try r.nic() })
        case 6: .commit(router: try reader.text())
        case 7:
            .change(
                router: try reader.text(), removed: try reader.list { r throws(WireFault) in try r.parsed() },
                added: try reader.list { r throws(WireFault) in try r.nic() })
        case 8: .remove(router: try reader.text())
        case 9: .handOver
        case 10: .report
        case 11: .drain
        default: throw WireFault()
        }
    }
}

extension WireReader {
    fileprivate mutating func sockets() throws(WireFault) -> [ServingSocket] {
        try list { r throws(WireFault) in
            guard let kind = ServingSocket(rawValue: try r.octet()) else { throw WireFault() }
            return kind
        }
    }
}

extension ServingNotice {
    public var wire: [UInt8] {
        var writer = WireWriter()
        switch self {
        case .ready(let version):
            writer.put(1 as UInt8)
            writer.put(version)
        case .sockets(let router, let kinds):
            writer.put(2 as UInt8)
            writer.put(router)
            writer.put(kinds) { $0.put($1.rawValue) }
        case .handedOver: writer.put(3 as UInt8)
        case .event(.declined(let nic, let address)):
            writer.put(4 as UInt8)
            writer.put(nic)
            writer.put(address)
        case .event(.passwordServed(let guest)):
            writer.put(5 as UInt8)
            writer.put(guest)
        case .event(.passwordSaved(let guest)):
            writer.put(6 as UInt8)
            writer.put(guest)
        case .report(let report):
            writer.put(7 as UInt8)
            writer.put(report.counters.sorted { $0.key < $1.key }) { writer, counter in
                writer.put(counter.key)
                writer.put(counter.value)
            }
            writer.put(report.activities) { writer, activity in
                writer.put(activity.nic)
                writer.put(activity.dhcp) { writer, exchange in
                    writer.put(exchange.kind)
                    writer.put(exchange.second)
                }
                writer.put(activity.queries)
                writer.put(activity.metadata) { $0.put($1) }
            }
        }
        return writer.bytes
    }

    public init?(wire bytes: [UInt8]) {
        do throws(WireFault) {
            var reader = WireReader(bytes)
            self = try Self.read(&reader)
            guard reader.isAtEnd else { return nil }
        } catch {
            return nil
        }
    }

    private static func read(_ reader: inout WireReader) throws(WireFault) -> Self {
        switch try reader.octet() {
        case 1: .ready(version: try reader.long())
        case 2: .sockets(router: try reader.text(), try reader.sockets())
        case 3: .handedOver
        case 4: .event(.declined(nic: try reader.parsed(), try reader.address()))
        case 5: .event(.passwordServed(guest: try reader.parsed()))
        case 6: .event(.passwordSaved(guest: try reader.parsed()))
        case 7: .report(try reader.report())
        default: throw WireFault()
        }
    }
}

extension WireReader {
    fileprivate mutating func report() throws(WireFault) -> ServingReport {
        let counters = try list { r throws(WireFault) in (try r.text(), try r.quad()) }
        let activities = try list { r throws(WireFault) in
            ServingReport.Activity(
                nic: try r.parsed(),
                dhcp: try r.optional { r throws(WireFault) in
                    ServingReport.Exchange(kind: try r.octet(), second: try r.quad())
                }, queries: try r.quad(), metadata: try r.optional { r throws(WireFault) in try r.quad() })
        }
        return ServingReport(counters: Dictionary(counters, uniquingKeysWith: { $1 }), activities: activities)
    }
}
