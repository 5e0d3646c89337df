extension CloudFile {
    /// The cloud of the demo profile: one network with two emulated guests that reach the simulated internet.
    public static let demo: CloudFile = {
        var zone = Zone(name: "demo", dns1: "198.51.100.1")
        var wire = PhysicalNetwork(name: "physical")
        wire.segments = ["100-1099"]
        zone.physicalNetworks = [wire]
        zone.publicRanges = [
            PublicRange(
                subnet: "203.0.113.0/24", gateway: "203.0.113.1", addresses: "203.0.113.10-203.0.113.200")
        ]
        var network = Network(name: "demo", zone: "demo")
        network.cidr = "10.1.1.0/24"
        network.gateway = "10.1.1.1"
        var file = CloudFile()
        file.zones = [zone]
        file.networks = [network]
        file.guests = [
            Guest(name: "web", nics: [NIC(network: "demo", address: "10.1.1.10")]),
            Guest(name: "db", nics: [NIC(network: "demo", address: "10.1.1.20")]),
        ]
        return file
    }()
}
