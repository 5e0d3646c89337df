import DNSServer
import NetworkVocabulary
import Packets
import RouterPlan
import Testing

/// What a network's name server knows by itself.
@Suite struct DNSResponderTests {
    let zone = Self.zone([("web", 10), ("db", 20)])

    static func zone(_ guests: [(String, UInt8)], domain: String = "cs1.example") -> LocalZone {
        let services = GuestServices(
            kinds: .dns, server: IPv4Address(10, 1, 1, 1), subnet: IPv4Prefix("10.1.1.0/24") ?? .everything,
            gateway: nil, mtu: 1500, domain: domain, nameServers: [], resolvers: [], routerName: "r-4-VM")
        return LocalZone(services, guests.map { nic($0.0, $0.1) })
    }

    static func nic(_ name: String, _ host: UInt8) -> ServedNIC {
        ServedNIC(
            origin: Origin("nic", ObjectID(random: 0, UInt64(host))), guest: ObjectID(random: 1, UInt64(host)),
            mac: MACAddress(2, 0, 0, 0, 0, host), address: IPv4Address(10, 1, 1, host), hostName: name, isDefault: true)
    }

    /// The code and what was answered; `forward` when the network does not know, nothing when nothing is said.
    static func ask(
        _ name: String, _ type: DNSType = .a, in zone: LocalZone, class: UInt16 = 1
    ) throws -> String {
        let name = try #require(DNSName(name))
        let query = DNSMessage(id: 5, flags: .recursionDesired, questions: [.init(name, type, class: `class`)])
        return try say(query.bytes, to: zone)
    }

    static func say(_ bytes: [UInt8], to zone: LocalZone, stream: Bool = false) throws -> String {
        var reply = DNSReply()
        switch DNSResponder.answer(bytes.span.bytes, of: zone, stream: stream, &reply) {
        case .silent: return "nothing"
        case .forward: return "forward"
        case .answered: break
        }
        let message = try #require(DNSMessage(parsing: reply.bytes))
        #expect(message.flags.contains(.response))
        let records = message.answers.map { record in
            switch record.type {
            case .a: record.data.map(String.init).joined(separator: ".")
            case .ptr: DNSName(wire: record.data)?.description ?? "?"
            default: "type \(record.type.code)"
            }
        }
        let authority = message.authorities.map { "soa \($0.name)" }
        return ["\(message.flags.code)"].appending(records).appending(authority).joined(separator: " ")
    }

    @Test func `guests are known by themselves and below the domain, whatever the case`() throws {
        for name in ["web", "WEB", "web.cs1.example", "wEb.Cs1.ExamplE"] {
            #expect(try Self.ask(name, in: zone) == "0 10.1.1.10")
        }
        #expect(try Self.ask("10.1.1.10.IN-addr.arpa", .ptr, in: zone) == "0 web.cs1.example.")
        #expect(try Self.ask("11.1.1.10.in-addr.arpa", .ptr, in: zone) == "3 soa 10.in-addr.arpa.")
        #expect(try Self.ask("20.1.1.10.in-addr.arpa", .ptr, in: zone) == "0 db.cs1.example.")
    }

    @Test func `data-server and the router are found in every network`() throws {
        // apache/cloudstack#4865: cloud-init asks for it first.
        for name in ["data-server", "data-server.cs1.example", "r-4-VM", "R-4-vm.cs1.example"] {
            #expect(try Self.ask(name, in: zone) == "0 10.1.1.1")
        }
        #expect(try Self.ask("1.1.1.10.in-addr.arpa", .ptr, in: zone) == "0 r-4-VM.cs1.example.")
    }

    @Test func `a guest that is called like the router, or like data-server, does not become it`() throws {
        var zone = Self.zone([("data-server", 66), ("R-4-VM", 67)])
        #expect(try Self.ask("data-server", in: zone) == "0 10.1.1.1")
        zone.remove(Self.nic("data-server", 66))
        #expect(try Self.ask("data-server", in: zone) == "0 10.1.1.1")
        #expect(try Self.ask("r-4-vm", in: zone) == "0 10.1.1.1")
    }

    @Test func `a name that has only IPv4 exists for IPv6 too, with nothing`() throws {
        // glibc, musl and resolved take NXDOMAIN to mean that the name is not there at all.
        #expect(try Self.ask("web.cs1.example", .aaaa, in: zone) == "0 soa cs1.example.")
        #expect(try Self.ask("web", .mx, in: zone) == "0 soa cs1.example.")
        #expect(try Self.ask("cs1.example", .a, in: zone) == "0 soa cs1.example.")
    }

    @Test func `what is not there is said not to be, and for how long`() throws {
        #expect(try Self.ask("nobody.cs1.example", in: zone) == "3 soa cs1.example.")
        #expect(try Self.ask("x.web.cs1.example", in: zone) == "3 soa cs1.example.")
        #expect(try Self.ask("nobody", in: zone) == "3 soa .")
    }

    @Test func `what concerns nobody outside is never asked outside`() throws {
        for name in [
            "printer.local", "x.test", "a.invalid", "a.onion", "5.0.168.192.in-addr.arpa", "1.0.0.127.in-addr.arpa",
            "9.9.31.172.in-addr.arpa", "1.1.64.100.in-addr.arpa", "1.0.0.0.d.f.ip6.arpa", "x.home.arpa",
        ] {
            #expect(try Self.ask(name, .ptr, in: zone).hasPrefix("3"), "\(name)")
        }
        #expect(try Self.ask("localhost", in: zone) == "0 127.0.0.1")
        for name in ["www.example.org", "1.0.15.172.in-addr.arpa", "4.4.8.8.in-addr.arpa", "."] {
            #expect(try Self.ask(name, in: zone) == "forward", "\(name)")
        }
    }

    @Test func `another network's names are as unknown as names that nobody has`() throws {
        // IS7: A asks for B's names.
        let other = Self.zone([("secret", 40)], domain: "cs2.example")
        #expect(try Self.ask("secret", in: other) == "0 10.1.1.40")
        #expect(try Self.ask("secret", in: zone) == Self.ask("nobody", in: zone))
        #expect(try Self.ask("secret.cs2.example", in: zone) == "forward")
        #expect(try Self.ask("40.1.1.10.in-addr.arpa", .ptr, in: zone) == "3 soa 10.in-addr.arpa.")
    }

    @Test func `transfers, other classes and other operations are refused`() throws {
        #expect(try Self.ask("cs1.example", .axfr, in: zone) == "5")
        #expect(try Self.ask("version.bind", .txt, in: zone, class: 3) == "5")
        var bytes = DNSMessage(id: 1, flags: DNSFlags(rawValue: 0x2800), questions: []).bytes
        #expect(try Self.say(bytes, to: zone) == "4")
        bytes = DNSMessage(id: 1, flags: [], questions: []).bytes
        #expect(try Self.say(bytes, to: zone) == "1")
        let name = try #require(DNSName("web"))
        let two = DNSMessage(id: 1, flags: [], questions: [.init(name, .a), .init(name, .aaaa)])
        #expect(try Self.say(two.bytes, to: zone) == "1")
        #expect(
            try Self.say(DNSMessage(id: 1, flags: .response, questions: [.init(name, .a)]).bytes, to: zone) == "nothing"
        )
        #expect(try Self.say([1, 2, 3], to: zone) == "nothing")
        #expect(try Self.ask("web", .any, in: zone) == "0 type 13")
    }

    @Test func `EDNS is answered in kind, and a version that there is not with BADVERS`() throws {
        for (version, code) in [(0, 0), (1, 1)] as [(UInt32, UInt32)] {
            var query = DNSMessage(id: 1, flags: [], questions: [.init(try #require(DNSName("web")), .a)])
            query.additional = [.init(.root, .opt, class: 4096, ttl: version << 16, data: [])]
            var reply = DNSReply()
            _ = DNSResponder.answer(query.bytes.span.bytes, of: zone, &reply)
            let message = try #require(DNSMessage(parsing: reply.bytes))
            #expect(message.additional.map(\.type) == [.opt])
            #expect(message.additional[0].class == 1232)
            #expect(message.additional[0].ttl >> 24 == code)
        }
    }

    @Test func `no answer is more than twice its question and some, so that nobody is flooded by us`() throws {
        // AP12; the absence of a name has the longest answer: it repeats the domain.
        for name in ["web", "nobody", "nobody.cs1.example", "cs1.example"] {
            for type in [DNSType.a, .any, .txt, .aaaa] {
                let query = DNSMessage(id: 1, flags: [], questions: [.init(try #require(DNSName(name)), type)])
                var reply = DNSReply()
                _ = DNSResponder.answer(query.bytes.span.bytes, of: zone, &reply)
                #expect(reply.bytes.count <= 512)
            }
        }
    }

    @Test func `after thousands of comings and goings every name says what a fresh zone says`() throws {
        var zone = Self.zone([])
        var there: [String: UInt8] = [:]
        var state: UInt64 = 7
        for _ in 0..<6000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let host = UInt8(2 + (state >> 33) % 250)
            let name = "guest-\(host)"
            if there[name] == nil {
                zone.put(Self.nic(name, host))
                there[name] = host
            } else {
                zone.remove(Self.nic(name, host))
                there[name] = nil
            }
        }
        for host in UInt8(2)...251 {
            let isThere = there["guest-\(host)"] != nil
            #expect(try Self.ask("guest-\(host)", in: zone) == (isThere ? "0 10.1.1.\(host)" : "3 soa ."))
            let pointer = try Self.ask("\(host).1.1.10.in-addr.arpa", .ptr, in: zone)
            #expect(pointer == (isThere ? "0 guest-\(host).cs1.example." : "3 soa 10.in-addr.arpa."))
        }
    }

    @Test func `a name that was reused is the new guest's, and stays it when the old one goes`() throws {
        // apache/cloudstack#2366: a reused name had two entries.
        var zone = Self.zone([("web", 10)])
        zone.put(Self.nic("web", 11))
        zone.remove(Self.nic("web", 10))
        #expect(try Self.ask("web", in: zone) == "0 10.1.1.11")
        #expect(try Self.ask("11.1.1.10.in-addr.arpa", .ptr, in: zone) == "0 web.cs1.example.")
    }
}

extension [String] {
    fileprivate func appending(_ other: [String]) -> [String] { self + other }
}
