/// Which client is with which server: what a proxy knows, and what goes with it. HAProxy has a way of its own to tell it to a
/// successor, by a port; Debian's ends before it has done so.
public struct ProxyHandover: Hashable, Sendable {
    /// Servers by what clients are known by, by section.
    private let places: [String: [String: String]]

    /// So many clients of a rule are told of. Each is some 80 bytes and a microsecond or two.
    private static let most = 10_000
    /// Commands that HAProxy takes at once: its buffer has 16 KiB.
    private static let batch = 100

    /// What to ask of whoever goes, before it is told to: then it forgets. Nil where there is nothing to ask.
    public static func question(_ plan: ProxyPlan) -> String? {
        let tables = plan.frontends.filter(\.hasTable).map { "show table \($0.name)" }
        return tables.isEmpty ? nil : ([ProxyCommand.showState.wire] + tables).joined(separator: ";")
    }

    public init(_ answer: String) {
        let servers = Self.servers(answer)
        var places: [String: [String: String]] = [:]
        var table = ""
        for line in answer.split(separator: "\n") {
            if line.hasPrefix("# table: ") {
                table = String(line.dropFirst(9).prefix { $0 != "," })
            } else if line.hasPrefix("0x") {
                guard let (key, number, name) = Self.entry(line),
                    let server = name ?? servers[table]?.first(where: { $0.value == number })?.key
                else { continue }
                places[table, default: [:]][key] = server
            }
        }
        self.places = places
    }

    /// What to tell whoever comes, who answers `show servers state` with this.
    public func commands(from old: ProxyPlan, to new: ProxyPlan, state: String) -> [String] {
        let servers = Self.servers(state)
        let before = Dictionary(old.frontends.map { ($0.name, $0) }) { first, _ in first }
        var commands: [String] = []
        for frontend in new.frontends where frontend.hasTable {
            // Clients of another rule, or known by something else, are none of this one's.
            guard let there = before[frontend.name], there.origin == frontend.origin,
                there.stickiness == frontend.stickiness
            else { continue }
            for (key, server) in (places[frontend.name] ?? [:]).prefix(Self.most) {
                guard let number = servers[frontend.name]?[server] else { continue }
                commands.append("set table \(frontend.name) key \(key) data.server_id \(number)")
            }
        }
        return stride(from: 0, to: commands.count, by: Self.batch).map { start in
            commands[start..<min(start + Self.batch, commands.count)].joined(separator: ";")
        }
    }

    /// `0x55df4a72a080: key=127.0.1.1 use=0 exp=1799793 server_id=2 server_key=m-…`. Keys are clients' own words: one that
    /// could be read as more than a word is left out.
    private static func entry(_ line: Substring) -> (key: String, number: Int, name: String?)? {
        var fields: [Substring: Substring] = [:]
        for word in line.split(separator: " ") {
            guard let sign = word.firstIndex(of: "=") else { continue }
            fields[word[..<sign]] = word[word.index(after: sign)...]
        }
        guard let key = fields["key"], !key.isEmpty, key.utf8.allSatisfy(isPlain),
            let number = fields["server_id"].flatMap({ Int($0) }), number > 0
        else { return nil }
        let name = fields["server_key"].map(String.init)
        return (String(key), number, name?.hasPrefix("m-") == true ? name : nil)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "._-:+/=~".utf8.contains(byte)
        }
    }

    /// Numbers of servers by name, by section, out of `show servers state`.
    private static func servers(_ state: String) -> [String: [String: Int]] {
        var servers: [String: [String: Int]] = [:]
        for line in state.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 10, words[1].hasPrefix("rule-"), words[3].hasPrefix("m-"), let number = Int(words[2])
            else { continue }
            servers[String(words[1]), default: [:]][String(words[3])] = number
        }
        return servers
    }
}

extension ProxyFrontend {
    /// Whether it remembers who is with whom. A cookie of the proxy's own says it itself.
    fileprivate var hasTable: Bool {
        switch stickiness {
        case .applicationCookie, .source: true
        case .ownCookie, nil: false
        }
    }
}
