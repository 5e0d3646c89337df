public import NetworkVocabulary

/// What a proxy says of one member.
public struct ProxyMemberStatistics: Hashable, Sendable {
    public let listenPort: UInt16
    public let member: ObjectID
    /// Since the process began.
    public let connections: UInt64
    public let bytesIn: UInt64
    public let bytesOut: UInt64
    /// Connections and answers that failed, those among them after which another member was tried.
    public let errors: UInt64
    /// From a request to its answer where HTTP is understood, else to make a connection; of the last thousand or so. Nil
    /// where there were none.
    public let responseMilliseconds: Int?
    /// Nil where nobody checks.
    public let isUp: Bool?
}

extension ProxyMemberStatistics {
    private static func responseTime(_ field: (String) -> Substring) -> Int? {
        guard (UInt64(field("stot")) ?? 0) > 0 else { return nil }
        // Where only connections are understood there is a column of responses all the same, with nothing in it.
        return field("mode") == "http" ? Int(field("rtime")) : Int(field("ctime"))
    }

    /// Out of HAProxy's table, a line for each server, with the names of the columns in the first line. Lines about
    /// anything else are passed over.
    public static func read(_ table: String) -> [ProxyMemberStatistics] {
        let lines = table.split(separator: "\n")
        guard let head = lines.first(where: { $0.hasPrefix("# ") }) else { return [] }
        let names = head.dropFirst(2).split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
        return lines.compactMap { line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            func field(_ name: String) -> Substring {
                places[name].flatMap { $0 < fields.count ? fields[$0] : nil } ?? ""
            }
            let (proxy, server) = (field("pxname"), field("svname"))
            guard proxy.hasPrefix("rule-"), let port = UInt16(proxy.dropFirst(5)), server.hasPrefix("m-"),
                let member = ObjectID(String(server.dropFirst(2)))
            else { return nil }
            let status = field("status")
            return ProxyMemberStatistics(
                listenPort: port, member: member, connections: UInt64(field("stot")) ?? 0,
                bytesIn: UInt64(field("bin")) ?? 0, bytesOut: UInt64(field("bout")) ?? 0,
                errors: ["econ", "eresp", "wredis"].map { UInt64(field($0)) ?? 0 }.reduce(0, +),
                responseMilliseconds: Self.responseTime(field),
                isUp: status == "no check" || status.hasPrefix("MAINT") ? nil : status.hasPrefix("UP"))
        }
    }
}
