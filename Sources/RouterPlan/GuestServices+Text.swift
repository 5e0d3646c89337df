import NetworkVocabulary

// As people read it in a plan: one line for the router, one for each NIC. What a guest alone may know is not in it.

extension GuestServices: CustomStringConvertible {
    public var description: String {
        var words = ["serve", kinds.description, "at \(server)", "in \(subnet)"]
        if let gateway { words.append("gateway \(gateway)") }
        words.append("mtu \(mtu) domain \(domain)")
        if !nameServers.isEmpty { words.append("dns " + nameServers.map(\.description).joined(separator: ",")) }
        if !resolvers.isEmpty { words.append("ask " + resolvers.map(\.description).joined(separator: ",")) }
        words.append(leaseTime == .max ? "lease infinite" : "lease \(leaseTime)s")
        return (words + options.map(\.description)).joined(separator: " ")
    }
}

extension GuestServices.Kinds: CustomStringConvertible {
    public var description: String {
        [(Self.dhcp, "dhcp"), (.dns, "dns"), (.metadata, "metadata")].filter { contains($0.0) }.map(\.1)
            .joined(separator: ",")
    }
}

extension DHCPExtra: CustomStringConvertible {
    public var description: String {
        "option \(code)=" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension ServedNIC: CustomStringConvertible {
    public var description: String {
        var words = ["lease \(mac)", addresses.map(\.description).joined(separator: ","), "name \(hostName)"]
        if isDefault { words.append("default") }
        words += options.map(\.description)
        if let metadata { words.append("metadata \(metadata)") }
        return words.joined(separator: " ")
    }
}

extension ServedMetadata: CustomStringConvertible {
    public var description: String {
        var names = leaves.map(\.name) + variables.keys.sorted()
        if userData != nil { names.append("user-data") }
        switch password {
        case .waiting: names.append("password")
        case .saved: names.append("password-saved")
        case nil: break
        }
        return names.joined(separator: ",")
    }
}
