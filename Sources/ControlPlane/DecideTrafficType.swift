import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func addTrafficType(
        _ id: ObjectID, _ text: String, _ labels: [TrafficType.Label: String]
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
        try label(TrafficType(kind, on: id), labels, on: &network)
        return [Reference(.physicalNetwork, id)]
    }

    mutating func updateTrafficType(
        _ id: ObjectID, _ labels: [TrafficType.Label: String]
    ) throws(RequestError) -> [Reference] {
        guard var network = cloud.physicalNetwork(withPart: id),
            let type = network.traffic.first(where: { $0.id == id })
        else { throw unknown("id", id) }
        try label(type, labels, on: &network)
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
        _ old: TrafficType, _ labels: [TrafficType.Label: String], on network: inout PhysicalNetwork
    ) throws(RequestError) {
        var type = old
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

    /// What would be cut off.
    private func users(of kind: TrafficType.Kind, _ id: ObjectID) -> String? {
        switch kind {
        case .guest: cloud.networksByPhysicalNetwork[id].isEmpty ? nil : "networks"
        case .public: cloud.publicRangesByPhysicalNetwork[id].isEmpty ? nil : "public ranges"
        case .management, .storage: nil
        }
    }
}
