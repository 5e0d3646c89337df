import CLinux
import Foundation
import Testing

// What a tenant's machine is told by its router, by real clients where each round can have them.

extension Tenancy {
    /// It is told what is its own, and nothing of the one before.
    func expectOwn(from server: String, domain: String) throws {
        let plugged = ServiceTown.Plugged(world: world, node: node)
        let lease = try ServiceTown.lease(world, plugged, "eth0")
        for (option, own) in [("ip", turn.address), ("hostname", turn.name), ("domain", domain)] {
            #expect(lease[option] == own, "\(turn.name): \(lease)")
        }
        try configure(router: server)
        #expect(try isGranted(turn.address), "\(turn.name)")
        if let before = turn.before, before.address != turn.address {
            #expect(try !isGranted(before.address), "\(turn.name): \(before.address)")
        }
        try expectNames(from: server, domain)
        try expectPages(from: server)
    }

    // MARK: DHCP

    /// Asks for an address as one that comes back with it (INIT-REBOOT), and hears whether it is its own.
    private func isGranted(_ address: String) throws -> Bool {
        let client = try world.inside(node) {
            let client = try Wire(AF_INET, SOCK_DGRAM)
            client.set(SO_BROADCAST, Int32(1))
            setsockopt(client.descriptor, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5)
            let isBound = Wire.pointing(at: Wire.address("0.0.0.0", 68)) { bind(client.descriptor, $0, $1) == 0 }
            guard isBound else { throw Trouble("port 68: \(String(cString: strerror(errno)))") }
            return client
        }
        let octets = address.split(separator: ".").compactMap { UInt8($0) }
        let mac = Turn.mac.split(separator: ":").compactMap { UInt8($0, radix: 16) }
        let xid = withUnsafeBytes(of: UInt32(turn.round).bigEndian) { Array($0) }
        let request: [UInt8] =
            [1, 1, 6, 0] + xid + [0, 0, 0x80, 0] + [UInt8](repeating: 0, count: 16) + mac
            + [UInt8](repeating: 0, count: 10 + 64 + 128) + [99, 130, 83, 99, 53, 1, 3, 50, 4] + octets + [255]
        guard client.tell(request, to: "255.255.255.255", 67) else { throw Trouble("DHCPREQUEST was not sent") }
        while let reply = try client.receive() {
            // The kind comes first.
            guard reply.count > 242, Array(reply[4..<8]) == xid, reply[240] == 53 else { continue }
            switch reply[242] {
            case 5:
                #expect(Array(reply[16..<20]) == octets)
                return true
            case 6: return false
            default: continue
            }
        }
        throw Trouble("no answer to a DHCPREQUEST")
    }

    // MARK: Names

    private struct Found {
        let status: String
        let data: [String]
    }

    private func names(_ questions: [String], from server: String) throws -> [Found] {
        let ran = try world.run(
            ["dig", "@\(server)", "+tries=1", "+time=5", "+noall", "+comments", "+answer"] + questions, in: node)
        return ran.output.components(separatedBy: "status: ").dropFirst().map { text in
            let answers = text.split(separator: "\n").dropFirst().filter { !$0.hasPrefix(";") }
            return Found(
                status: String(text.prefix { $0 != "," }),
                data: answers.compactMap { $0.split(whereSeparator: \.isWhitespace).last.map(String.init) })
        }
    }

    private func expectNames(from server: String, _ domain: String) throws {
        var questions = [turn.name, "-x", turn.address]
        if let before = turn.before {
            questions += [before.name, "\(before.name).\(domain)"]
            if before.address != turn.address { questions += ["-x", before.address] }
        }
        let found = try names(questions, from: server)
        try #require(found.count == questions.count { $0 != "-x" }, "\(turn.name): \(found)")
        #expect(found[0].data == [turn.address], "\(turn.name): \(found)")
        #expect(found[1].data == ["\(turn.name).\(domain)."], "\(turn.name): \(found)")
        for (question, found) in zip(questions.filter { $0 != "-x" }, found).dropFirst(2) {
            #expect(found.data == [] && found.status == "NXDOMAIN", "\(turn.name): \(question): \(found)")
        }
    }

    // MARK: Pages

    private func expectPages(from server: String) throws {
        let root = "http://\(server)/latest"
        let ran = try world.run(
            [
                "curl", "-sS", "--max-time", "10", "-H", "DomU_Request: send_my_password", "-w", "|%{http_code}|",
                "\(root)/meta-data/local-hostname", "\(root)/meta-data/vm-id", "\(root)/meta-data/public-keys",
                "\(root)/user-data", "http://\(server):8080/",
            ], in: node)
        let read = ran.output.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        try #require(read.count == 11, "\(turn.name): \(ran)")
        #expect(read[0] == turn.name && read[2] == machine, "\(read)")
        #expect(read[4] == (turn.hasSecrets ? "\(turn.key)\n" : ""), "\(turn.name): \(read[4])")
        #expect(read[7] == (turn.hasSecrets ? "200" : "404"))
        #expect(!turn.hasSecrets || read[6] == turn.userData, "\(turn.name): \(read[6].prefix(100))")
        // Told to its owner as often as it asks, since nobody has said to have it: it waits when its owner goes.
        #expect(read[8] == (turn.hasSecrets ? turn.password : "saved_password"), "\(turn.name): \(read[8])")
        if let before = turn.before {
            for word in [before.name, before.key, before.password] {
                #expect(!ran.output.contains(word), "\(turn.name) has read \(word)")
            }
        }
    }
}
