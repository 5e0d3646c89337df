public import NetworkVocabulary
public import Packets
public import RouterPlan

/// DHCPv4 (RFC 2131) and BOOTP (RFC 951) for the NICs of a plan: bytes in, decision out. It keeps nothing between two
/// messages, so a renewal is acknowledged after any restart.
///
/// Who asks is the hardware address in the message. The rules of the router and of the guest's port let only that
/// port's own through (promise 12), and of source addresses none but the NIC's.
public enum DHCPServer {
    public enum Outcome: Hashable, Sendable {
        case silent(Silence)
        /// The reply is to be sent there.
        case answered(DHCPMessageType?, ServedNIC, to: Destination)
        /// The client gives the address back. It stays the NIC's.
        case released(ServedNIC)
        /// The client says that somebody else has its address.
        case declined(ServedNIC)
    }

    public struct Destination: Hashable, Sendable {
        public let address: IPv4Address
        public let port: UInt16
    }

    /// Why there is no answer.
    public enum Silence: String, Hashable, Sendable, CaseIterable {
        case malformed
        /// Not what a client sends.
        case notARequest
        /// No NIC of this network has this hardware address.
        case unknownClient
        /// The packet came from an address that is not the NIC's.
        case foreignSource
        /// The client has chosen another server.
        case otherServer
        /// A release, decline or INFORM of an address that is not the NIC's.
        case otherAddress
    }

    /// Reads a request and writes what is to be answered. `source` is the packet's source address.
    public static func answer(
        _ bytes: RawSpan, from source: IPv4Address, on network: DHCPNetwork, _ reply: inout DHCPReply
    ) -> Outcome {
        guard let request = DHCPFields(parsing: bytes) else { return .silent(.malformed) }
        guard request.operation == DHCPFields.requestOperation else { return .silent(.notARequest) }
        guard request.hardwareType == 1, request.hardwareLength == 6,
            let lease = network.lease(request.hardwareAddress)
        else { return .silent(.unknownClient) }
        guard isOwn(source, lease.nic), isOwn(request.relayAddress, lease.nic),
            request.relayAddress.bits == 0 || request.relayAddress == source
        else { return .silent(.foreignSource) }
        var exchange = Exchange(network: network, lease: lease, request: request)
        guard request.hasOptions, request.has(.messageType) else { return exchange.bootp(bytes, &reply) }
        guard let type = request.octet(.messageType, in: bytes).flatMap(DHCPMessageType.init) else {
            return .silent(.malformed)
        }
        return exchange.answer(type, bytes, from: source, &reply)
    }

    private static func isOwn(_ address: IPv4Address, _ nic: ServedNIC) -> Bool {
        address.bits == 0 || address == nic.address || nic.secondaryAddresses.contains(address)
    }
}

/// One request and what is known of its sender.
struct Exchange {
    let network: DHCPNetwork
    let lease: DHCPNetwork.Lease
    let request: DHCPFields

    private var nic: ServedNIC { lease.nic }
    private var server: IPv4Address { network.services.server }

    mutating func answer(
        _ type: DHCPMessageType, _ bytes: RawSpan, from source: IPv4Address, _ reply: inout DHCPReply
    ) -> DHCPServer.Outcome {
        switch type {
        case .discover:
            write(.offer, bytes, &reply)
            return .answered(.offer, nic, to: destination(mayUseOwn: false))
        case .request: return request(bytes, &reply)
        case .inform: return inform(bytes, from: source, &reply)
        case .release, .decline:
            guard request.address(.serverIdentifier, in: bytes) == server else { return .silent(.otherServer) }
            let address =
                type == .release ? request.clientAddress : request.address(.requestedAddress, in: bytes)
            guard address == nic.address else { return .silent(.otherAddress) }
            return type == .release ? .released(nic) : .declined(nic)
        case .offer, .acknowledge, .refuse: return .silent(.notARequest)
        }
    }

    /// Which address the client means says in which state it is (RFC 2131 section 4.3.2); all of them come to the same
    /// question, since the answer never depends on what was said before.
    private mutating func request(_ bytes: RawSpan, _ reply: inout DHCPReply) -> DHCPServer.Outcome {
        if request.has(.serverIdentifier), request.address(.serverIdentifier, in: bytes) != server {
            return .silent(.otherServer)
        }
        let wanted: IPv4Address
        if request.has(.requestedAddress) {
            guard let address = request.address(.requestedAddress, in: bytes) else { return .silent(.malformed) }
            wanted = address
        } else {
            wanted = request.clientAddress
        }
        guard wanted.bits != 0 else { return .silent(.malformed) }
        guard wanted == nic.address, request.clientAddress.bits == 0 || request.clientAddress == nic.address else {
            return refuse(bytes, &reply)
        }
        write(.acknowledge, bytes, &reply)
        return .answered(.acknowledge, nic, to: destination(mayUseOwn: true))
    }

    private func refuse(_ bytes: RawSpan, _ reply: inout DHCPReply) -> DHCPServer.Outcome {
        reply.begin(request, of: bytes, yours: IPv4Address(bits: 0), limit: limit(bytes))
        reply.setClientAddress(IPv4Address(bits: 0))
        reply.put(.messageType, DHCPMessageType.refuse.rawValue)
        reply.put(.serverIdentifier, server)
        reply.echo(.clientIdentifier, request, of: bytes)
        // A relay is told to broadcast it (RFC 2131 section 4.3.2).
        if request.relayAddress.bits != 0 { reply.setFlags(request.flags | DHCPFields.broadcastFlag) }
        reply.finish(request, of: bytes)
        let broadcast = DHCPServer.Destination(address: IPv4Address(bits: .max), port: 68)
        return .answered(.refuse, nic, to: relay ?? broadcast)
    }

    /// The client has its address from elsewhere and asks for the rest.
    private func inform(
        _ bytes: RawSpan, from source: IPv4Address, _ reply: inout DHCPReply
    ) -> DHCPServer.Outcome {
        let address = request.clientAddress.bits == 0 ? source : request.clientAddress
        guard nic.addresses.contains(address) else { return .silent(.otherAddress) }
        reply.begin(request, of: bytes, yours: IPv4Address(bits: 0), limit: limit(bytes))
        reply.put(.messageType, DHCPMessageType.acknowledge.rawValue)
        reply.put(.serverIdentifier, server)
        finish(bytes, &reply)
        return .answered(.acknowledge, nic, to: DHCPServer.Destination(address: address, port: 68))
    }

    /// Of a client that does not speak DHCP: the address is its for ever, and there is no message type (RFC 1534).
    func bootp(_ bytes: RawSpan, _ reply: inout DHCPReply) -> DHCPServer.Outcome {
        reply.begin(request, of: bytes, yours: nic.address, limit: DHCPReply.leastLimit)
        for option in lease.options { reply.put(DHCPOption(option.code), option.bytes) }
        setBootFields(&reply)
        reply.finish(request, of: bytes)
        return .answered(nil, nic, to: destination(mayUseOwn: false))
    }

    private func write(_ type: DHCPMessageType, _ bytes: RawSpan, _ reply: inout DHCPReply) {
        reply.begin(request, of: bytes, yours: nic.address, limit: limit(bytes))
        reply.put(.messageType, type.rawValue)
        reply.put(.serverIdentifier, server)
        let time = network.services.leaseTime
        reply.put(.leaseTime, time)
        if time != .max {
            reply.put(.renewalTime, time / 2)
            reply.put(.rebindingTime, time - time / 8)
        }
        finish(bytes, &reply)
    }

    /// What the client asks for, in its order; a client that does not say what it wants is told everything.
    private func finish(_ bytes: RawSpan, _ reply: inout DHCPReply) {
        setBootFields(&reply)
        reply.echo(.clientIdentifier, request, of: bytes)
        if let list = request[.parameterRequestList], list.count < 255 {
            var given: UInt64 = 0
            for offset in list {
                let code = bytes.octetOfOption(offset)
                if code < 64 {
                    if given & 1 << UInt64(code) != 0 { continue }
                    given |= 1 << UInt64(code)
                }
                put(code, &reply)
            }
            if given & 2 == 0 { put(DHCPOption.subnetMask.code, &reply) }
        } else {
            for option in lease.options { reply.put(DHCPOption(option.code), option.bytes) }
            put(DHCPOption.hostName.code, &reply)
        }
        if request.has(.fullyQualifiedName) { putName(bytes, &reply) }
        reply.finish(request, of: bytes)
    }

    private func put(_ code: UInt8, _ reply: inout DHCPReply) {
        if code == DHCPOption.hostName.code { return reply.put(.hostName, Array(nic.hostName.utf8)) }
        for option in lease.options where option.code == code {
            return reply.put(DHCPOption(code), option.bytes)
        }
    }

    /// The name is ours to give: the client's wish is overridden, and its record is kept by us (RFC 4702 section 4).
    private func putName(_ bytes: RawSpan, _ reply: inout DHCPReply) {
        guard let value = request.value(.fullyQualifiedName, in: bytes), value.count >= 3, let domain = network.domain,
            let host = DNSName(nic.hostName), let name = host.below(domain)
        else { return }
        let isEncoded = value[0] & 4 != 0
        let overrides: UInt8 = value[0] & 1 == 0 ? 2 : 0
        let text = isEncoded ? name.wire : Array(name.description.utf8.dropLast())
        reply.put(.fullyQualifiedName, [1 | overrides | value[0] & 4, 255, 255] + text)
    }

    /// Machines that boot over the network read these fields rather than the options.
    private func setBootFields(_ reply: inout DHCPReply) {
        for option in lease.options {
            switch DHCPOption(option.code) {
            case .bootServerName:
                reply.setServerName(option.bytes)
                if let address = IPv4Address(String(decoding: option.bytes, as: UTF8.self)) {
                    reply.setNextServer(address)
                }
            case .bootFileName: reply.setFile(option.bytes)
            default: break
            }
        }
    }

    // MARK: Where to

    private var relay: DHCPServer.Destination? {
        request.relayAddress.bits == 0 ? nil : DHCPServer.Destination(address: request.relayAddress, port: 67)
    }

    /// RFC 2131 section 4.1. That a client without an address can be sent to by address is planned: the router knows its
    /// MAC without asking.
    private func destination(mayUseOwn: Bool) -> DHCPServer.Destination {
        if let relay { return relay }
        if mayUseOwn, request.clientAddress.bits != 0 {
            return DHCPServer.Destination(address: request.clientAddress, port: 68)
        }
        let isBroadcast = request.flags & DHCPFields.broadcastFlag != 0
        return DHCPServer.Destination(address: isBroadcast ? IPv4Address(bits: .max) : nic.address, port: 68)
    }

    /// What the client takes, as far as it fits into a frame of the network.
    private func limit(_ bytes: RawSpan) -> Int {
        guard let size = request.word(.maximumMessageSize, in: bytes) else { return DHCPReply.leastLimit }
        return min(Int(size), network.services.mtu) - 28
    }
}

extension RawSpan {
    fileprivate func octetOfOption(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
