import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createNetworkOffering(_ request: Request.CreateNetworkOffering) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        let name = try offeringName(request.name, nil)
        let type = NetworkOffering.GuestType.allCases.first {
            $0.rawValue.lowercased() == request.guestType.lowercased()
        }
        guard let type else { throw invalid("guestiptype", request.guestType, "it is Isolated, Shared or L2") }
        let services = try services(request)
        try refuseServices(services, of: type)
        let offering = NetworkOffering(
            id: newID(), name: name, displayText: try text(request.displayText ?? name, "displaytext"),
            guestType: type, services: services, egressDefaultAllow: request.egressDefaultAllow,
            conservesAddresses: request.conservesAddresses, isPersistent: request.isPersistent,
            specifiesVLAN: request.specifiesVLAN,
            isEnabled: request.isEnabled, isDefault: false, rate: try rate(request))
        try put(.networkOffering(offering))
        return [Reference(.networkOffering, offering.id)]
    }

    mutating func updateNetworkOffering(_ request: Request.UpdateNetworkOffering) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard var offering = cloud.networkOfferings[request.id] else { throw unknown("id", request.id) }
        if let name = request.name, name != offering.name {
            guard !offering.isDefault else { throw .refused("name", "Default network offerings keep their names") }
            offering.name = try offeringName(name, offering.id)
        }
        if let text = request.displayText { offering.displayText = try self.text(text, "displaytext") }
        if let isEnabled = request.isEnabled { offering.isEnabled = isEnabled }
        try put(.networkOffering(offering))
        return [Reference(.networkOffering, offering.id)]
    }

    mutating func deleteNetworkOffering(_ id: ObjectID) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        guard let offering = cloud.networkOfferings[id] else { throw unknown("id", id) }
        guard !offering.isDefault else { throw .refused("id", "Default network offering can't be deleted") }
        guard cloud.networksByOffering[id].isEmpty else {
            throw .inUse("id", "Can't delete network offering \(offering.name) as there are networks that use it")
        }
        try remove(.networkOffering, id)
        return []
    }

    /// A shared network's router is not its gateway, and nobody routes for a layer 2 network.
    private func refuseServices(
        _ services: [String: String], of type: NetworkOffering.GuestType
    ) throws(RequestError) {
        let possible: Set<String>
        switch type {
        case .isolated: return
        case .shared: possible = ["Dhcp", "Dns", "UserData"]
        case .l2: possible = []
        }
        for service in services.keys.sorted() where !possible.contains(service) {
            throw .refused(
                "supportedservices", "Service \(service) can't be provided on \(type.rawValue) networks")
        }
    }

    /// CloudStack keeps 0 for what it shows as -1: unlimited.
    func rate(_ request: Request.CreateNetworkOffering) throws(RequestError) -> Int? {
        guard let rate = request.rate, rate != 0, rate != -1 else { return nil }
        guard NetworkOffering.rates.contains(rate) else {
            throw invalid(
                "networkrate", "\(rate)",
                "a rate is from \(NetworkOffering.rates.lowerBound) to \(NetworkOffering.rates.upperBound) megabits a second, or "
                    + "-1 for none")
        }
        return rate
    }

    private func offeringName(_ text: String, _ id: ObjectID?) throws(RequestError) -> String {
        let name = try name(text, "name")
        if let other = cloud.networkOffering(named: name), other.id != id {
            throw .refused("name", "A network offering with that name already exists: \(RequestError.excerpt(name))")
        }
        return name
    }

    /// Services in CloudStack's spelling whatever the caller's, each with its provider.
    func services(_ request: Request.CreateNetworkOffering) throws(RequestError) -> [String: String] {
        if request.services.isEmpty, request.guestType.lowercased() == "isolated" {
            throw .missing("supportedservices", command)
        }
        var services: [String: String] = [:]
        for text in request.services {
            guard let service = Bootstrap.services.first(where: { $0.lowercased() == text.lowercased() }) else {
                throw .unsupported("supportedservices", "Service \(RequestError.excerpt(text)) is not supported")
            }
            services[service] = Bootstrap.provider
        }
        for (text, provider) in request.providers.sorted(by: { $0.key < $1.key }) {
            guard services.keys.contains(where: { $0.lowercased() == text.lowercased() }) else {
                throw .refused(
                    "serviceproviderlist", "Service \(RequestError.excerpt(text)) is not one of the offering's services"
                )
            }
            guard provider.lowercased() == Bootstrap.provider.lowercased() else {
                throw .unsupported(
                    "serviceproviderlist", "Provider \(RequestError.excerpt(provider)) is not supported for \(text)")
            }
        }
        return services
    }
}
