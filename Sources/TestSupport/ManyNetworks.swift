public import ControlPlane

extension CloudFile {
    /// A zone with that many networks, each with a router and one emulated guest.
    public static func many(_ count: Int) -> CloudFile {
        var zone = Zone(name: "many", dns1: "198.51.100.1")
        var wire = PhysicalNetwork(name: "wire")
        wire.isolation = "VXLAN"
        wire.segments = ["5000-\(4_999 + max(1, count))"]
        zone.physicalNetworks = [wire]
        zone.publicRanges = [
            PublicRange(subnet: "100.64.0.0/16", gateway: "100.64.0.1", addresses: "100.64.1.0-100.64.255.254")
        ]
        var file = CloudFile()
        file.zones = [zone]
        for index in 0..<count {
            var network = Network(name: "n\(index)", zone: "many")
            network.cidr = "10.\(index / 256 % 256).\(index % 256).0/24"
            file.networks.append(network)
            file.guests.append(Guest(name: "g\(index)", nics: [NIC(network: network.name)]))
        }
        return file
    }
}
