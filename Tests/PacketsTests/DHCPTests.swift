import NetworkVocabulary
import Packets
import Testing

/// DHCP messages, beside scapy's idea of them.
@Suite struct DHCPTests {
    @Test func `thousands of messages are read as scapy reads them`() throws {
        let lines = try Dissector.python(Self.script, "1500").split(separator: "\n")
        #expect(lines.count == 1500)
        var seen = (split: 0, plain: 0, bootp: 0)
        for line in lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            let bytes = try Dissector.bytes(parts[0])
            let message = try #require(DHCPMessage(parsing: bytes))
            #expect(Self.words(of: message) == String(parts[1]), "\(parts[0])")
            #expect(DHCPMessage(parsing: message.bytes) == message)
            if message.options == nil {
                seen.bootp += 1
            } else if message.options?.contains(where: { $0.bytes.count > 255 }) == true {
                seen.split += 1
            } else {
                seen.plain += 1
            }
        }
        #expect(seen.split > 50 && seen.plain > 50 && seen.bootp > 50)
    }

    @Test func `no truncation and no turned bit is read as something that cannot be written`() throws {
        var message = DHCPMessage(1, transaction: 0xdead_beef, mac: MACAddress(2, 0, 0, 0, 0, 9))
        message.serverName = Array("server".utf8)
        message.options = [
            .init(.messageType, [1]), .init(.parameterRequestList, [1, 3, 6, 121]),
            .init(.clientIdentifier, [UInt8](repeating: 7, count: 300)),
        ]
        CodecVerifier.verify(message.bytes, read: { DHCPMessage(parsing: $0) }, write: \.bytes)
        CodecVerifier.verify(Self.overloaded, read: { DHCPMessage(parsing: $0) }, write: \.bytes)
    }

    @Test func `options that travel in file and sname are options, joined in that order`() throws {
        let message = try #require(DHCPMessage(parsing: Self.overloaded))
        #expect(message.type == .discover)
        // RFC 3396: first the options field, then file, then sname.
        #expect(message[.hostName] == Array("abc".utf8))
        #expect(message.file == [] && message.serverName == [])
    }

    @Test func `an option that runs over its field's end is refused`() {
        var bytes = Self.overloaded
        bytes[44 + 1] = 200
        #expect(DHCPMessage(parsing: bytes) == nil)
        bytes = Self.overloaded
        bytes[244] = 255
        bytes[242] = 250
        #expect(DHCPMessage(parsing: bytes) == nil)
    }

    @Test func `an answer puts what does not fit into file and sname, and says so`() throws {
        let type = DHCPMessage.Value(.messageType, [1])
        let bytes = DHCPMessage(1, transaction: 5, mac: MACAddress(2, 0, 0, 0, 0, 1), options: [type]).bytes
        let request = bytes.span.bytes
        guard let fields = DHCPFields(parsing: request) else {
            Issue.record("our own request is none")
            return
        }
        var reply = DHCPReply()
        reply.begin(fields, of: request, yours: IPv4Address(10, 0, 0, 5), limit: 0)
        reply.put(.messageType, 2 as UInt8)
        reply.put(DHCPOption(200), [UInt8](repeating: 1, count: 250))
        reply.put(DHCPOption(201), [UInt8](repeating: 2, count: 100))
        reply.put(DHCPOption(202), [UInt8](repeating: 3, count: 60))
        reply.put(DHCPOption(203), [UInt8](repeating: 4, count: 120))
        reply.finish(fields, of: request)
        #expect(reply.bytes.count <= DHCPReply.leastLimit)
        #expect(reply.leftOut == 1)
        let read = try Dissector.python(Self.reader, Dissector.hex(reply.bytes))
        #expect(read == "overload 3\n200 250\n201 100\n202 60\n")
    }

    private static var overloaded: [UInt8] {
        var message = DHCPMessage(1, transaction: 1, mac: MACAddress(2, 0, 0, 0, 0, 1))
        message.serverName = [12, 1, UInt8(ascii: "c"), 255]
        message.file = [12, 1, UInt8(ascii: "b"), 255]
        message.options = [.init(.messageType, [1]), .init(.overload, [3]), .init(.hostName, [UInt8(ascii: "a")])]
        return message.bytes
    }

    private static func words(of message: DHCPMessage) -> String {
        var words = [
            "op=\(message.operation)", "xid=\(message.transaction)", "secs=\(message.seconds)",
            "flags=\(message.flags)", "\(message.clientAddress)", "\(message.yourAddress)",
            "\(message.serverAddress)", "\(message.relayAddress)", "chaddr=\(Dissector.hex(message.hardwareAddress))",
            "sname=\(Dissector.hex(message.serverName))", "file=\(Dissector.hex(message.file))",
        ]
        for value in message.options ?? [] { words.append("\(value.option.code)=\(Dissector.hex(value.bytes))") }
        return words.joined(separator: " ")
    }

    /// Half of the messages have options of scapy's making, half raw ones, split by RFC 3396 where they are long.
    private static let script = #"""
        import random, sys, struct, socket
        from scapy.all import *
        random.seed(11)
        R = random
        def raw(n): return bytes(R.getrandbits(8) for _ in range(n))
        def name(n): return bytes(R.randrange(1, 256) for _ in range(R.randrange(n)))
        def ip(): return '.'.join(str(R.randrange(256)) for _ in range(4))
        def rawOptions():
            options, values = b'', []
            for code in R.sample([c for c in range(1, 255) if c != 52], R.randrange(1, 12)):
                value = raw(R.choice([0, 1, 4, 8, 40, 254, 255, 256, 700]))
                values.append((code, value))
                while True:
                    options += bytes([code, len(value[:255])]) + value[:255]; value = value[255:]
                    if not value: break
            return b'c\x82Sc' + options + b'\xff', values
        def scapyOptions():
            a, b, t, n, h = ip(), ip(), R.randrange(2**32), R.randrange(1, 9), name(40)
            l = [R.randrange(1, 255) for _ in range(R.randrange(1, 20))]
            built = DHCP(options=[('message-type', n), ('requested_addr', a), ('server_id', b), ('lease_time', t),
                                  ('param_req_list', l), ('hostname', h), 'end'])
            values = [(53, bytes([n])), (50, socket.inet_aton(a)), (54, socket.inet_aton(b)),
                      (51, struct.pack('!I', t)), (55, bytes(l)), (12, h)]
            return b'c\x82Sc' + bytes(built), values
        for i in range(int(sys.argv[1])):
            bootp = R.random() < 0.1
            tail, values = (b'', []) if bootp else R.choice([rawOptions, scapyOptions])()
            mac, fields = raw(6), dict(op=R.randrange(256), xid=R.getrandbits(32), secs=R.getrandbits(16),
                flags=R.getrandbits(16), ciaddr=ip(), yiaddr=ip(), siaddr=ip(), giaddr=ip(), sname=name(64), file=name(128))
            head = bytes(BOOTP(chaddr=mac, options=b'', **fields))
            b = BOOTP(head)
            words = ['op=%d' % b.op, 'xid=%d' % b.xid, 'secs=%d' % b.secs, 'flags=%d' % int(b.flags), b.ciaddr, b.yiaddr,
                     b.siaddr, b.giaddr, 'chaddr=' + mac.hex(),
                     'sname=' + b.sname.rstrip(b'\0').hex(), 'file=' + b.file.rstrip(b'\0').hex()]
            print((head + tail).hex(), ' '.join(words + ['%d=%s' % (c, v.hex()) for c, v in values]))
        """#

    private static let reader = #"""
        import sys
        data = bytes.fromhex(sys.argv[1])
        def walk(field):
            at, found = 0, []
            while at < len(field) and field[at] != 255:
                if field[at] == 0: at += 1; continue
                found.append((field[at], field[at + 2:at + 2 + field[at + 1]])); at += 2 + field[at + 1]
            return found
        options = walk(data[240:])
        overload = dict(options)[52][0]
        print('overload', overload)
        options += walk(data[108:236]) + walk(data[44:108])
        for code, value in options:
            if code >= 200: print(code, len(value))
        """#
}
