import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func addProvider(_ id: ObjectID, _ text: String) throws(RequestError) -> [Reference] {
        guard var network = cloud.physicalNetworks[id] else { throw unknown("physicalnetworkid", id) }
        guard let name = ServiceProvider.Name(anyCase: text) else {
            throw .unsupported("name", "Provider \(RequestError.excerpt(text)) is not supported here")
        }
        guard network.provider(name) == nil else {
            throw .refused("name", "The physical network \(network.name) has the provider \(name.rawValue) already")
        }
        network.put(ServiceProvider(name, on: id, isEnabled: false))
        try put(.physicalNetwork(network))
        return [Reference(.physicalNetwork, id)]
    }

    mutating func setProvider(_ id: ObjectID, _ isEnabled: Bool) throws(RequestError) -> [Reference] {
        guard var (network, provider) = provider(id) else { throw unknown("id", id) }
        if isEnabled, provider.element?.isEnabled == false {
            throw .refused(
                "state",
                "Provider is not ready, cannot Enable the provider, please configure the provider first")
        }
        if !isEnabled { try refuseUsed(provider, network) }
        provider.isEnabled = isEnabled
        network.put(provider)
        try put(.physicalNetwork(network))
        return [Reference(.physicalNetwork, network.id)]
    }

    mutating func deleteProvider(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard case (var network, let provider)? = provider(id) else { throw unknown("id", id) }
        try refuseUsed(provider, network)
        network.remove(provider.name)
        try put(.physicalNetwork(network))
        return [Reference(.physicalNetwork, network.id)]
    }

    /// Elements come with their providers; asking for one that is there is refused as in CloudStack.
    mutating func createElement(_ id: ObjectID) throws(RequestError) -> [Reference] {
        guard let (network, provider) = provider(id) else { throw unknown("nspid", id) }
        throw .refused(
            "nspid",
            provider.element == nil
                ? "The provider \(provider.name.rawValue) has no element"
                : "The provider \(provider.name.rawValue) of physical network \(network.name) has its element already")
    }

    mutating func configureElement(_ id: ObjectID, _ isEnabled: Bool) throws(RequestError) -> [Reference] {
        guard var network = cloud.physicalNetwork(withPart: id),
            var provider = network.providers.first(where: { $0.element?.id == id })
        else { throw unknown("id", id) }
        guard isEnabled || !provider.isEnabled else {
            throw .inUse("enabled", "The provider \(provider.name.rawValue) is enabled: disable it first")
        }
        provider.element?.isEnabled = isEnabled
        network.put(provider)
        try put(.physicalNetwork(network))
        return [Reference(.physicalNetwork, network.id)]
    }

    private func provider(_ id: ObjectID) -> (PhysicalNetwork, ServiceProvider)? {
        guard let network = cloud.physicalNetwork(withPart: id),
            let provider = network.providers.first(where: { $0.id == id })
        else { return nil }
        return (network, provider)
    }

    /// Networks that live by the provider would be left without it.
    private func refuseUsed(_ provider: ServiceProvider, _ network: PhysicalNetwork) throws(RequestError) {
        for id in cloud.networksByPhysicalNetwork[network.id] {
            guard let user = cloud.networks[id], user.state == .implemented,
                let services = cloud.networkOfferings[user.offering]?.services,
                services.values.contains(provider.name.rawValue)
            else { continue }
            throw .inUse("id", "Network \(user.name) is served by \(provider.name.rawValue)")
        }
    }

    /// A network can be brought to life only where everybody who is to serve it is enabled.
    func requireProviders(
        of network: Network, _ parameter: String
    ) throws(RequestError) {
        guard let wire = cloud.physicalNetworks[network.physicalNetwork],
            let offering = cloud.networkOfferings[network.offering]
        else { return }
        guard wire.isEnabled else {
            throw .unavailable(parameter, "The physical network \(wire.name) is disabled")
        }
        for name in Set(offering.services.values).sorted() {
            let provider = ServiceProvider.Name(rawValue: name).flatMap { wire.provider($0) }
            guard provider?.isEnabled != true else { continue }
            throw .unavailable(
                parameter,
                "Service provider \(name) either doesn't exist or is not enabled in physical network \(wire.name)")
        }
    }
}
