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
        try check(request, type, services)
        var offering = NetworkOffering(
            id: newID(), name: name, displayText: try text(request.displayText ?? name, "displaytext"),
            guestType: type, services: services, egressDefaultAllow: request.egressDefaultAllow,
            conservesAddresses: request.conservesAddresses, isPersistent: request.isPersistent,
            specifiesVLAN: request.specifiesVLAN, isEnabled: request.isEnabled, isDefault: false,
            rate: try rate(request))
        offering.capabilities = try capabilities(
            request.capabilities, of: NetworkService.all.filter { services[$0.name] != nil })
        offering.specifiesIPRanges = request.specifiesIPRanges
        offering.isForVPC = request.isForVPC
        offering.keepsAlive = request.keepsAlive
        offering.serviceOffering = try systemOffering(request.serviceOffering)
        offering.details = request.details
        try check(DHCPOptionRow(offering.dhcpOptions), "details")
        if let text = request.availability { offering.availability = try availability(text) }
        if let tags = request.tags { offering.tags = try self.tags(tags) }
        offering.maxConnections = try positive(request.maxConnections, "maxconnections")
        if let zones = try zones(request.scope) { offering.zones = zones }
        if let domains = try domains(request.scope) { offering.domains = domains }
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
        if let text = request.availability { offering.availability = try availability(text) }
        if let tags = request.tags {
            guard tags == offering.tags || cloud.networksByOffering[offering.id].isEmpty else {
                throw .inUse("tags", "The tags of \(offering.name) can't change while there are networks that use it")
            }
            offering.tags = try self.tags(tags)
        }
        if let number = request.maxConnections { offering.maxConnections = try positive(number, "maxconnections") }
        if let keepsAlive = request.keepsAlive { offering.keepsAlive = keepsAlive }
        if let sortKey = request.sortKey { offering.sortKey = sortKey }
        if let zones = try zones(request.scope) { offering.zones = zones }
        if let domains = try domains(request.scope) { offering.domains = domains }
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

    private func availability(_ text: String) throws(RequestError) -> NetworkOffering.Availability {
        let words = NetworkOffering.Availability.allCases.map(\.rawValue)
        return try word(text, words, "availability").flatMap { .init(rawValue: $0) } ?? .optional
    }

    /// Words that physical networks have too.
    func tags(_ words: [String]) throws(RequestError) -> [String] {
        var tags: [String] = []
        for word in words {
            let tag = try name(word, "tags")
            guard !tags.contains(tag) else { throw invalid("tags", tag, "it is there twice") }
            tags.append(tag)
        }
        return tags
    }

    /// What the kinds of network cannot be without, or cannot have.
    private func check(
        _ request: Request.CreateNetworkOffering, _ type: NetworkOffering.GuestType, _ services: [String: String]
    ) throws(RequestError) {
        guard type == .shared || !request.specifiesIPRanges || type == .isolated && services["SourceNat"] == nil else {
            throw .refused("specifyipranges", "A network with source NAT has the addresses of its own network")
        }
        guard !request.isForVPC || type == .isolated else {
            throw .refused("forvpc", "Tiers of a VPC are Isolated networks")
        }
        guard type != .shared || !request.isPersistent else {
            throw .refused(
                "ispersistent", "Shared networks are there without guests anyway, and not to be made persistent")
        }
    }

    /// Services in CloudStack's spelling whatever the caller's, each with its provider: the virtual router where none is
    /// named.
    func services(_ request: Request.CreateNetworkOffering) throws(RequestError) -> [String: String] {
        guard !request.services.isEmpty || request.guestType.lowercased() != "isolated" else {
            throw .missing("supportedservices", command)
        }
        let services = try services(request.services)
        let rows = request.providers.sorted { $0.key < $1.key }.map { ServiceRow(service: $0.key, provider: $0.value) }
        let named = try providers(rows, of: services)
        var all: [String: String] = [:]
        for service in services {
            let usual: ServiceProvider.Name = request.isForVPC ? .vpcVirtualRouter : .virtualRouter
            let fallback = usual.services.contains(service.name) ? usual : service.providers.first
            guard let provider = named[service.name]?.first ?? fallback else {
                throw .unsupported("supportedservices", "Service \(service.name) is not supported for networks")
            }
            guard (named[service.name] ?? []).count <= 1 else {
                throw .unsupported("serviceproviderlist", "Service \(service.name) of a network has one provider")
            }
            guard !request.isForVPC || provider != .virtualRouter else {
                throw .unsupported(
                    "supportedservices", "Service \(service.name) is not one that tiers of a VPC can have from a router"
                )
            }
            all[service.name] = provider.rawValue
        }
        return all
    }
}
