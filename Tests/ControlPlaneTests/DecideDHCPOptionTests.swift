import CloudModel
import ControlPlane
import NetworkVocabulary
import TestSupport
import Testing

struct DecideDHCPOptionTests {
    var small: SmallZone
    let network: ObjectID
    let other: ObjectID
    let guest: ObjectID

    init() throws {
        small = try SmallZone()
        network = try small.network("first")
        other = try small.network("second", cidr: "10.2.2.0/24")
        guest = try small.guest("web", on: network)
    }

    private func update(_ network: ObjectID, _ options: [ExtraDHCPOption]) -> Request {
        .machine(.updateGuest(.init(id: guest, dhcpOptions: [network: .init(options)])))
    }

    @Test mutating func `options are kept in the order of their numbers, replaced as a whole, and go`() throws {
        let options = [ExtraDHCPOption(code: 67, value: "a"), ExtraDHCPOption(code: 66, value: "10.1.1.20")]
        try small.fixture.take(update(network, options))
        #expect(small.fixture.cloud.nics(ofGuest: guest).first?.dhcpOptions == options.reversed())
        try small.fixture.take(update(network, [options[0]]))
        #expect(small.fixture.cloud.nics(ofGuest: guest).first?.dhcpOptions == [options[0]])
        try small.fixture.take(update(network, []))
        #expect(small.fixture.cloud.nics(ofGuest: guest).first?.dhcpOptions == nil)
        #expect(small.fixture.cloud.violations() == [])
    }

    @Test(
        arguments: [
            (12, "elsewhere", "dhcpoptionsnetworklist[0].dhcp:12"),
            (1, "255.0.0.0", "dhcpoptionsnetworklist[0].dhcp:1"),
            (54, "10.1.1.66", "dhcpoptionsnetworklist[0].dhcp:54"), (3, "10.1.1", "dhcpoptionsnetworklist[0].dhcp:3"),
            (66, "a\nb", "dhcpoptionsnetworklist[0].dhcp:66"),
        ] as [(UInt8, String, String)])
    mutating func `what is nobody's to choose, or no value, is refused by its name`(
        code: UInt8, value: String, parameter: String
    ) throws {
        let refusal = small.fixture.refusal(update(network, [ExtraDHCPOption(code: code, value: value)]))
        #expect(refusal?.parameter == parameter)
        let many = (1...33).map { ExtraDHCPOption(code: UInt8(150 + $0), value: "x") }
        #expect(small.fixture.refusal(update(network, many))?.parameter == "dhcpoptionsnetworklist")
    }

    @Test mutating func `they are for a network that the guest is on`() throws {
        let option = [ExtraDHCPOption(code: 66, value: "x")]
        #expect(
            small.fixture.refusal(update(other, option))?.parameter == "dhcpoptionsnetworklist[0].networkid")
        try small.fixture.take(
            .networking(.addNIC(.init(guest: guest, network: other, dhcpOptions: .init(option)))))
        #expect(small.fixture.cloud.nics(ofGuest: guest).last?.dhcpOptions == option)
    }
}
