import NetworkVocabulary

// Objects by the words that people know them by. An id is taken as it is.
extension APIClient {
    func addressID(_ text: String) throws(Failure) -> String {
        try only(
            "public address", text,
            call("listPublicIpAddresses", ["ipaddress": text, "listall": "true"])["publicipaddress"]?.list)
    }

    func networkID(_ name: String) throws(Failure) -> String {
        try only("network", name, call("listNetworks", ["name": name, "listall": "true"])["network"]?.list)
    }

    /// By the guest's name, or by its namespace's.
    func guestID(_ name: String) throws(Failure) -> String {
        let all = try call("listVirtualMachines", ["listall": "true", "pagesize": "-1"])["virtualmachine"]?.list ?? []
        return try only(
            "guest", name,
            all.filter { guest in
                guest["name"]?.text.lowercased() == name.lowercased() || guest["instancename"]?.text == name
            })
    }

    private func only(
        _ what: String, _ text: String, _ found: @autoclosure () throws(Failure) -> [JSONValue]?
    ) throws(Failure) -> String {
        if ObjectID(text) != nil { return text }
        let ids = try found()?.compactMap { $0["id"]?.text } ?? []
        guard let id = ids.first else { throw Failure("there is no \(what) \(text)") }
        guard ids.count == 1 else {
            throw Failure(
                "there are \(ids.count) of \(what) \(text); name it by its id: \(ids.joined(separator: ", "))")
        }
        return id
    }
}
