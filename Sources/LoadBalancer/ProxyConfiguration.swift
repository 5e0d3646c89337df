import NetworkVocabulary

/// A configuration of HAProxy. Every word in it is made of a value here; two equal plans give the same bytes.
public struct ProxyConfiguration: Sendable, CustomStringConvertible {
    /// Where the proxy is spoken to; a path of ours.
    public let controlSocket: String
    /// What members were found to be by the process before.
    public let stateFile: String
    /// Where certificates lie.
    public let folder: String
    public let plan: ProxyPlan
    /// More connections than these wait to be taken; descriptors are reserved for twice as many.
    public let connectionLimit: Int

    public init(
        _ plan: ProxyPlan, controlSocket: String, stateFile: String, folder: String, connectionLimit: Int = 8_000
    ) {
        self.plan = plan
        self.controlSocket = controlSocket
        self.stateFile = stateFile
        self.folder = folder
        self.connectionLimit = connectionLimit
    }

    public var description: String {
        var lines = [
            "global", "    stats socket \(controlSocket) mode 600 level admin expose-fd listeners",
            "    stats timeout 5m", "    nbthread 1", "    maxconn \(connectionLimit)",
            "    server-state-file \(stateFile)", "", "defaults", "    timeout connect 5s", "    timeout client 1h",
            "    timeout server 1h", "    timeout http-request 30s", "    timeout queue 30s",
            "    load-server-state-from-file global", "    option contstats", "    option redispatch", "    retries 3",
        ]
        for frontend in plan.frontends { lines += [""] + frontend.lines(certificatesIn: folder) }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension ProxyFrontend {
    func lines(certificatesIn folder: String) -> [String] {
        var lines = [
            "listen \(name)", "    # \(origin)", "    mode \(isHTTP ? "http" : "tcp")",
            "    bind \(ProxyPlan.listenAddress):\(listenPort)\(bindOptions(folder))",
            "    balance \(algorithm.rawValue)",
        ]
        if algorithm == .source { lines.append("    hash-type consistent") }
        if isHTTP {
            lines.append("    option forwardfor")
            if certificate != nil { lines.append("    http-request set-header X-Forwarded-Proto https") }
        }
        lines += stickiness?.lines ?? []
        if let path = healthCheck?.path {
            lines += ["    option httpchk", "    http-check send meth GET uri \(path)"]
        }
        if let healthCheck { lines.append("    timeout check \(healthCheck.timeoutSeconds)s") }
        return lines + members.map { "    server \($0.name) \($0.address):\(port)\(serverOptions($0, isLate: false))" }
    }

    /// TLS is spoken as Debian's OpenSSL speaks it, from version 1.2 on. Tickets would outlive the certificate.
    private func bindOptions(_ folder: String) -> String {
        guard certificate != nil else { return "" }
        return " ssl crt \(folder)/\(certificateFile) ssl-min-ver TLSv1.2 no-tls-tickets"
            + (isHTTP ? " alpn h2,http/1.1" : "")
    }

    /// What stands behind a server's address. One that is added at run time takes its full share at once: HAProxy has no
    /// slow start for it, nor cookies.
    func serverOptions(_ member: ProxyMember, isLate: Bool) -> String {
        var options = ""
        if let check = healthCheck {
            options += " check inter \(check.intervalSeconds)s rise \(check.rise) fall \(check.fall)"
            if !isLate { options += " slowstart \(max(1, check.intervalSeconds))s" }
        }
        if tellsClient { options += " send-proxy" }
        if !isLate, case .ownCookie? = stickiness { options += " cookie \(member.name)" }
        return options
    }
}

extension ProxyStickiness {
    fileprivate var lines: [String] {
        switch self {
        case .ownCookie(let name, let options):
            ["    cookie \(name) insert" + options.sorted().map { " \($0.rawValue)" }.joined()]
        case .applicationCookie(let name, let length, let seconds, let learns):
            [
                "    stick-table type string len \(length) size 100k expire \(seconds)s",
                "    stick store-response res.cook(\(name))", "    stick match req.cook(\(name))",
            ] + (learns ? ["    stick store-request req.cook(\(name))"] : [])
        case .source(let size, let seconds):
            ["    stick-table type ip size \(size) expire \(seconds)s", "    stick on src"]
        }
    }
}
