import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func updateTemplate(_ id: ObjectID, _ fields: TemplateFields) throws(RequestError) -> [Reference] {
        guard var template = cloud.templates[id] else { throw unknown("id", id) }
        if let name = fields.name { template.name = try self.name(name, "name") }
        if let text = fields.displayText { template.displayText = try self.text(text, "displaytext") }
        if let type = fields.osType {
            guard cloud.osTypes[type] != nil else { throw unknown("ostypeid", type) }
            template.osType = type
        }
        if let format = fields.format {
            template.format = try word(format, ["RAW", "QCOW2", "VHD", "VMDK", "OVA"], "format") ?? format
        }
        if let value = fields.isPasswordEnabled { template.isPasswordEnabled = value }
        if let value = fields.isSSHKeyEnabled { template.isSSHKeyEnabled = value }
        if let value = fields.isDynamicallyScalable { template.isDynamicallyScalable = value }
        if let value = fields.isRouting { template.type = value ? "ROUTING" : "USER" }
        if let value = fields.isBootable { template.isBootable = value }
        if let value = fields.requiresHVM { template.requiresHVM = value }
        if let tag = fields.tag { template.tag = tag.isEmpty ? nil : try text(tag, "templatetag") }
        if let details = fields.details { template.details = details }
        if let sortKey = fields.sortKey { template.sortKey = sortKey }
        try put(.template(template))
        return [Reference(.template, id)]
    }
}
