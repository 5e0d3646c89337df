import NetworkVocabulary
import Packets
import Testing

/// DNS messages, beside dnspython's idea of them.
@Suite struct DNSTests {
    @Test func `thousands of messages are read as dnspython reads them, and written so that it reads the same`() throws
    {
        let lines = try Dissector.python(Self.script, "1500").split(separator: "\n")
        #expect(lines.count == 1500)
        var written: [String] = []
        for line in lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            let message = try #require(DNSMessage(parsing: try Dissector.bytes(parts[0])))
            #expect(Self.words(of: message) == String(parts[1]), "\(parts[0])")
            #expect(DNSMessage(parsing: message.bytes) == message)
            written.append(Dissector.hex(message.bytes))
        }
        // What we write without compression is for dnspython the same message as its own.
        let verdicts = try Dissector.python(
            Self.comparison, lines.prefix(60).map { String($0.split(separator: " ")[0]) }.joined(separator: ","),
            written.prefix(60).joined(separator: ","))
        #expect(verdicts == "60 equal\n")
    }

    @Test func `no truncation and no turned bit is read as something that cannot be written`() throws {
        for line in try Dissector.python(Self.script, "25").split(separator: "\n") {
            let bytes = try Dissector.bytes(line.split(separator: " ")[0])
            CodecVerifier.verify(bytes, read: { DNSMessage(parsing: $0) }, write: \.bytes)
        }
    }

    @Test func `what a query says is what the message says, and no change of a bit makes them differ`() throws {
        let name = try #require(DNSName("www.Example.org"))
        var message = DNSMessage(id: 7, flags: .recursionDesired, questions: [.init(name, .aaaa)])
        message.additional = [.init(.root, .opt, class: 1232, ttl: 0x8000, data: [0, 10, 0, 2, 1, 2])]
        Self.compare(message.bytes)
        for bit in 0..<message.bytes.count * 8 {
            var changed = message.bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            Self.compare(changed)
        }
        for length in 0..<message.bytes.count { Self.compare(Array(message.bytes[..<length])) }
    }

    private static func compare(_ bytes: [UInt8]) {
        guard case .query(let query) = DNSQuery.read(bytes.span.bytes) else { return }
        guard let message = DNSMessage(parsing: bytes) else {
            // The pseudo-record has become one whose value must be a name, which the server does not care about.
            #expect(bytes.count > 35 && bytes[34...35] != [0, 41], "\(Dissector.hex(bytes))")
            return
        }
        #expect(message.questions.count == 1)
        #expect(DNSName(wire: Array(bytes[query.name])) == message.questions.first?.name)
        #expect(query.type == message.questions.first?.type)
        #expect(query.id == message.id)
        let pseudoRecord = message.additional.first { $0.type == .opt }
        #expect(query.edns?.size == pseudoRecord?.class)
    }

    @Test func `pointers that lead forward, to themselves or into the header are refused`() {
        for pointer in [[0xc0, 12], [0xc0, 200], [0xc0, 0], [0xc0, 18]] as [[UInt8]] {
            let bytes: [UInt8] = [0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0] + pointer + [0, 1, 0, 1]
            #expect(DNSMessage(parsing: bytes) == nil)
        }
    }

    /// It would read what comes behind it: here the record of EDNS, which an answer that is given on does not have.
    @Test func `a name that does not end before what points to it is none`() throws {
        let question = "03775777076578616d706c65036f726700 0001 0001"
        let record = "c00c ffff ffff 0000003c 0004 016210c0"
        let beyond = "c02d 0001 1001 0000003c 0004 c0000207"
        let message = "953a 8180 0001 0002 0000 0001" + question + record + beyond + "00 0029 04d0 00000000 0000"
        let bytes = try Dissector.bytes(message)
        #expect(DNSMessage(parsing: bytes) == nil)
        #expect(DNSAnswer(parsing: bytes, to: Array(bytes[12..<33])) == nil)
    }

    @Test func `a name of 255 bytes is one, of 256 is none`() {
        let label = [UInt8](repeating: UInt8(ascii: "a"), count: 63)
        let short = [UInt8](repeating: UInt8(ascii: "b"), count: 61)
        #expect(DNSName(labels: [label, label, label, short])?.wire.count == 255)
        #expect(DNSName(labels: [label, label, label, short + [0x62]]) == nil)
    }

    @Test func `another server's answer is given on with ages, case and id of the one who asks`() throws {
        let answer = try Dissector.bytes(Dissector.python(Self.upstream))
        let asked = DNSMessage(
            id: 99, flags: .recursionDesired, questions: [.init(try #require(DNSName("wWw.eXample.org")), .a)])
        let question = Array(answer[12..<33])
        let kept = try #require(DNSAnswer(parsing: answer, to: question))
        #expect(kept.lifetime == 60)
        let bytes = asked.bytes
        guard case .query(let query) = DNSQuery.read(bytes.span.bytes) else { throw Unreadable() }
        var out: [UInt8] = []
        kept.write(query, of: bytes.span.bytes, age: 50, limit: 512, size: 1232, to: &out)
        // Names that end like the question's are written by pointing to it, and so in its case.
        let text = try Dissector.python(Self.printer, Dissector.hex(out))
        #expect(
            text == """
                99 QR RD RA
                wWw.eXample.org. 250 CNAME host.eXample.org.
                host.eXample.org. 10 A 192.0.2.7
                ns.eXample.org. 3550 A 192.0.2.53

                """)
        kept.write(query, of: bytes.span.bytes, age: 0, limit: 60, size: 1232, to: &out)
        #expect(try Dissector.python(Self.printer, Dissector.hex(out)) == "99 QR TC RD RA\n")
    }

    @Test func `an answer to another question, or to the same in another case, is none`() throws {
        let answer = try Dissector.bytes(Dissector.python(Self.upstream))
        let question = Array(answer[12..<33])
        for (offset, change) in [(1, 0x20), (18, 1), (20, 2)] as [(Int, UInt8)] {
            var other = question
            other[offset] ^= change
            #expect(DNSAnswer(parsing: answer, to: other) == nil)
        }
        for length in 0..<answer.count { #expect(DNSAnswer(parsing: Array(answer[..<length]), to: question) == nil) }
    }

    @Test func `an answer with a broken name in a record's value is none, and is given to nobody`() throws {
        // Of absence: the zone's SOA, whose names are a and b.
        let answer = try Dissector.bytes(
            "17a98183000100000001000003775777076578616d706c65036f72670000010001"
                + "c010000600010000003c001a0161000162000000000100000002000000030000000400000005")
        let question = Array(answer[12..<33])
        #expect(DNSAnswer(parsing: answer, to: question)?.lifetime == 5)
        // A label that runs over the end, twice, and a name that leaves a byte of the value over.
        for (offset, byte) in [(48, 0x61), (45, 0), (48, 0)] as [(Int, UInt8)] {
            var broken = answer
            broken[offset] = byte
            #expect(DNSAnswer(parsing: broken, to: question) == nil, "\(offset)")
        }
    }

    private struct Unreadable: Error {}

    private static func words(of message: DNSMessage) -> String {
        var words = ["id=\(message.id)", "flags=\(message.flags.rawValue)"]
        for question in message.questions { words.append("\(question.name)/\(question.type.code)/\(question.class)") }
        for section in [message.answers, message.authorities, message.additional] {
            words.append("|")
            for record in section {
                words.append("\(record.name)/\(record.type.code)/\(record.ttl)/\(Dissector.hex(record.data))")
            }
        }
        return words.joined(separator: " ")
    }

    /// Messages with compression, as dnspython writes them, and their contents as it reads them back.
    private static let script = #"""
        import random, sys, dns.message, dns.name, dns.rrset, dns.rdata, dns.flags, dns.rdatatype
        random.seed(3)
        R = random
        labels = ['a', 'www', 'mail', 'example', 'org', 'x' * 40, 'Data-Server', '_tcp', 'b-c']
        def name(): return '.'.join(R.choice(labels) for _ in range(R.randrange(1, 5))) + '.'
        def rdata(t):
            return {'A': '192.0.2.%d' % R.randrange(255), 'AAAA': '2001:db8::%x' % R.randrange(65535), 'CNAME': name(),
                    'NS': name(), 'PTR': name(), 'MX': '10 ' + name(), 'TXT': '"' + 'z' * R.randrange(250) + '"',
                    'SOA': '%s %s 1 2 3 4 5' % (name(), name()), 'SRV': '1 2 3 ' + name()}[t]
        types = ['A', 'AAAA', 'CNAME', 'NS', 'PTR', 'MX', 'TXT', 'SOA', 'SRV']
        def text(n): return n.to_text()
        for i in range(int(sys.argv[1])):
            m = dns.message.make_query(name(), R.choice(types))
            m.flags = dns.flags.QR | R.choice([0, dns.flags.AA, dns.flags.RD | dns.flags.RA])
            for section in (m.answer, m.authority, m.additional):
                for _ in range(R.randrange(3)):
                    t = R.choice(types)
                    section.append(dns.rrset.from_text(name(), R.randrange(86400), 'IN', t, rdata(t)))
            wire = m.to_wire()
            m = dns.message.from_wire(wire, one_rr_per_rrset=True)
            words = ['id=%d' % m.id, 'flags=%d' % m.flags]
            words += ['%s/%d/%d' % (text(q.name), q.rdtype, q.rdclass) for q in m.question]
            for section in (m.answer, m.authority, m.additional):
                words.append('|')
                for r in section:
                    words.append('%s/%d/%d/%s' % (text(r.name), r.rdtype, r.ttl, r[0].to_wire().hex()))
            print(wire.hex(), ' '.join(words))
        """#

    private static let comparison = #"""
        import sys, dns.message
        pairs = list(zip(*(argument.split(',') for argument in sys.argv[1:3])))
        same = sum(dns.message.from_wire(bytes.fromhex(a)) == dns.message.from_wire(bytes.fromhex(b)) for a, b in pairs)
        print(same, 'equal')
        """#

    private static let upstream = #"""
        import dns.message, dns.rrset, dns.flags
        m = dns.message.make_query('www.example.org', 'A', use_edns=True)
        m.flags = dns.flags.QR | dns.flags.RD | dns.flags.RA | dns.flags.AA
        m.answer.append(dns.rrset.from_text('www.example.org.', 300, 'IN', 'CNAME', 'host.example.org.'))
        m.answer.append(dns.rrset.from_text('host.example.org.', 60, 'IN', 'A', '192.0.2.7'))
        m.additional.append(dns.rrset.from_text('ns.example.org.', 3600, 'IN', 'A', '192.0.2.53'))
        print(m.to_wire().hex())
        """#

    private static let printer = #"""
        import sys, dns.message, dns.flags, dns.rdatatype
        m = dns.message.from_wire(bytes.fromhex(sys.argv[1]))
        print(m.id, dns.flags.to_text(m.flags))
        for r in m.answer + m.additional:
            for d in r: print(r.name, r.ttl, dns.rdatatype.to_text(r.rdtype), d)
        """#
}
