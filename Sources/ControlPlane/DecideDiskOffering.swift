import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createDiskOffering(_ fields: DiskOfferingFields) throws(RequestError) -> [Reference] {
        let name = try name(fields.name ?? "", "name")
        let size = try positive(fields.size, "disksize")
        guard fields.isCustomized != true || size == nil else {
            throw .refused("disksize", "A customized disk offering has no size: whoever uses it says which")
        }
        guard fields.isCustomized == true || size != nil else { throw .missing("disksize", command) }
        var offering = DiskOffering(
            id: newID(), name: name, displayText: try text(fields.displayText ?? name, "displaytext"), size: size)
        offering.storageType = try word(fields.storageType, ["shared", "local"], "storagetype") ?? "shared"
        offering.provisioningType =
            try word(fields.provisioningType, ["thin", "sparse", "fat"], "provisioningtype") ?? "thin"
        offering.throughput = fields.throughput
        try edit(&offering, fields)
        try put(.diskOffering(offering))
        return [Reference(.diskOffering, offering.id)]
    }

    mutating func updateDiskOffering(_ id: ObjectID, _ fields: DiskOfferingFields) throws(RequestError) -> [Reference] {
        guard var offering = cloud.diskOfferings[id] else { throw unknown("id", id) }
        if let name = fields.name { offering.name = try self.name(name, "name") }
        if let text = fields.displayText { offering.displayText = try self.text(text, "displaytext") }
        try edit(&offering, fields)
        try put(.diskOffering(offering))
        return [Reference(.diskOffering, id)]
    }

    private func edit(_ offering: inout DiskOffering, _ fields: DiskOfferingFields) throws(RequestError) {
        if let tags = fields.tags { offering.tags = tags.isEmpty ? nil : try text(tags, "tags") }
        if let isDisplayed = fields.isDisplayed { offering.isDisplayed = isDisplayed }
        if let zones = try zones(fields.scope) { offering.zones = zones }
        if let domains = try domains(fields.scope) { offering.domains = domains }
        if let isActive = fields.isActive { offering.isActive = isActive }
        if let sortKey = fields.sortKey { offering.sortKey = sortKey }
    }
}
