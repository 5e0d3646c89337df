import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createVPCOffering(_ fields: VPCOfferingFields) throws(RequestError) -> [Reference] {
        let name = try vpcOfferingName(fields.name ?? "", nil)
        guard !fields.services.isEmpty else { throw .missing("supportedservices", command) }
        let services = try services(fields.services)
        let named = try providers(fields.providers, of: services)
        var all: [String: [String]] = [:]
        for service in services {
            let providers = named[service.name] ?? (service.name == "Connectivity" ? [] : [.vpcVirtualRouter])
            for provider in providers where !provider.services.contains(service.name) {
                throw .unsupported("supportedservices", "Service \(service.name) is not supported for a VPC")
            }
            all[service.name] = providers.map(\.rawValue)
        }
        var offering = VPCOffering(
            id: newID(), name: name, displayText: try text(fields.displayText ?? name, "displaytext"), services: all)
        // How a VPC's router is spread over hosts can be asked for without naming the service.
        let connectivity = NetworkService.all.filter { $0.name == "Connectivity" }
        offering.capabilities = try capabilities(fields.capabilities, of: services + connectivity)
        offering.serviceOffering = try systemOffering(fields.serviceOffering)
        try edit(&offering, fields)
        try put(.vpcOffering(offering))
        return [Reference(.vpcOffering, offering.id)]
    }

    mutating func updateVPCOffering(_ id: ObjectID, _ fields: VPCOfferingFields) throws(RequestError) -> [Reference] {
        guard var offering = cloud.vpcOfferings[id] else { throw unknown("id", id) }
        if let name = fields.name { offering.name = try vpcOfferingName(name, id) }
        if let text = fields.displayText { offering.displayText = try self.text(text, "displaytext") }
        try edit(&offering, fields)
        try put(.vpcOffering(offering))
        return [Reference(.vpcOffering, id)]
    }

    private func edit(_ offering: inout VPCOffering, _ fields: VPCOfferingFields) throws(RequestError) {
        if let zones = try zones(fields.scope) { offering.zones = zones }
        if let domains = try domains(fields.scope) { offering.domains = domains }
        if let isEnabled = fields.isEnabled { offering.isEnabled = isEnabled }
        if let sortKey = fields.sortKey { offering.sortKey = sortKey }
    }

    private func vpcOfferingName(_ text: String, _ id: ObjectID?) throws(RequestError) -> String {
        let name = try name(text, "name")
        if let other = cloud.vpcOffering(named: name), other.id != id {
            throw .refused("name", "A VPC offering with that name already exists: \(RequestError.excerpt(name))")
        }
        return name
    }

    /// What routers of an offering are said to be made of.
    func systemOffering(_ id: ObjectID?) throws(RequestError) -> ObjectID? {
        guard let id else { return nil }
        guard let offering = cloud.serviceOfferings[id] else { throw unknown("serviceofferingid", id) }
        guard offering.systemVMType == "domainrouter" else {
            throw .refused("serviceofferingid", "The service offering \(offering.name) is not one for routers")
        }
        return id
    }
}
