import NetworkVocabulary

// `{"put":"zone","value":{…}}`, `{"remove":"zone","id":"…"}` and, in checkpoints, `{"record":"zone","value":{…}}`.
//
// A field or kind that this program does not know means that a newer one wrote the ledger. Ignoring it would drop
// somebody's configuration silently, so it is an error that names what was found.

extension Change: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case put, value, remove, id }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        if container.contains(.put) {
            let kind = try container.decode(kind: .put)
            self = .put(try Record(kind: kind, from: container.superDecoder(forKey: .value)))
        } else {
            let kind = try container.decode(kind: .remove)
            self = .remove(kind, try container.decode(ObjectID.self, forKey: .id))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .put(let record):
            try container.encode(record.kind, forKey: .put)
            try record.encodeValue(to: container.superEncoder(forKey: .value))
        case .remove(let kind, let id):
            try container.encode(kind, forKey: .remove)
            try container.encode(id, forKey: .id)
        }
    }
}

extension Record: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case record, value }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        try self.init(kind: container.decode(kind: .record), from: container.superDecoder(forKey: .value))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .record)
        try encodeValue(to: container.superEncoder(forKey: .value))
    }

    fileprivate init(kind: RecordKind, from decoder: any Decoder) throws {
        if let type = kind.type {
            self = try type.record(from: decoder)
        } else {
            self = .series(try decoder.strict(Series.self, Series.CodingKeys.self))
        }
    }

    fileprivate func encodeValue(to encoder: any Encoder) throws {
        switch self {
        case .series(let value): try value.encode(to: encoder)
        default: try object?.encode(to: encoder)
        }
    }
}

// Values inside records look for unknown fields themselves.

extension Attachment {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        mac = try container.decode(MACAddress.self, forKey: .mac)
        shard = try container.decode(Int.self, forKey: .shard)
    }
}

extension StaticNAT {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        nic = try container.decode(ObjectID.self, forKey: .nic)
        guestAddress = try container.decode(IPv4Address.self, forKey: .guestAddress)
    }
}

extension SecondaryAddress {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        id = try container.decode(ObjectID.self, forKey: .id)
        address = try container.decode(IPv4Address.self, forKey: .address)
    }
}

extension UserData {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        let details = try container.decode([String: Secret].self, forKey: .details)
        if let document = try container.decodeIfPresent(ObjectID.self, forKey: .document) {
            self.init(document: document, details: details)
        } else {
            self.init(content: try container.decode(Secret.self, forKey: .content), details: details)
        }
    }
}

extension NamedKey {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        key = try container.decode(SSHPublicKey.self, forKey: .key)
    }
}

extension GuestPassword {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        secret = try container.decodeIfPresent(Secret.self, forKey: .secret)
        state = try container.decode(State.self, forKey: .state)
        encrypted = try container.decodeIfPresent(String.self, forKey: .encrypted)
    }
}

extension VirtualRouter.PublicLeg {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        index = try container.decode(Int.self, forKey: .index)
        range = try container.decode(ObjectID.self, forKey: .range)
        attachment = try container.decode(Attachment.self, forKey: .attachment)
    }
}

extension Role.Permission {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        id = try container.decode(ObjectID.self, forKey: .id)
        rule = try container.decode(String.self, forKey: .rule)
        isAllowed = try container.decode(Bool.self, forKey: .isAllowed)
        description = try container.decodeIfPresent(String.self, forKey: .description)
    }
}

extension Project.Member {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        account = try container.decode(ObjectID.self, forKey: .account)
        user = try container.decodeIfPresent(ObjectID.self, forKey: .user)
        isAdmin = try container.decode(Bool.self, forKey: .isAdmin)
    }
}

// Fields that came later: a record written before has what everybody had then.

extension Account {
    /// An account from before there were domains and roles is ROOT's: the first the administrator, the others users.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let number = try container.decode(UInt64.self, forKey: .number)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id), number: number,
            name: try container.decode(String.self, forKey: .name),
            domain: try container.decodeIfPresent(ObjectID.self, forKey: .domain) ?? Domain.root.id,
            type: try container.decodeIfPresent(Kind.self, forKey: .type) ?? (number == 2 ? .rootAdmin : .user),
            role: try container.decodeIfPresent(ObjectID.self, forKey: .role),
            state: try container.decodeIfPresent(State.self, forKey: .state) ?? .enabled,
            networkDomain: try container.decodeIfPresent(String.self, forKey: .networkDomain),
            created: try container.decodeIfPresent(Int64.self, forKey: .created) ?? 0,
            limits: try container.decodeIfPresent([ResourceType: Int].self, forKey: .limits) ?? [:])
    }
}

extension NIC {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            guest: try container.decode(ObjectID.self, forKey: .guest),
            network: try container.decode(ObjectID.self, forKey: .network),
            index: try container.decode(Int.self, forKey: .index),
            address: try container.decodeIfPresent(IPv4Address.self, forKey: .address),
            secondaryAddresses: try container.decodeIfPresent([SecondaryAddress].self, forKey: .secondaryAddresses)
                ?? [],
            attachment: try container.decode(Attachment.self, forKey: .attachment),
            isDefault: try container.decode(Bool.self, forKey: .isDefault),
            allowsSpoofing: try container.decodeIfPresent(Bool.self, forKey: .allowsSpoofing),
            dhcpOptions: try container.decodeIfPresent([ExtraDHCPOption].self, forKey: .dhcpOptions),
            delivery: try container.decodeIfPresent(Delivery.self, forKey: .delivery))
    }
}

extension Guest {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            number: try container.decode(UInt64.self, forKey: .number),
            name: try container.decode(String.self, forKey: .name),
            instanceName: try container.decode(String.self, forKey: .instanceName),
            account: try container.decode(ObjectID.self, forKey: .account),
            zone: try container.decode(ObjectID.self, forKey: .zone),
            port: try container.decode(Port.self, forKey: .port),
            isRunning: try container.decode(Bool.self, forKey: .isRunning),
            destroyed: try container.decodeIfPresent(Int64.self, forKey: .destroyed),
            displayName: try container.decodeIfPresent(String.self, forKey: .displayName),
            isDisplayed: try container.decodeIfPresent(Bool.self, forKey: .isDisplayed) ?? true,
            user: try container.decodeIfPresent(ObjectID.self, forKey: .user),
            created: try container.decodeIfPresent(Int64.self, forKey: .created) ?? 0,
            serviceOffering: try container.decodeIfPresent(ObjectID.self, forKey: .serviceOffering),
            template: try container.decodeIfPresent(ObjectID.self, forKey: .template),
            details: try container.decodeIfPresent([String: String].self, forKey: .details) ?? [:],
            userData: try container.decodeIfPresent(UserData.self, forKey: .userData),
            keys: try container.decodeIfPresent([NamedKey].self, forKey: .keys) ?? [],
            password: try container.decodeIfPresent(GuestPassword.self, forKey: .password))
    }
}

extension LoadBalancerRule {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            number: try container.decode(UInt64.self, forKey: .number),
            slot: try container.decode(Int.self, forKey: .slot),
            publicAddress: try container.decodeIfPresent(ObjectID.self, forKey: .publicAddress),
            internalAddress: try container.decodeIfPresent(ObjectID.self, forKey: .internalAddress),
            name: try container.decode(String.self, forKey: .name),
            description: try container.decode(String.self, forKey: .description),
            transport: try container.decode(Transport.self, forKey: .transport),
            algorithm: try container.decode(Algorithm.self, forKey: .algorithm),
            publicPort: try container.decode(UInt16.self, forKey: .publicPort),
            privatePort: try container.decode(UInt16.self, forKey: .privatePort),
            sources: try container.decode([IPPrefix].self, forKey: .sources),
            stickiness: try container.decodeIfPresent(StickinessPolicy.self, forKey: .stickiness),
            healthCheck: try container.decodeIfPresent(HealthCheckPolicy.self, forKey: .healthCheck),
            certificate: try container.decodeIfPresent(ObjectID.self, forKey: .certificate),
            isDisplayed: try container.decodeIfPresent(Bool.self, forKey: .isDisplayed) ?? true)
    }
}

extension Network {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            number: try container.decode(UInt64.self, forKey: .number),
            name: try container.decode(String.self, forKey: .name),
            displayText: try container.decode(String.self, forKey: .displayText),
            account: try container.decode(ObjectID.self, forKey: .account),
            zone: try container.decode(ObjectID.self, forKey: .zone),
            physicalNetwork: try container.decode(ObjectID.self, forKey: .physicalNetwork),
            offering: try container.decode(ObjectID.self, forKey: .offering),
            guestType: try container.decodeIfPresent(NetworkOffering.GuestType.self, forKey: .guestType) ?? .isolated,
            cidr: try container.decodeIfPresent(IPv4Prefix.self, forKey: .cidr),
            gateway: try container.decodeIfPresent(IPv4Address.self, forKey: .gateway),
            guestCIDR: try container.decodeIfPresent(IPv4Prefix.self, forKey: .guestCIDR),
            state: try container.decode(State.self, forKey: .state),
            segment: try container.decodeIfPresent(Segment.self, forKey: .segment),
            ownSegment: try container.decodeIfPresent(Segment.self, forKey: .ownSegment),
            audience: try container.decodeIfPresent(Audience.self, forKey: .audience) ?? .owner,
            isolatesPorts: try container.decodeIfPresent(Bool.self, forKey: .isolatesPorts) ?? false,
            networkDomain: try container.decodeIfPresent(String.self, forKey: .networkDomain),
            dns1: try container.decodeIfPresent(IPv4Address.self, forKey: .dns1),
            dns2: try container.decodeIfPresent(IPv4Address.self, forKey: .dns2),
            mtu: try container.decode(Int.self, forKey: .mtu),
            publicMTU: try container.decodeIfPresent(Int.self, forKey: .publicMTU),
            restarts: try container.decodeIfPresent(UInt64.self, forKey: .restarts) ?? 0)
    }
}

extension PublicRange {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            zone: try container.decode(ObjectID.self, forKey: .zone),
            physicalNetwork: try container.decode(ObjectID.self, forKey: .physicalNetwork),
            number: try container.decode(UInt64.self, forKey: .number),
            segment: try container.decode(Segment.self, forKey: .segment),
            subnet: try container.decode(IPv4Prefix.self, forKey: .subnet),
            gateway: try container.decode(IPv4Address.self, forKey: .gateway),
            addresses: try container.decode(IPv4Range.self, forKey: .addresses),
            dedication: try container.decodeIfPresent(Dedication.self, forKey: .dedication),
            isForSystem: try container.decodeIfPresent(Bool.self, forKey: .isForSystem) ?? false,
            ipv6: try container.decodeIfPresent(IPv6Part.self, forKey: .ipv6))
    }
}

extension IPv6Part {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(refusingUnknown: CodingKeys.self)
        prefix = try container.decode(IPv6Prefix.self, forKey: .prefix)
        gateway = try container.decode(IPv6Address.self, forKey: .gateway)
        addresses = try container.decodeIfPresent(IPv6Range.self, forKey: .addresses)
    }
}

extension PublicAddress {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(ObjectID.self, forKey: .id),
            range: try container.decode(ObjectID.self, forKey: .range),
            address: try container.decode(IPv4Address.self, forKey: .address),
            account: try container.decode(ObjectID.self, forKey: .account),
            network: try container.decodeIfPresent(ObjectID.self, forKey: .network),
            isSourceNAT: try container.decode(Bool.self, forKey: .isSourceNAT),
            staticNAT: try container.decodeIfPresent(StaticNAT.self, forKey: .staticNAT),
            isReserved: try container.decodeIfPresent(Bool.self, forKey: .isReserved) ?? false,
            isDisplayed: try container.decodeIfPresent(Bool.self, forKey: .isDisplayed) ?? true)
    }
}
