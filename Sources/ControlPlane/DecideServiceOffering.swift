import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createServiceOffering(_ fields: MachineOfferingFields) throws(RequestError) -> [Reference] {
        let name = try name(fields.name ?? "", "name")
        var offering = ServiceOffering(
            id: newID(), name: name, displayText: try text(fields.displayText ?? name, "displaytext"))
        if fields.isSystem == true {
            let types = Bootstrap.systemOfferings.map(\.type)
            let type = fields.systemVMType?.lowercased() ?? "domainrouter"
            guard types.contains(type) else {
                throw invalid("systemvmtype", type, "it is one of \(types.joined(separator: ", "))")
            }
            offering.systemVMType = type
        } else if fields.systemVMType != nil {
            throw .refused("systemvmtype", "Only offerings for the system (issystem) have a kind of system machine")
        }
        try setSize(fields, &offering)
        offering.storageType = try word(fields.storageType, ["shared", "local"], "storagetype") ?? "shared"
        offering.provisioningType =
            try word(fields.provisioningType, ["thin", "sparse", "fat"], "provisioningtype") ?? "thin"
        offering.deploymentPlanner = try fields.deploymentPlanner.map { name throws(RequestError) in
            try text(name, "deploymentplanner")
        }
        offering.offersHA = fields.offersHA ?? false
        offering.limitsCPU = fields.limitsCPU ?? false
        offering.isVolatile = fields.isVolatile ?? false
        offering.rootDiskSize = try positive(fields.rootDiskSize, "rootdisksize")
        offering.throughput = fields.throughput
        offering.details = fields.details
        try edit(&offering, fields)
        try put(.serviceOffering(offering))
        return [Reference(.serviceOffering, offering.id)]
    }

    mutating func updateServiceOffering(
        _ id: ObjectID, _ fields: MachineOfferingFields
    ) throws(RequestError) -> [Reference] {
        guard var offering = cloud.serviceOfferings[id] else { throw unknown("id", id) }
        if let name = fields.name { offering.name = try self.name(name, "name") }
        if let text = fields.displayText { offering.displayText = try self.text(text, "displaytext") }
        try edit(&offering, fields)
        try put(.serviceOffering(offering))
        return [Reference(.serviceOffering, id)]
    }

    /// What may change later too.
    private func edit(_ offering: inout ServiceOffering, _ fields: MachineOfferingFields) throws(RequestError) {
        if let tags = fields.hostTags { offering.hostTags = tags.isEmpty ? nil : try text(tags, "hosttags") }
        if let tags = fields.storageTags { offering.storageTags = tags.isEmpty ? nil : try text(tags, "storagetags") }
        if let zones = try zones(fields.scope) { offering.zones = zones }
        if let domains = try domains(fields.scope) { offering.domains = domains }
        if let isActive = fields.isActive { offering.isActive = isActive }
        if let sortKey = fields.sortKey { offering.sortKey = sortKey }
    }

    /// Either a size, or whoever deploys says which.
    private func setSize(_ fields: MachineOfferingFields, _ offering: inout ServiceOffering) throws(RequestError) {
        offering.cpuNumber = try positive(fields.cpuNumber, "cpunumber")
        offering.cpuSpeed = try positive(fields.cpuSpeed, "cpuspeed")
        offering.memory = try positive(fields.memory, "memory")
        if let rate = fields.networkRate, rate > 0 {
            guard NetworkOffering.rates.contains(rate) else {
                throw invalid("networkrate", "\(rate)", "it is too much")
            }
            offering.networkRate = rate
        }
        let given = [("cpunumber", offering.cpuNumber), ("cpuspeed", offering.cpuSpeed), ("memory", offering.memory)]
        offering.isCustomized = fields.isCustomized ?? given.allSatisfy { $0.1 == nil }
        guard !offering.isCustomized else {
            guard !offering.isSystem else {
                throw .refused("customized", "An offering for the system's machines has a fixed size")
            }
            return
        }
        for (parameter, value) in given where value == nil { throw .missing(parameter, command) }
    }

    func positive(_ number: Int?, _ parameter: String) throws(RequestError) -> Int? {
        guard let number else { return nil }
        guard (1...1 << 31).contains(number) else {
            throw invalid(parameter, "\(number)", "it is not a positive number")
        }
        return number
    }

    func word(_ text: String?, _ words: [String], _ parameter: String) throws(RequestError) -> String? {
        guard let text else { return nil }
        guard let word = words.first(where: { $0.lowercased() == text.lowercased() }) else {
            throw invalid(parameter, text, "it is one of \(words.joined(separator: ", "))")
        }
        return word
    }

    /// Domains of an offering. An empty list is everybody.
    func domains(_ scope: OfferingScope) throws(RequestError) -> [ObjectID]? {
        for id in scope.domains ?? [] where cloud.domains[id] == nil { throw unknown("domainid", id) }
        return scope.domains
    }
}
