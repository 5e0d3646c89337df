import DHCPServer
import NetworkVocabulary
import Packets
import RouterPlan
import Testing

/// What is in an answer.
@Suite struct DHCPOptionTests {
    private typealias C = Conversation

    private func acknowledged(
        _ talk: Conversation, _ mac: MACAddress = C.web, _ address: IPv4Address = C.webAddress,
        asks: [UInt8]? = [1, 3, 6, 12, 15, 26, 119, 121], more: [DHCPMessage.Value] = []
    ) throws -> DHCPMessage {
        try #require(talk.say(C.message(.request, mac, requested: address, asks: asks, more: more)).reply)
    }

    @Test func `a guest is told everything that it needs`() throws {
        let reply = try acknowledged(try Conversation())
        #expect(reply[.messageType] == [5])
        #expect(reply[.serverIdentifier] == [10, 1, 1, 1])
        #expect(reply[.leaseTime] == [255, 255, 255, 255])
        #expect(reply[.subnetMask] == [255, 255, 255, 0])
        #expect(reply[.router] == [10, 1, 1, 1])
        #expect(reply[.domainNameServer] == [10, 1, 1, 1])
        #expect(reply[.hostName] == Array("web".utf8))
        #expect(reply[.domainName] == Array("cs1.example".utf8))
        #expect(reply[.interfaceMTU] == [0x05, 0xaa])
        #expect(reply[.domainSearch] == [3] + Array("cs1".utf8) + [7] + Array("example".utf8) + [0])
        // RFC 3442: the default route must be here too; metadata goes by the router itself.
        #expect(reply[.classlessRoutes] == [0, 10, 1, 1, 1, 32, 169, 254, 169, 254, 10, 1, 1, 1])
    }

    @Test func `a NIC that is not its guest's default one gets no way out: two NICs, one gateway`() throws {
        // apache/cloudstack#3273
        let reply = try acknowledged(try Conversation(), C.db, C.dbAddress)
        for option in [.router, .domainNameServer, .domainName, .classlessRoutes] as [DHCPOption] {
            #expect(reply[option] == nil)
        }
        #expect(reply[.subnetMask] == [255, 255, 255, 0])
    }

    @Test func `the MTU is the network's: VXLAN takes fifty bytes`() throws {
        // apache/cloudstack#10001
        #expect(try acknowledged(try Conversation(mtu: 1450))[.interfaceMTU] == [0x05, 0xaa])
    }

    @Test func `a lease that ends is renewed at half and rebound at seven eighths of it`() throws {
        let reply = try acknowledged(try Conversation(leaseTime: 3600))
        #expect(reply[.leaseTime] == [0, 0, 0x0e, 0x10])
        #expect(reply[.renewalTime] == [0, 0, 0x07, 0x08])
        #expect(reply[.rebindingTime] == [0, 0, 0x0c, 0x4e])
    }

    @Test func `options come in the order that the client asks for them, each once`() throws {
        let reply = try acknowledged(try Conversation(), asks: [26, 15, 1, 26, 3, 250])
        #expect(reply.options?.map(\.option.code) == [53, 54, 51, 26, 15, 1, 3])
    }

    @Test func `an INFORM has no lease and no address`() throws {
        let reply = try #require(
            try Conversation().say(C.message(.inform, own: C.webAddress), from: C.webAddress).reply)
        #expect(reply[.leaseTime] == nil)
        #expect(reply.yourAddress == C.nobody)
        #expect(reply.clientAddress == C.webAddress)
    }

    @Test func `a refusal says who refuses and nothing else`() throws {
        let reply = try #require(
            try Conversation().say(C.message(.request, requested: C.dbAddress, server: C.server)).reply)
        #expect(reply.options?.map(\.option.code) == [53, 54])
        #expect(reply[.messageType] == [6])
    }

    @Test func `the client's identifier and a relay's information come back as they were`() throws {
        let identifier: [UInt8] = [255, 9, 9, 9, 9, 0, 2, 0, 0, 0xab, 0x11]
        let agent: [UInt8] = [1, 4, 0, 0, 0, 1]
        let reply = try acknowledged(
            try Conversation(),
            more: [.init(.clientIdentifier, identifier), .init(.relayInformation, agent)])
        #expect(reply[.clientIdentifier] == identifier)
        // RFC 3046 section 2.2: last.
        #expect(reply.options?.last == .init(.relayInformation, agent))
    }

    @Test func `the name that a client wishes for changes nothing, whatever is in it`() throws {
        // CVE-2021-40085 and forge's cases of long and empty names: names are data, and ours are the plan's.
        for wish in [[], Array("web\n6,8.8.8.8".utf8), [UInt8](repeating: 0x41, count: 255), [0, 0, 0]] {
            let reply = try acknowledged(try Conversation(), more: [.init(.hostName, wish)])
            #expect(reply[.hostName] == Array("web".utf8))
        }
    }

    @Test func `a qualified name is overridden by ours, in the form that it was asked in`() throws {
        // RFC 4702: flags S and O, and E for the form of RFC 1035.
        let encoded = try acknowledged(
            try Conversation(), more: [.init(.fullyQualifiedName, [4, 0, 0, 1, 0x78, 0])])
        #expect(
            encoded[.fullyQualifiedName] == [7, 255, 255, 3] + Array("web".utf8) + [3] + Array("cs1".utf8) + [7]
                + Array("example".utf8) + [0])
        let ascii = try acknowledged(try Conversation(), more: [.init(.fullyQualifiedName, [1, 0, 0, 0x78])])
        #expect(ascii[.fullyQualifiedName] == [1, 255, 255] + Array("web.cs1.example".utf8))
    }

    @Test func `options of the NIC come before those of the offering, and those before ours`() throws {
        let talk = try Conversation(
            options: [DHCPExtra(42, [10, 0, 0, 9]), DHCPExtra(15, Array("offered.example".utf8))],
            nicOptions: [DHCPExtra(42, [10, 0, 0, 8])])
        let web = try acknowledged(talk, asks: [42, 15])
        #expect(web[DHCPOption(42)] == [10, 0, 0, 8])
        #expect(web[.domainName] == Array("offered.example".utf8))
        #expect(try acknowledged(talk, C.db, C.dbAddress, asks: [42])[DHCPOption(42)] == [10, 0, 0, 9])
    }

    @Test func `an option's bytes are what was given, newlines and all, and never another option`() throws {
        let value = Array("a\n121,1.2.3.4\0".utf8)
        let talk = try Conversation(nicOptions: [DHCPExtra(224, value)])
        let reply = try acknowledged(talk, asks: [224])
        #expect(reply[DHCPOption(224)] == value)
        #expect(reply[.classlessRoutes] == nil)
    }

    @Test func `a machine that boots over the network finds its file in the fields and in the options`() throws {
        let talk = try Conversation(
            nicOptions: [DHCPExtra(66, Array("192.0.2.9".utf8)), DHCPExtra(67, Array("pxelinux.0".utf8))])
        let reply = try acknowledged(talk, asks: [66, 67])
        #expect(reply.file == Array("pxelinux.0".utf8))
        #expect(reply.serverName == Array("192.0.2.9".utf8))
        #expect(reply.serverAddress == IPv4Address(192, 0, 2, 9))
        #expect(reply[.bootFileName] == Array("pxelinux.0".utf8))
    }

    @Test func `an answer is no larger than the client takes`() throws {
        let many = (224..<240).map { DHCPExtra($0, [UInt8](repeating: 7, count: 90)) }
        let talk = try Conversation(options: many)
        var reply = DHCPReply()
        for (size, most) in [(nil, 548), (576, 548), (100, 548), (1000, 972), (1500, 1422), (65535, 1422)]
            as [(UInt16?, Int)]
        {
            let wish = size.map { [DHCPMessage.Value(.maximumMessageSize, [UInt8($0 >> 8), UInt8($0 & 255)])] } ?? []
            let bytes = C.message(.discover, asks: Array(224..<240), more: wish).bytes
            _ = DHCPServer.answer(bytes.span.bytes, from: C.nobody, on: talk.network, &reply)
            #expect(reply.bytes.count <= most)
            #expect(reply.bytes.count > most - 95)
        }
    }

    // MARK: What CloudStack's routers got wrong

    @Test func `an address that came from a deleted guest is its new owner's at once`() throws {
        // apache/cloudstack#10436: still leased to the old MAC.
        var talk = try Conversation()
        talk.network.remove(Conversation.nic(1, C.web, C.webAddress, [C.extra], "web", isDefault: true))
        talk.network.put(Conversation.nic(3, C.stranger, C.webAddress, [], "new", isDefault: true))
        #expect(talk.say(C.message(.discover, C.stranger)).text == "OFFER 10.1.1.10 to 10.1.1.10:68")
        #expect(talk.say(C.message(.request, C.web, own: C.webAddress)).text == "silent: unknownClient")
    }

    @Test func `a renewal is acknowledged by a server that has never heard of the client`() throws {
        // apache/cloudstack#3272, #3788: the lease file was empty after a replacement.
        let talk = try Conversation()
        #expect(
            talk.say(C.message(.request, own: C.webAddress), from: C.webAddress).text == "ACK 10.1.1.10 to 10.1.1.10:68"
        )
    }

    @Test func `after a change of its address a NIC has one, and is refused the old one`() throws {
        // apache/cloudstack#5058
        var talk = try Conversation()
        let moved = IPv4Address(10, 1, 1, 77)
        talk.network.put(Conversation.nic(1, C.web, moved, [], "web", isDefault: true))
        #expect(talk.say(C.message(.request, own: C.webAddress)).text == "NAK 0.0.0.0 to 255.255.255.255:68")
        #expect(talk.say(C.message(.discover)).text == "OFFER 10.1.1.77 to 10.1.1.77:68")
    }
}
