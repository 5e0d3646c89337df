import MetadataServer
import NetworkVocabulary
import RouterPlan

private let nic = ServedNIC(
    origin: Origin("nic", ObjectID(random: 0, 1)), guest: ObjectID(random: 1, 1), mac: MACAddress(2, 0, 0, 0, 0, 1),
    address: IPv4Address(10, 1, 1, 10), hostName: "web", isDefault: true,
    metadata: ServedMetadata(
        leaves: [.init("instance-id", "i-1"), .init("local-ipv4", "10.1.1.10")], userData: Secret("ZGF0YQ=="),
        password: .waiting(Secret("secret"))))

private func verdict(_ bytes: [UInt8]) -> String {
    switch HTTPRequest.read(bytes.span.bytes) {
    case .incomplete: "incomplete"
    case .bad(let status): "\(status)"
    case .request(let request, let length): "\(request.method) \(request.path) \(request.keepsAlive) \(length)"
    }
}

/// FZ6: what a head means does not depend on how it was cut, an answer is HTTP, and nothing but the one header on the one
/// port brings the password.
@_cdecl("LLVMFuzzerTestOneInput")
public func target(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let whole = verdict(bytes)
    if whole != "incomplete", let cut = bytes.indices.randomElement() {
        let part = verdict(Array(bytes[..<cut]))
        precondition(part == "incomplete" || part == whole)
    }
    guard case .request(let request, let length) = HTTPRequest.read(bytes.span.bytes) else { return 0 }
    precondition(length <= bytes.count)
    for service in [MetadataResponder.Service.metadata, .password] {
        var pages = GuestPages(nic) { _ in Array("data".utf8) }
        var out: [UInt8] = []
        _ = MetadataResponder.answer(request, bytes.span.bytes, service, &pages, date: [], to: &out)
        precondition(out.starts(with: Array("HTTP/1.1 ".utf8)))
        let hasSecret = String(decoding: out, as: UTF8.self).hasSuffix("\r\n\r\nsecret")
        let asks = request.passwordRequest.map { bytes[$0].elementsEqual("send_my_password".utf8) } ?? false
        if case .password = service { precondition(!hasSecret || asks) } else { precondition(!hasSecret) }
    }
    return 0
}
