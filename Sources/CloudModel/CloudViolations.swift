import NetworkVocabulary

extension Cloud {
    /// Everything that is wrong with the model: each record examined again, and everything derived computed from
    /// nothing and compared. For tests and for the start of the daemon; the cost is that of the whole model.
    public func violations() -> [String] {
        var found: [String] = []
        var fresh = Cloud()
        fresh.revision = revision
        for record in checkpoint() {
            do throws(ModelError) {
                try fresh.apply(.put(record))
            } catch {
                found.append(error.description)
            }
        }
        for (name, same) in differences(from: fresh) where !same {
            found.append("index \(name) is not what the tables say")
        }
        for record in checkpoint() {
            if let object = record.object, let why = contradiction(of: object) {
                found.append("\(object.reference): \(why)")
            }
        }
        found += seriesViolations() + pictureViolations()
        return found
    }

    private func contradiction(of object: some CloudObject) -> String? {
        object.contradiction(in: self, replacing: object)
    }

    private func differences(from fresh: Cloud) -> [(String, Bool)] {
        [
            ("claims", claims == fresh.claims),
            ("referenceCounts", referenceCounts == fresh.referenceCounts),
            ("relations", relations == fresh.relations),
            ("annotations", annotations == fresh.annotations),
            ("publicRangesByBridge", publicRangesByBridge == fresh.publicRangesByBridge),
            ("broadFirewallRulesByAddress", broadFirewallRulesByAddress == fresh.broadFirewallRulesByAddress),
            ("ruleSpots", ruleSpots == fresh.ruleSpots),
            ("publicRangeStarts", publicRangeStarts == fresh.publicRangeStarts),
            ("segmentsInUse", segmentsInUse == fresh.segmentsInUse),
            ("addressesInUseByRange", addressesInUseByRange == fresh.addressesInUseByRange),
            ("addressesInUseByNetwork", addressesInUseByNetwork == fresh.addressesInUseByNetwork),
            ("portsInUse", portsInUse == fresh.portsInUse),
            ("everything", self == fresh),
        ]
    }

    /// Numbers that a series will give again.
    private func seriesViolations() -> [String] {
        var found: [String] = []
        let expect = { (name: Series.Name, number: UInt64, object: String) in
            if number >= next(name) {
                found.append("\(object) has number \(number), which series \(name.rawValue) will give")
            }
        }
        for account in accounts.values { expect(.account, account.number, "account \(account.id)") }
        for range in publicRanges.values { expect(.publicRange, range.number, "public range \(range.id)") }
        for network in networks.values { expect(.network, network.number, "network \(network.id)") }
        for guest in guests.values { expect(.machine, guest.number, "guest \(guest.id)") }
        for router in routers.values {
            expect(.machine, router.number, "router \(router.id)")
            for (_, attachment) in router.attachments {
                expect(.mac, attachment.mac.seriesNumber, "router \(router.id)")
            }
        }
        for rule in firewallRules.values { expect(.rule, rule.number, "firewall rule \(rule.id)") }
        for rule in loadBalancerRules.values { expect(.rule, rule.number, "load balancer rule \(rule.id)") }
        for member in loadBalancerMembers.values { expect(.rule, member.number, "load balancer member \(member.id)") }
        for rule in egressRules.values { expect(.rule, rule.number, "egress rule \(rule.id)") }
        return found
    }

    /// What holds between the ledger's entries, though not between the changes of one.
    private func pictureViolations() -> [String] {
        var found: [String] = []
        for guest in guests.values {
            let defaults = nics(ofGuest: guest.id).count { $0.isDefault }
            if !nicsByGuest[guest.id].isEmpty, defaults != 1 {
                found.append("guest \(guest.id) has \(defaults) default nics")
            }
        }
        for network in networks.values {
            let router = router(ofNetwork: network.id)
            guard let router else { continue }
            let addresses = publicAddresses(ofNetwork: network.id)
            let serving = addresses.map { publicLeg(of: router, for: $0.range)?.index }
            for (address, leg) in zip(addresses, serving) where leg == nil {
                found.append("router \(router.id) has no leg for address \(address.address)")
            }
            for leg in router.publicLegs where !serving.contains(leg.index) {
                found.append("router \(router.id) has leg \(leg.index) for no address")
            }
        }
        for bridge in bridges {
            for (shard, count) in ports(of: bridge).enumerated() where count > Bridge.capacity(ofShard: shard) {
                found.append("\(bridge) has \(count) ports on shard \(shard)")
            }
        }
        return found
    }
}

extension MACAddress {
    /// The number that it was made from.
    var seriesNumber: UInt64 { bits & 0xff_ffff_ffff }
}
