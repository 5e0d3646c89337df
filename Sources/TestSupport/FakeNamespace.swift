import NetworkVocabulary
public import RouterPlan

// What a namespace takes and what it refuses.

extension FakeKernel.Namespace {
    public typealias Refusal = FakeKernel.Refusal

    public mutating func add(_ address: Address) throws(Refusal) {
        guard devices[address.link] != nil else { throw Refusal(errno: 19, text: "no device \(address.link)") }
        guard !addresses.contains(address) else { throw Refusal(errno: 17, text: "the address exists") }
        addresses.append(address)
    }

    /// Without promotion the secondaries of a subnet go with its primary, and with the last address of a link go the
    /// routes that lead out of it and what is known of its neighbours. A route goes with its source.
    public mutating func remove(_ address: Address) throws(Refusal) {
        guard let index = addresses.firstIndex(of: address) else { throw Refusal(errno: 99, text: "no such address") }
        let subnet = addresses.filter { $0.link == address.link && $0.address.isInSubnet(of: address.address) }
        let promotes = ["all", "default"].contains { settings["net/ipv4/conf/\($0)/promote_secondaries"] == "1" }
        if subnet.first == address, !promotes {
            addresses.removeAll { subnet.contains($0) }
        } else {
            addresses.remove(at: index)
        }
        if !addresses.contains(where: { $0.link == address.link }) { takeDown(address.link) }
        let sources = Set(addresses.map(\.address.address))
        routes = routes.filter { $0.value.source.map(sources.contains) ?? true }
    }

    /// Replaces the route of the same table and destination.
    public mutating func put(_ route: Route) throws(Refusal) {
        guard let device = devices[route.link] else { throw Refusal(errno: 19, text: "no device \(route.link)") }
        guard device.isUp else { throw Refusal(errno: 100, text: "\(route.link) is down") }
        if let gateway = route.gateway, !reaches(gateway, by: route.link, table: route.table) {
            throw Refusal(errno: 101, text: "nexthop has invalid gateway")
        }
        if let source = route.source, !addresses.contains(where: { $0.address.address == source }) {
            throw Refusal(errno: 22, text: "invalid preferred source")
        }
        routes[.route(table: route.table, route.destination)] = route
    }

    /// A gateway must be a neighbour: by the route's own table, if that is not the main one, or by what local packets are
    /// looked up in.
    private func reaches(_ gateway: IPAddress, by link: InterfaceName, table: UInt32) -> Bool {
        var tables = table == Route.mainTable ? [] : [table]
        lookups: for rule in rules.sorted(by: { $0.priority < $1.priority }) where rule.mark == nil {
            switch rule.action {
            case .lookup(let table): tables.append(table)
            case .blackhole: break lookups
            }
        }
        for table in tables {
            let covering = routes.values.filter {
                $0.table == table && $0.link == link && $0.destination.contains(gateway)
            }
            guard let best = covering.max(by: { $0.destination.length < $1.destination.length }) else { continue }
            return best.gateway == nil
        }
        return false
    }

    public mutating func remove(_ route: Route) {
        routes[.route(table: route.table, route.destination)] = nil
    }

    /// The link is a leg whose outer end is the port, or the port itself.
    public mutating func put(_ shaper: Shaper) throws(Refusal) {
        let isPort = shaper.port == shaper.link && devices[shaper.link] != nil
        if case .veth(shaper.port, .host)? = devices[shaper.link]?.kind {
        } else if !isPort {
            throw Refusal(errno: 19, text: "no device \(shaper.port)")
        }
        shapers[shaper.link] = shaper
    }

    public mutating func put(_ neighbour: Neighbour) throws(Refusal) {
        guard devices[neighbour.link] != nil else { throw Refusal(errno: 19, text: "no device \(neighbour.link)") }
        neighbours = neighbours.filter { $0.link != neighbour.link || $0.address != neighbour.address }
        neighbours.insert(neighbour)
    }

    public mutating func add(_ rule: PolicyRule) throws(Refusal) {
        guard rules.insert(rule).inserted else { throw Refusal(errno: 17, text: "the rule exists") }
    }

    public mutating func removeRules(priority: UInt32) { rules = rules.filter { $0.priority != priority } }

    public mutating func set(_ path: String, _ value: String) throws(Refusal) {
        guard settings[path] != nil else { throw Refusal(errno: 2, text: "no setting \(path)") }
        let isChange = settings.updateValue(value, forKey: path) != value
        // A router believes no redirects unless told so afterwards.
        if isChange, path == "net/ipv4/ip_forward" {
            settings["net/ipv4/conf/all/accept_redirects"] = value == "0" ? "1" : "0"
        }
    }

    mutating func takeDown(_ link: InterfaceName) {
        routes = routes.filter { $0.value.link != link }
        forgetNeighbours(on: link)
    }

    mutating func forgetNeighbours(on link: InterfaceName) { neighbours = neighbours.filter { $0.link != link } }

    mutating func rename(_ old: InterfaceName, to new: InterfaceName) {
        addresses = addresses.map { $0.link == old ? Address($0.address, on: new) : $0 }
        neighbours = Set(neighbours.map { $0.link == old ? Neighbour($0.address, at: $0.mac, on: new) : $0 })
        if let shaper = shapers.removeValue(forKey: old) {
            shapers[new] = Shaper(on: new, port: shaper.port, queue: shaper.queue, megabits: shaper.megabits)
        }
        routes = routes.mapValues { route in
            route.link == old
                ? Route(route.destination, via: route.gateway, on: new, table: route.table, source: route.source)
                : route
        }
    }
}

extension InterfaceAddress {
    /// Only IPv4 knows primaries and secondaries.
    fileprivate func isInSubnet(of other: InterfaceAddress) -> Bool {
        guard case .v4(let mine) = address, case .v4(let its) = other.address else { return self == other }
        return prefixLength == other.prefixLength
            && IPv4Prefix(containing: mine, length: prefixLength)?.contains(its) == true
    }
}
