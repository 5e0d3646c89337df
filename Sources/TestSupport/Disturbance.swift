import NetworkVocabulary
public import RouterPlan
public import Ruleset

// What people and programs do to a kernel that is ours: any object removed, altered or joined by another.

extension FakeKernel {
    /// Does one thing at random to what belongs to the installation, as somebody else would. Returns what it was and
    /// the nodes that its events would be about.
    public func disturb(_ random: inout some RandomNumberGenerator) -> (what: String, nodes: Set<NodeName>)? {
        let nodes = names.keys.filter { self[$0]?.owner != nil }.sorted()
        guard let node = nodes.randomElement(using: &random), let place = names[node] else { return nil }
        var what = ""
        let touched = try? edit { kernel throws(Refusal) in
            what =
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<2: try kernel.disturbHost(&random)
                case 2..<4: try kernel.disturbDevices(node, place, &random)
                case 4..<7: try kernel.disturbRows(place, &random)
                case 7..<9: try kernel.disturbTable(place, &random)
                default: try kernel.removedName(node)
                }
        }
        return touched.map { ("\(node): \(what)", $0) }
    }

    /// Somebody else's commit to the table of a node of ours.
    public func commit(_ operations: [Operation], on node: NodeName) throws(Refusal) {
        guard let place = names[node] else { throw Refusal(errno: 2, text: "no namespace \(node)") }
        try inside(place) { (space) throws(Refusal) in
            try space.commit(Transaction(.inet, "sluice", operations), expected: nil)
        }
    }

    private func removedName(_ node: NodeName) throws(Refusal) -> String {
        removeName(node)
        return "name removed"
    }

    private func disturbHost(_ random: inout some RandomNumberGenerator) throws(Refusal) -> String {
        let ours = (spaces[.host]?.devices ?? [:]).filter { $0.value.mark != nil }.keys.sorted()
        guard let name = ours.randomElement(using: &random) else { return "nothing" }
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            try removeDevice(name)
            return "removed \(name)"
        case 1:
            try setDevice(name) { $0.isUp = false }
            return "\(name) down"
        case 2:
            try setDevice(name) { $0.master = nil }
            return "\(name) detached"
        case 3:
            try setDevice(name) { $0.mtu = 1280 }
            return "mtu of \(name)"
        default:
            let other = try InterfaceName.numbered("foreign", &random)
            try addDevice(other, newDevice(.other("dummy"), mtu: 1500))
            return "added \(other) to the host"
        }
    }

    private func disturbDevices(
        _ node: NodeName, _ place: Place, _ random: inout some RandomNumberGenerator
    ) throws(Refusal) -> String {
        let devices = (spaces[place]?.devices ?? [:]).keys.sorted()
        guard let name = devices.randomElement(using: &random) else { return "nothing" }
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            try removeDevice(name, in: place)
            return "removed \(name)"
        case 1:
            try setDevice(name, in: place) { $0.isUp = false }
            return "\(name) down"
        case 2:
            try setDevice(name, in: place) { $0.mtu = 1000 }
            return "mtu of \(name)"
        case 3 where name != Self.loopback:
            try setDevice(name, in: place) { $0.mac = MACAddress(2, 9, 9, 9, 9, 9) }
            return "MAC of \(name)"
        case 4 where Bool.random(using: &random):
            try setDevice(name, in: place) { $0.settings = $0.settings.mapValues { _ in 9 } }
            return "settings of \(name)"
        case 4 where name != Self.loopback:
            try renameDevice(name, to: try InterfaceName.numbered("moved", &random), in: place)
            return "renamed \(name)"
        default:
            let other = try InterfaceName.numbered("foreign", &random)
            try addDevice(other, newDevice(.other("dummy"), mtu: 1500), in: place)
            return "added \(other)"
        }
    }

    private func disturbRows(_ place: Place, _ random: inout some RandomNumberGenerator) throws(Refusal) -> String {
        let choice = Int.random(in: 0..<12, using: &random)
        let number = UInt8.random(in: 1..<250, using: &random)
        var picker = SeededGenerator(seed: random.next())
        return try inside(place) { (space) throws(Refusal) -> String in
            let link = space.devices.keys.sorted().randomElement(using: &picker) ?? Self.loopback
            let route = space.routes.values.sorted { $0.description < $1.description }.randomElement(using: &picker)
            switch choice {
            case 0:
                guard let address = space.addresses.randomElement(using: &picker) else { return "nothing" }
                try space.remove(address)
                return "removed \(address)"
            case 1:
                guard let address = InterfaceAddress("192.0.2.\(number)/24") else { return "nothing" }
                try space.add(Address(address, on: link))
                return "added \(address)"
            case 2:
                guard let route else { return "nothing" }
                space.remove(route)
                return "removed \(route)"
            case 3:
                guard let route else { return "nothing" }
                try space.put(Route(route.destination, on: link, table: route.table))
                return "altered \(route)"
            case 4:
                guard let prefix = IPPrefix("192.0.2.\(number)/32") else { return "nothing" }
                try space.put(Route(prefix, on: link, table: [254, 101, 7].randomElement(using: &picker) ?? 254))
                return "added \(prefix)"
            case 5:
                let rules = space.rules.sorted { $0.priority < $1.priority }
                guard let rule = rules.randomElement(using: &picker) else { return "nothing" }
                space.removeRules(priority: rule.priority)
                return "removed \(rule)"
            case 6:
                try space.add(PolicyRule(priority: UInt32(number), .lookup(table: Route.mainTable)))
                return "added rule \(number)"
            case 7:
                // In the way of one of ours.
                try space.add(PolicyRule(priority: 32000, mark: UInt32(number), .lookup(table: 7)))
                return "added rule 32000"
            case 8:
                guard let path = space.settings.keys.sorted().randomElement(using: &picker) else { return "nothing" }
                try space.set(path, "\(number)")
                return "set \(path)"
            case 9, 10:
                let shapers = space.shapers.values.sorted { $0.link < $1.link }
                guard let shaper = shapers.randomElement(using: &picker) else { return "nothing" }
                space.shapers[shaper.link] =
                    choice == 9
                    ? nil : Shaper(on: shaper.link, port: shaper.port, queue: shaper.queue, megabits: Int(number))
                return "\(choice == 9 ? "removed" : "altered") \(shaper)"
            default:
                let mac = MACAddress(2, 7, 7, 7, 7, number)
                let known = space.neighbours.sorted { $0.address < $1.address }.randomElement(using: &picker)
                guard let address = known?.address ?? IPAddress("192.0.2.\(number)") else { return "nothing" }
                try space.put(Neighbour(address, at: mac, on: known?.link ?? link))
                return "neighbour \(address)"
            }
        }
    }

    private func disturbTable(_ place: Place, _ random: inout some RandomNumberGenerator) throws(Refusal) -> String {
        let choice = Int.random(in: 0..<8, using: &random)
        var picker = SeededGenerator(seed: random.next())
        return try inside(place) { (space) throws(Refusal) -> String in
            guard let table = space.ruleset.table(.inet, "sluice") else { return "nothing" }
            guard let chain = table.chains.randomElement(using: &picker),
                let set = table.sets.values.sorted(by: { $0.name < $1.name }).randomElement(using: &picker)
            else {
                return "nothing"
            }
            let elements = (table.elements[set.name] ?? [:]).sorted { $0.key < $1.key }
            let stranger = Origin("stranger", ObjectID(random: picker.next(), 1))
            var operations: [Operation]
            switch choice {
            case 0: operations = [.deleteTable]
            case 1: operations = [.flushChain(chain.name)]
            case 2: operations = [.addRule(chain.name, Rule(stranger, [.counter, .verdict(.accept)]))]
            case 3:
                var rules = chain.rules
                rules.shuffle(using: &picker)
                operations = [.flushChain(chain.name)] + rules.dropFirst().map { .addRule(chain.name, $0) }
            case 4: operations = elements.randomElement(using: &picker).map { [.deleteElements(set, [$0.key])] } ?? []
            case 5:
                guard let element = elements.randomElement(using: &picker) else { return "nothing" }
                let other = KeyedElement(element.key, Element(element.value.content, origin: stranger))
                operations = [.deleteElements(set, [element.key]), .addElements(set, [other])]
            case 6: operations = [.addChain("stranger", nil), .addRule("stranger", Rule(stranger, [.counter]))]
            default: operations = [.addSet(SetDeclaration("stranger", key: [.ipv4], origin: stranger))]
            }
            try space.commit(Transaction(.inet, "sluice", operations), expected: nil)
            return "table: \(operations.count) operations of kind \(choice)"
        }
    }
}

extension InterfaceName {
    fileprivate static func numbered(
        _ stem: String, _ random: inout some RandomNumberGenerator
    ) throws(FakeKernel.Refusal) -> InterfaceName {
        guard let name = InterfaceName("\(stem)\(UInt8.random(in: 0...255, using: &random))") else {
            throw FakeKernel.Refusal(errno: 22, text: "no name")
        }
        return name
    }
}
