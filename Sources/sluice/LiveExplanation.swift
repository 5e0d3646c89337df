import FoundationEssentials
import PacketTesting

/// Explanations beside what the kernel itself says of the same packets, which are sent for real.
struct LiveExplanation {
    private let client: APIClient
    private let explanations: [JSONValue]

    init(_ client: APIClient, _ explanations: [JSONValue]) throws(Failure) {
        self.client = client
        self.explanations = explanations
        try Commands.enterDaemonsNamespaces(client)
    }

    /// The text of the explanations, each with the kernel's word. Fails when the two do not agree.
    func text() throws(Failure) -> String {
        var text = ""
        var differs = false
        for explanation in explanations {
            let (words, agrees) = try compare(explanation)
            text += (explanation["text"]?.text ?? "") + words
            differs = differs || !agrees
        }
        guard !differs else { throw Failure(text + "the kernel decides otherwise than the plans say") }
        return text
    }

    private func compare(_ explanation: JSONValue) throws(Failure) -> (String, Bool) {
        guard let namespace = explanation["namespace"]?.text, let device = explanation["device"]?.text else {
            throw Failure("\(explanation["port"]?.text ?? "the port") has no namespace to send from")
        }
        var expected: [(router: String, rulings: [LiveTrace.Ruling])] = []
        for passage in explanation["passage"]?.list ?? [] {
            guard let router = passage["node"]?.text else { continue }
            let rulings = (passage["stage"]?.list ?? []).compactMap(Self.ruling)
            if let index = expected.firstIndex(where: { $0.router == router }) {
                expected[index].rulings += rulings
            } else {
                expected.append((router, rulings))
            }
        }
        let heard: [String: [LiveTrace.Ruling]]
        do {
            heard = try LiveTrace.send(
                (explanation["frame"]?.text ?? "").hexadecimal, from: namespace, by: device,
                through: expected.map(\.router))
        } catch {
            throw Failure("the packet cannot be sent and followed: \(error)")
        }
        var text = ""
        var agrees = true
        for (router, rulings) in expected {
            let found = heard[router] ?? []
            if found == rulings {
                text += "\(router), by its kernel: the same (\(found.map(\.description).joined(separator: "; ")))\n"
            } else {
                agrees = false
                text += "\(router), by its kernel: \(found.isEmpty ? "nothing" : "")"
                text += found.map(\.description).joined(separator: "; ") + "\n"
            }
        }
        return (text, agrees)
    }

    private static func ruling(_ stage: JSONValue) -> LiveTrace.Ruling? {
        guard let chain = stage["chain"]?.text, let verdict = stage["verdict"]?.text else { return nil }
        return .init(chain: chain, rule: stage["rule"].flatMap { Int($0.text) }, isDrop: verdict == "drop")
    }
}

extension String {
    /// The bytes that its hexadecimal digits say.
    var hexadecimal: [UInt8] {
        let values = compactMap(\.hexDigitValue)
        return stride(from: 0, to: values.count - 1, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }
}

extension [UInt8] {
    var hexadecimal: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
