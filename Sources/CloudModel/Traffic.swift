public import NetworkVocabulary

/// What of the traffic between two places a rule speaks of: a protocol, and which of it.
public enum Traffic: Hashable, Sendable {
    /// Whatever the protocol.
    case all
    /// These ports, or every port.
    case tcp(PortRange?)
    case udp(PortRange?)
    /// This type, or every type; this code of it, or every code. A code without a type means nothing and counts as every
    /// code.
    case icmp(type: UInt8?, code: UInt8?)
    /// A protocol that has a number and no ports that rules know of. Never TCP, UDP or ICMP: those have their own case.
    case other(IPProtocol)

    /// The protocol with a number, whatever the way it was written.
    public init(_ number: IPProtocol) {
        switch number {
        case .tcp: self = .tcp(nil)
        case .udp: self = .udp(nil)
        case .icmp: self = .icmp(type: nil, code: nil)
        default: self = .other(number)
        }
    }
}

extension Traffic: LosslessStringConvertible, TextCoded {
    /// `all`, `tcp`, `tcp/80`, `udp/8000-8010`, `icmp`, `icmp/8`, `icmp/8/0`, `47`.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count) {
        case ("all", 1): self = .all
        case ("tcp", 1): self = .tcp(nil)
        case ("udp", 1): self = .udp(nil)
        case ("tcp", 2), ("udp", 2):
            guard let ports = PortRange(parts[1]) else { return nil }
            self = parts[0] == "tcp" ? .tcp(ports) : .udp(ports)
        case ("icmp", 1...3):
            let numbers = parts.dropFirst().map { IPProtocol($0) }
            guard !numbers.contains(nil), parts.dropFirst().allSatisfy({ $0.utf8.allSatisfy { (48...57) ~= $0 } })
            else { return nil }
            self = .icmp(
                type: numbers.isEmpty ? nil : numbers[0]?.number, code: numbers.count < 2 ? nil : numbers[1]?.number)
        default:
            guard parts.count == 1, let number = IPProtocol(text), number.description == text else { return nil }
            self = Traffic(number)
        }
    }

    public var description: String {
        switch self {
        case .all: "all"
        case .tcp(let ports): ports.map { "tcp/\($0)" } ?? "tcp"
        case .udp(let ports): ports.map { "udp/\($0)" } ?? "udp"
        case .icmp(nil, _): "icmp"
        case .icmp(let type?, nil): "icmp/\(type)"
        case .icmp(let type?, let code?): "icmp/\(type)/\(code)"
        case .other(let number): "\(number)"
        }
    }
}

extension Traffic {
    /// What is wrong with it, or nil.
    var contradiction: String? {
        switch self {
        case .other(.tcp), .other(.udp), .other(.icmp): "a protocol with a name is spelt as a number"
        case .icmp(nil, _?): "it names a code without a type"
        default: nil
        }
    }
}
