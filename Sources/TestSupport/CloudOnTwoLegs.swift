import CloudModel
import ControlPlane

extension PlannedCloud {
    /// A network on two legs with two guests, to put rules into: the network's own public address is 203.0.113.10, and it
    /// has 203.0.113.11 and, on the other leg, 192.0.2.10 as well.
    public static func onTwoLegs(
        offering: String = "DefaultIsolatedNetworkOfferingWithSourceNatService", guestPort: String = "none"
    ) throws -> PlannedCloud {
        let file = """
            {"zones": [{"name": "west", "dns1": "198.51.100.53",
              "physicalNetworks": [{"name": "wire", "segments": ["100-199"]}],
              "publicRanges": [
                {"subnet": "203.0.113.0/24", "gateway": "203.0.113.1", "addresses": "203.0.113.10-203.0.113.19"},
                {"segment": "50", "subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "addresses": "192.0.2.10-192.0.2.19"}
              ]}],
             "networks": [{"name": "web", "zone": "west", "cidr": "10.1.1.0/24", "offering": "\(offering)"}],
             "guests": [
              {"name": "one", "port": "\(guestPort)", "nics": [{"network": "web", "address": "10.1.1.10"}]},
              {"name": "two", "port": "\(guestPort)", "nics": [{"network": "web", "address": "10.1.1.20"}]}]}
            """
        var planned = try PlannedCloud(try CloudFile(json: file))
        for address in ["203.0.113.11", "192.0.2.10"] {
            for network in planned.cloud.networks.values.map(\.id) {
                _ = try planned.take(.acquirePublicAddress(.init(network: network, address: address)))
            }
        }
        return planned
    }
}
