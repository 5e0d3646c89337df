import CloudModel
import NetworkVocabulary

extension Draft {
    mutating func createStorageRange(_ pod: ObjectID, _ fields: StorageRangeFields) throws(RequestError) -> [Reference]
    {
        guard cloud.pods[pod] != nil else { throw unknown("podid", pod) }
        guard let first = fields.first, let gateway = fields.gateway, let netmask = fields.netmask else {
            let missing = fields.gateway == nil ? "gateway" : fields.netmask == nil ? "netmask" : "startip"
            throw .missing(missing, command)
        }
        let range = try systemRange(gateway: gateway, netmask: netmask, first: first, last: fields.last ?? first)
        let new = StorageNetworkRange(
            id: newID(), pod: pod, gateway: range.gateway, subnet: range.subnet, addresses: range.addresses,
            vlan: try vlan(fields.vlan))
        try checkStorageRange(new)
        try put(.storageNetworkRange(new))
        return [Reference(.storageNetworkRange, new.id)]
    }

    mutating func updateStorageRange(_ id: ObjectID, _ fields: StorageRangeFields) throws(RequestError) -> [Reference] {
        guard var old = cloud.storageNetworkRanges[id] else { throw unknown("id", id) }
        let range = try systemRange(
            gateway: old.gateway.description, netmask: fields.netmask ?? old.subnet.netmask.description,
            first: fields.first ?? old.addresses.first.description, last: fields.last ?? old.addresses.last.description)
        old.subnet = range.subnet
        old.addresses = range.addresses
        if fields.vlan != nil { old.vlan = try vlan(fields.vlan) }
        try checkStorageRange(old)
        try put(.storageNetworkRange(old))
        return [Reference(.storageNetworkRange, id)]
    }

    private func vlan(_ number: Int?) throws(RequestError) -> VLANID? {
        guard let number else { return nil }
        guard let vlan = VLANID(number) else { throw invalid("vlan", "\(number)", "VLAN ids are from 1 to 4094") }
        return vlan
    }

    private func checkStorageRange(_ new: StorageNetworkRange) throws(RequestError) {
        for other in cloud.storageNetworkRanges.values
        where other.id != new.id && other.pod == new.pod && other.addresses.overlaps(new.addresses) {
            throw .refused("startip", "The addresses \(new.addresses) overlap those of another storage network range")
        }
    }
}
