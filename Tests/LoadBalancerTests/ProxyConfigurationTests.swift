import Foundation
import LoadBalancer
import NetworkVocabulary
import Testing

private func origin(_ kind: String, _ number: UInt64) -> Origin { Origin(kind, ObjectID(random: 0, number)) }

private func member(_ number: UInt8) -> ProxyMember {
    ProxyMember(origin: origin("loadBalancerMember", UInt64(number)), address: IPv4Address(10, 1, 1, number))
}

private func frontend(
    _ port: UInt16 = 2_048, _ algorithm: ProxyFrontend.Algorithm = .leastconn, stickiness: ProxyStickiness? = nil,
    healthCheck: ProxyHealthCheck? = nil, tellsClient: Bool = false,
    certificate: ProxyCertificate? = nil, members: [ProxyMember] = [member(1), member(2)]
) -> ProxyFrontend {
    ProxyFrontend(
        origin: origin("loadBalancerRule", UInt64(port)), listenPort: port, algorithm: algorithm, port: 8_080,
        stickiness: stickiness, healthCheck: healthCheck, tellsClient: tellsClient, certificate: certificate,
        members: members)
}

/// HAProxy's own word on a configuration.
private func check(_ plan: ProxyPlan) throws -> String? {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "haproxy.cfg")
    let text = ProxyConfiguration(
        plan, controlSocket: folder.appending(path: "control").path, stateFile: folder.appending(path: "state").path,
        folder: folder.path,
        connectionLimit: 1_000
    ).description
    for frontend in plan.frontends {
        try frontend.certificate?.pem.revealed.write(
            to: folder.appending(path: frontend.certificateFile), atomically: true, encoding: .utf8)
    }
    try text.write(to: file, atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/sbin/haproxy")
    process.arguments = ["-c", "-V", "-f", file.path]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return process.terminationStatus == 0 && said.contains("Configuration file is valid") ? nil : said + text
}

@Suite struct `A proxy's configuration` {
    static let plans: [ProxyPlan] = {
        let token = Token("SRV-1.x_y")
        let path = Path("/health?x=1&y=~z")
        var all: [ProxyFrontend] = []
        for algorithm in [ProxyFrontend.Algorithm.roundrobin, .leastconn, .source] {
            for isTold in [true, false] {
                var kinds: [ProxyStickiness?] = [nil, .source(tableSize: 1_000, expireSeconds: 60)]
                if let token {
                    kinds += [
                        .ownCookie(token, options: []), .ownCookie(token, options: [.indirect, .noCache, .postOnly]),
                        .applicationCookie(token, length: 52, holdSeconds: 60, learnsFromRequests: isTold),
                    ]
                }
                for kind in kinds {
                    all.append(
                        frontend(
                            UInt16(2_048 + all.count), algorithm, stickiness: kind,
                            healthCheck: ProxyHealthCheck(
                                path: isTold ? path : nil, intervalSeconds: 5, timeoutSeconds: 2, rise: 2, fall: 1),
                            tellsClient: isTold))
                }
            }
        }
        return [ProxyPlan(all), ProxyPlan([frontend(members: [])]), ProxyPlan([])] + all.map { ProxyPlan([$0]) }
    }()

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/sbin/haproxy"), "HAProxy is not installed"))
    func `is valid to HAProxy, whatever is planned`() throws {
        // An empty plan runs no process: HAProxy wants something to do.
        for plan in Self.plans where !plan.frontends.isEmpty { #expect(try check(plan) == nil) }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/sbin/haproxy"), "HAProxy is not installed"))
    func `ends TLS with what OpenSSL has made, at layer 4 and for HTTP`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.currentDirectoryURL = folder
        process.arguments = "req -x509 -newkey rsa:2048 -nodes -keyout k -out c -days 2 -subj /CN=x"
            .split(separator: " ").map(String.init)
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let texts = try ["c", "k"].map { try String(contentsOf: folder.appending(path: $0), encoding: .utf8) }
        let certificate = ProxyCertificate(pem: Secret(texts.joined()))
        let cookie = ProxyStickiness.ownCookie(try #require(Token("SRV")), options: [])
        let plan = ProxyPlan([
            frontend(certificate: certificate), frontend(2_049, stickiness: cookie, certificate: certificate),
        ])
        #expect(try check(plan) == nil)
        let garbage = ProxyPlan([frontend(certificate: ProxyCertificate(pem: Secret("none")))])
        #expect(try check(garbage) != nil)
        #expect(!"\(plan)".contains(texts[1].split(separator: "\n")[1]))
    }

    @Test(arguments: [
        "", "a b", "a\n", "a\"b", "a'b", "a#b", "a%b", "a\\b", "a\u{0}b", "ä", "a;b", "$x", "{",
        String(repeating: "a", count: 65),
    ])
    func `has no word of a user's that could be more than one`(text: String) {
        #expect(Token(text) == nil)
        #expect(Path("/" + text) == nil || text.isEmpty || text.allSatisfy(\.isLetter))
    }
}

@Suite struct `A proxy's change` {
    @Test func `of members is told while it runs`() {
        let before = ProxyPlan([frontend(), frontend(2_049)])
        let after = ProxyPlan([frontend(members: [member(2), member(3)]), frontend(2_049)])
        #expect(
            ProxyDifference(from: before, to: after, drains: false, folder: "/x")
                == .commands([
                    .disableServer("rule-2048", member(1).name), .endSessions("rule-2048", member(1).name),
                    .removeServer("rule-2048", member(1).name),
                    .addServer("rule-2048", member(3).name, rest: "10.1.1.3:8080"),
                    .enableServer("rule-2048", member(3).name),
                ]))
        guard case .commands(let drained) = ProxyDifference(from: before, to: after, drains: true, folder: "/x") else {
            Issue.record("no commands")
            return
        }
        #expect(!drained.contains(.endSessions("rule-2048", member(1).name)))
        #expect(ProxyDifference(from: before, to: before, drains: false, folder: "/x") == .nothing)
    }

    @Test func `of anything else needs a new process, which is told what must not go on`() {
        let before = ProxyPlan([frontend(), frontend(2_049)])
        let ends = [ProxyCommand.endSessions("rule-2049", member(1).name), .endSessions("rule-2049", member(2).name)]
        #expect(
            ProxyDifference(from: before, to: ProxyPlan([frontend()]), drains: false, folder: "/x")
                == .reload(ending: ends))
        #expect(
            ProxyDifference(from: before, to: ProxyPlan([frontend()]), drains: true, folder: "/x")
                == .reload(ending: []))
        let other = ProxyPlan([frontend(2_048, .roundrobin), frontend(2_049)])
        #expect(ProxyDifference(from: before, to: other, drains: false, folder: "/x") == .reload(ending: []))
    }

    @Test func `of a certificate is told, and to nobody who reads what was told`() {
        func plan(_ pem: String?) -> ProxyPlan {
            ProxyPlan([frontend(certificate: pem.map { ProxyCertificate(pem: Secret($0)) })])
        }
        let difference = ProxyDifference(from: plan("old"), to: plan("new"), drains: true, folder: "/x")
        let file = "/x/rule-2048.pem"
        #expect(difference == .commands([.setCertificate(file, Secret("new")), .commitCertificate(file)]))
        #expect(!"\(difference)".contains("new"))
        #expect(ProxyCommand.setCertificate(file, Secret("new")).wire == "set ssl cert /x/rule-2048.pem <<\nnew")
        for (from, to) in [(nil, "new"), ("old", nil)] {
            #expect(
                ProxyDifference(from: plan(from), to: plan(to), drains: true, folder: "/x") == .reload(ending: []))
        }
    }

    @Test func `of members that clients know by cookie needs one too`() throws {
        let cookie = ProxyStickiness.ownCookie(try #require(Token("SRV")), options: [])
        let before = ProxyPlan([frontend(stickiness: cookie)])
        let after = ProxyPlan([frontend(stickiness: cookie, members: [member(1)])])
        #expect(
            ProxyDifference(from: before, to: after, drains: false, folder: "/x")
                == .reload(ending: [.endSessions("rule-2048", member(2).name)]))
    }
}

@Suite struct `A proxy's handover` {
    @Test
    func `tells who is with whom, by the servers' new numbers, and nothing that a client could have meant otherwise`() {
        let sticky = ProxyStickiness.source(tableSize: 10, expireSeconds: 60)
        let plan = ProxyPlan([frontend(stickiness: sticky), frontend(2_049)])
        #expect(ProxyHandover.question(plan) == "show servers state;show table rule-2048")
        #expect(ProxyHandover.question(ProxyPlan([frontend()])) == nil)
        func state(_ first: Int, _ second: Int) -> String {
            """
            1
            # be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight
            2 rule-2048 \(first) \(member(1).name) 10.1.1.1 2 0 1 1 1 1 0 2 0 0 0 0 - 8080 - 0 0 - - 0
            2 rule-2048 \(second) \(member(2).name) 10.1.1.2 2 0 1 1 1 1 0 2 0 0 0 0 - 8080 - 0 0 - - 0

            """
        }
        let handover = ProxyHandover(
            state(1, 2) + """
                # table: rule-2048, type: ip, size:1024, used:4
                0x55df4a72a080: key=198.18.0.1 use=0 exp=1799793 server_id=1 server_key=\(member(1).name)
                0x55df4a72a150: key=198.18.0.2 use=0 exp=1799793 server_id=2 server_key=-
                0x55df4a72a220: key=a;quit use=0 exp=1799793 server_id=1 server_key=\(member(1).name)
                0x55df4a72a290: key=198.18.0.3 use=0 exp=1799793 server_id=9 server_key=-

                """)
        let told = handover.commands(from: plan, to: plan, state: state(2, 1)).flatMap { $0.split(separator: ";") }
        #expect(
            told.sorted() == [
                "set table rule-2048 key 198.18.0.1 data.server_id 2",
                "set table rule-2048 key 198.18.0.2 data.server_id 1",
            ])
        let other = ProxyPlan([frontend(stickiness: .source(tableSize: 20, expireSeconds: 60))])
        #expect(handover.commands(from: plan, to: other, state: state(2, 1)).isEmpty)
    }
}

@Suite struct `A proxy's statistics` {
    @Test func `are read by the names of their columns`() throws {
        let name = member(7).name
        let table = """
            # pxname,svname,stot,bin,bout,econ,eresp,wredis,status,ctime,rtime,mode,
            rule-2048,\(name),12,34,56,1,2,4,UP 1/3,1,7,http,
            rule-2048,\(member(8).name),0,0,0,0,0,0,DOWN,0,0,tcp,
            rule-2048,\(member(9).name),3,0,0,0,0,0,no check,2,0,tcp,
            rule-2048,BACKEND,12,34,56,1,2,4,UP,7,
            other,\(name),1,1,1,1,1,0,UP,1,

            """
        let read = ProxyMemberStatistics.read(table)
        #expect(read.map(\.member) == [member(7), member(8), member(9)].map(\.origin.id))
        #expect(read.map(\.isUp) == [true, false, nil])
        let first = try #require(read.first)
        #expect(first.connections == 12 && first.bytesIn == 34 && first.bytesOut == 56 && first.errors == 7)
        #expect(first.listenPort == 2_048 && read.map(\.responseMilliseconds) == [7, nil, 2])
        #expect(ProxyMemberStatistics.read("no such command\n").isEmpty)
    }
}
