import CloudModel
import NetworkVocabulary

private let mostPeers = 256

extension Draft {
    mutating func addTrafficType(
        _ id: ObjectID, _ text: String, _ labels: [TrafficType.Label: String], _ peers: [String]?
    ) throws(RequestError) -> [Reference] {
        guard var network = cloud.physicalNetworks[id] else { throw unknown("physicalnetworkid", id) }
        guard let kind = TrafficType.Kind.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() })
        else {
            let words = TrafficType.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw invalid("traffictype", text, "it is one of \(words)")
        }
        guard !network.carries(kind) else {
            throw .refused("traffictype", "Physical network \(network.name) carries \(kind.rawValue) traffic already")
        }
        if kind == .public, cloud.zones[network.zone]?.networkType == .basic {
            throw .refused("traffictype", "Physical networks of a Basic zone carry no Public traffic")
        }
        try label(TrafficType(kind, on: id), labels, peers, on: &network)
        return [Reference(.physicalNetwork, id)]
    }

    mutating func updateTrafficType(
        _ id: ObjectID, _ labels: [TrafficType.Label: String], _ peers: [String]?
    ) throws(RequestError) -> [Reference] {
        guard var network = cloud.physicalNetwork(withPart: id),
            let type = network.traffic.first(where: { $0.id == id })
        else { throw unknown("id", id) }
        try label(type, labels, peers, on: &network)
        return [Reference(.physicalNetwork, network.id)]
    }

    mutating func deleteTrafficType(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard var network = cloud.physicalNetwork(withPart: id),
            let type = network.traffic.first(where: { $0.id == id })
        else { throw unknown("id", id) }
        if let users = users(of: type.kind, network.id) {
            throw .inUse("id", "\(type.kind.rawValue) traffic of physical network \(network.name) is used by \(users)")
        }
        network.remove(type.kind)
        try put(.physicalNetwork(network))
        return [Reference(.physicalNetwork, network.id)]
    }

    /// An empty label is none.
    private mutating func label(
        _ old: TrafficType, _ labels: [TrafficType.Label: String], _ peers: [String]?,
        on network: inout PhysicalNetwork
    ) throws(RequestError) {
        var type = old
        if let peers {
            guard peers.isEmpty || [.guest, .public].contains(type.kind) else {
                throw .refused("vxlanpeers", "\(type.kind.rawValue) traffic has no segments, and so no peers")
            }
            type.peers = try self.peers(peers, of: network.isolation, "vxlanpeers")
        }
        for (label, value) in labels {
            let parameter = "\(label.rawValue)networklabel"
            if label == .kvm, [.guest, .public].contains(type.kind) {
                let interface = try freeTrunk(value, network.id, parameter)
                if interface != type.interface, let users = users(of: type.kind, network.id) {
                    throw .inUse(
                        parameter,
                        "The interface of \(type.kind.rawValue) traffic of physical network \(network.name) can't "
                            + "change while \(users) are on it")
                }
            }
            type.labels[label.rawValue] = value.isEmpty ? nil : try text(value, parameter)
        }
        network.put(type)
        try put(.physicalNetwork(network))
    }

    /// The other hosts of a wire, ascending. This host's own address may be among them.
    func peers(_ texts: [String], of isolation: IsolationMethod, _ parameter: String) throws(RequestError)
        -> [IPv4Address]
    {
        guard texts.isEmpty || isolation == .vxlan else {
            throw .refused(
                parameter, "Only the segments of a VXLAN physical network go to other hosts inside of packets")
        }
        guard texts.count <= mostPeers else {
            throw .limit(parameter, "A physical network has at most \(mostPeers) peers")
        }
        var peers: Set<IPv4Address> = []
        for text in texts {
            let peer = try address(text, parameter)
            // Neither a network's own numbers, nor a group, nor everybody.
            guard (1...223).contains(peer.octets[0]), peer.octets[0] != 127 else {
                throw invalid(parameter, text, "it is no address of a host")
            }
            peers.insert(peer)
        }
        return peers.sorted()
    }

    /// What would be cut off.
    private func users(of kind: TrafficType.Kind, _ id: ObjectID) -> String? {
        switch kind {
        case .guest: cloud.networksByPhysicalNetwork[id].isEmpty ? nil : "networks"
        case .public:
            cloud.publicRangesByPhysicalNetwork[id].isEmpty && cloud.publicIPv6RangesByPhysicalNetwork[id].isEmpty
                ? nil : "public ranges"
        case .management, .storage: nil
        }
    }
}
