import CloudModel
import NetworkVocabulary

// A cloud file as one decision: each object that the file names is created, changed or found to be right already, in
// the order in which they refer to each other, on a draft that has the steps before.
extension Draft {
    mutating func applyCloud(_ request: Request.ApplyCloud) throws(RequestError) -> [Reference] {
        try requireRootAdmin()
        _ = try bootstrap()
        let file = request.file
        try file.refuseDuplicates()
        if request.prunes { try prune(file) }
        var objects: [Reference] = []
        for (index, zone) in file.zones.enumerated() { objects += try applyZone(zone, "zones[\(index)]") }
        for (index, offering) in file.networkOfferings.enumerated() {
            objects += try applyOffering(offering, "networkOfferings[\(index)]")
        }
        for (index, account) in file.accounts.enumerated() where cloud.account(named: account.name) == nil {
            objects += try at("accounts[\(index)]", ["account": "name"], .createAccount(.init(name: account.name)))
        }
        var names = NamesInUse(cloud)
        for (index, network) in file.networks.enumerated() {
            objects += try applyNetwork(network, "networks[\(index)]", &names)
        }
        for (index, guest) in file.guests.enumerated() { objects += try applyGuest(guest, "guests[\(index)]", names) }
        objects += try applyRules(file, request.prunes, names)
        return objects
    }

    /// Takes the step, and says what is wrong with it in the file's words.
    @discardableResult
    mutating func at(
        _ path: String, _ fields: [String: String], _ request: Request
    ) throws(RequestError) -> [Reference] {
        let outer = command
        defer { command = outer }
        do throws(RequestError) {
            return try take(request)
        } catch {
            throw error.inFile(path, fields)
        }
    }

    func reference(_ path: String, _ what: String, _ name: String) -> RequestError {
        .refused(path, "\(path): there is no \(what) named \(RequestError.excerpt(name))")
    }

    func fixed(_ path: String, _ old: String) -> RequestError {
        .conflict(path, "\(path): it is \(old) and can't be changed; remove the object first")
    }
}

extension Draft {
    private mutating func applyZone(_ zone: CloudFile.Zone, _ path: String) throws(RequestError) -> [Reference] {
        let fields = ["guestcidraddress": "guestCIDR", "internaldns1": "internalDNS1"]
        let id: ObjectID
        var objects: [Reference]
        if let old = cloud.zone(named: zone.name) {
            id = old.id
            objects = try at(
                path, fields,
                .updateZone(
                    .init(
                        id: id, name: zone.name, dns1: zone.dns1, dns2: zone.dns2 ?? "",
                        internalDNS1: zone.internalDNS1 ?? zone.dns1, guestCIDR: zone.guestCIDR ?? "10.1.1.0/24",
                        networkDomain: zone.domain ?? "", isEnabled: zone.isEnabled)))
        } else {
            objects = try at(
                path, fields,
                .createZone(
                    .init(
                        name: zone.name, dns1: zone.dns1, dns2: zone.dns2, internalDNS1: zone.internalDNS1,
                        guestCIDR: zone.guestCIDR, networkDomain: zone.domain, isEnabled: zone.isEnabled)))
            guard let new = objects.first?.id else { return objects }
            id = new
        }
        for (index, network) in zone.physicalNetworks.enumerated() {
            objects += try applyPhysicalNetwork(network, id, "\(path).physicalNetworks[\(index)]")
        }
        for (index, range) in zone.publicRanges.enumerated() {
            objects += try applyPublicRange(range, id, "\(path).publicRanges[\(index)]")
        }
        return objects
    }

    private mutating func applyPhysicalNetwork(
        _ network: CloudFile.PhysicalNetwork, _ zone: ObjectID, _ path: String
    ) throws(RequestError) -> [Reference] {
        let fields = ["vlan": "segments", "isolationmethods": "isolation"]
        let segments = network.segments.joined(separator: ",")
        guard let old = cloud.physicalNetwork(named: network.name, inZone: zone) else {
            var request = Request.CreatePhysicalNetwork(
                zone: zone, name: network.name, isolation: network.isolation, segments: segments, trunk: network.trunk)
            request.peers = network.peers ?? []
            return try at(path, fields, .createPhysicalNetwork(request))
        }
        guard old.isolation.rawValue == network.isolation.uppercased() else {
            throw fixed("\(path).isolation", old.isolation.rawValue)
        }
        // Where the API gave public traffic an interface or peers of its own, a file that is right about the guests'
        // leaves them.
        let trunk = network.trunk ?? ""
        var request = Request.UpdatePhysicalNetwork(
            id: old.id, segments: segments, trunk: trunk == old.trunk?.rawValue ?? "" ? nil : trunk)
        let peers = network.peers ?? []
        request.peers = Set(peers) == Set((old.traffic(.guest)?.peers ?? []).map(\.description)) ? nil : peers
        return try at(path, fields, .updatePhysicalNetwork(request))
    }

    private mutating func applyPublicRange(
        _ range: CloudFile.PublicRange, _ zone: ObjectID, _ path: String
    ) throws(RequestError) -> [Reference] {
        let wire = try wire(of: range, zone, path)
        guard let subnet = IPv4Prefix(range.subnet) else {
            throw invalid("subnet", range.subnet, "it is not a network, or host bits are set").inFile(path, [:])
        }
        let ends = range.addresses.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(ends.count) else {
            throw invalid("addresses", range.addresses, "it is not first-last").inFile(path, [:])
        }
        let gateway: IPv4Address
        let segment: Segment
        do throws(RequestError) {
            gateway = try address(range.gateway, "gateway")
            segment = try publicSegment(range.segment, wire.isolation, "segment")
        } catch {
            throw error.inFile(path, [:])
        }
        guard subnet.contains(gateway) else {
            throw invalid("gateway", range.gateway, "it is outside \(subnet)").inFile(path, [:])
        }
        let fields = ["startip": "addresses", "endip": "addresses", "netmask": "subnet", "vlan": "segment"]
        guard let old = existing(ends, wire, segment, subnet) else {
            return try at(
                path, fields,
                .createPublicRange(
                    .init(
                        physicalNetwork: wire.id, gateway: range.gateway, netmask: subnet.netmask.description,
                        first: ends[0], last: ends[ends.count - 1], vlan: range.segment)))
        }
        guard old.gateway == gateway else { throw fixed("\(path).gateway", old.gateway.description) }
        return try at(
            path, fields, .updatePublicRange(.init(id: old.id, first: ends[0], last: ends[ends.count - 1])))
    }

    /// Public ranges have no names: one is the file's if it is on the same segment and subnet and shares addresses.
    private func existing(
        _ ends: [String], _ wire: PhysicalNetwork, _ segment: Segment, _ subnet: IPv4Prefix
    ) -> PublicRange? {
        guard let first = IPv4Address(ends[0]), let last = IPv4Address(ends[ends.count - 1]),
            let addresses = IPv4Range(first, last)
        else { return nil }
        return cloud.publicRangesByBridge[.publicSegment(physicalNetwork: wire.id, segment)]
            .compactMap { cloud.publicRanges[$0] }
            .filter { $0.subnet == subnet && $0.addresses.overlaps(addresses) }
            .min { $0.number < $1.number }
    }

    func wire(
        of range: CloudFile.PublicRange, _ zone: ObjectID, _ path: String
    ) throws(RequestError) -> PhysicalNetwork {
        let path = "\(path).physicalNetwork"
        if let name = range.physicalNetwork {
            guard let wire = cloud.physicalNetwork(named: name, inZone: zone) else {
                throw reference(path, "physical network", name)
            }
            return wire
        }
        let all = cloud.physicalNetworksByZone[zone]
        guard all.count == 1, let wire = all.first.flatMap({ cloud.physicalNetworks[$0] }) else {
            throw .refused(path, "\(path): it is missing, and the zone has \(all.count) physical networks")
        }
        return wire
    }

    private mutating func applyOffering(
        _ offering: CloudFile.NetworkOffering, _ path: String
    ) throws(RequestError) -> [Reference] {
        let fields = [
            "supportedservices": "services", "serviceproviderlist": "services", "displaytext": "displayText",
            "networkrate": "rate", "guestiptype": "guestType", "specifyvlan": "specifiesSegment",
        ]
        let request = Request.CreateNetworkOffering(
            name: offering.name, displayText: offering.displayText, guestType: offering.guestType,
            services: offering.services.keys.sorted(),
            providers: offering.services, egressDefaultAllow: offering.egressDefault == .allow,
            conservesAddresses: offering.conserveMode, isPersistent: offering.isPersistent,
            specifiesVLAN: offering.specifiesSegment, isEnabled: offering.isEnabled, rate: offering.rate)
        guard let old = cloud.networkOffering(named: offering.name) else {
            return try at(path, fields, .createNetworkOffering(request))
        }
        let rate: Int?
        do throws(RequestError) {
            let services = try services(request)
            guard services == old.services else {
                throw RequestError.conflict("services", "it can't be changed; networks may rely on it")
            }
            rate = try self.rate(request)
        } catch {
            throw error.inFile(path, fields)
        }
        guard old.egressDefaultAllow == request.egressDefaultAllow else {
            throw fixed("\(path).egressDefault", old.egressDefaultAllow ? "allow" : "deny")
        }
        guard old.conservesAddresses == request.conservesAddresses else {
            throw fixed("\(path).conserveMode", "\(old.conservesAddresses)")
        }
        guard old.isPersistent == request.isPersistent else { throw fixed("\(path).persistent", "\(old.isPersistent)") }
        guard old.guestType.rawValue.lowercased() == offering.guestType.lowercased() else {
            throw fixed("\(path).guestType", old.guestType.rawValue)
        }
        guard old.specifiesVLAN == offering.specifiesSegment else {
            throw fixed("\(path).specifiesSegment", "\(old.specifiesVLAN)")
        }
        guard rate == old.rate else { throw fixed("\(path).rate", old.rate.map(String.init) ?? "unlimited") }
        return try at(
            path, fields,
            .updateNetworkOffering(
                .init(id: old.id, displayText: offering.displayText ?? offering.name, isEnabled: offering.isEnabled)))
    }
}

extension RequestError {
    /// The same with the path of the file's field instead of the API's parameter.
    func inFile(_ path: String, _ fields: [String: String]) -> RequestError {
        guard code != .internal else { return self }
        var field = parameter.map { fields[$0] ?? $0 } ?? ""
        if let parameter, parameter.hasPrefix("iptonetworklist") {
            field = "nics" + parameter.dropFirst("iptonetworklist".count)
            for (api, file) in [(".networkid", ".network"), (".ip", ".address"), (".hostnamespace", ".namespace")]
            where field.hasSuffix(api) {
                field = String(field.dropLast(api.count)) + file
            }
        }
        let full = field.isEmpty || field == "id" ? path : "\(path).\(field)"
        return RequestError(code, exceptionCode: exceptionCode, parameter: full, "\(full): \(text)")
    }
}
