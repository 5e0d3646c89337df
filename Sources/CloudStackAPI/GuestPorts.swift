import CloudModel
import ControlPlane
import NetworkVocabulary
import Planner

// What stands behind a NIC: our extension to what CloudStack says of machines and their ports.

extension Parameter {
    static func port(_ text: String) -> Parameter { Parameter("port", text) }
    static let hostNamespace = Parameter(
        "hostnamespace", "with port namespace: the network namespace, as ip netns names it; root administrators only")
}

extension Call {
    func port(_ text: String?, _ parameter: String) throws(RequestError) -> Guest.Port? {
        guard let text else { return nil }
        guard let port = Guest.Port(rawValue: text.lowercased()) else {
            throw .invalid(parameter, text, command, because: "it is emulated, tap, namespace or none")
        }
        return port
    }

    /// What a request says of one port. A namespace alone says enough.
    func delivery(
        _ port: String?, _ namespace: String?, _ parameter: String
    ) throws(RequestError) -> Request.Delivery? {
        guard let port = try self.port(port, parameter) ?? (namespace == nil ? nil : .namespace) else { return nil }
        return Request.Delivery(port, namespace: namespace)
    }
}

extension NIC {
    /// Where whoever plays the machine finds the port: a tap by its name, through the file of the kernel's taps; a link by its
    /// name in the namespace that it is in.
    func addPort(to object: inout APIObject, in cloud: Cloud) {
        let device = Planner.device(of: self, in: cloud)
        object["port"] = portText(in: cloud)
        object["hostdevice"] = .text(device)
        object["hostnamespace"] = .text(delivery?.namespace)
        object["path"] = path(in: cloud)
        if case .namespace? = delivery { object["device"] = device == nil ? nil : .string("eth\(index)") }
    }

    /// The file by which a port that is a tap is opened, while there is one.
    func path(in cloud: Cloud) -> APIValue? {
        guard delivery == .tap, Planner.device(of: self, in: cloud) != nil else { return nil }
        return .string(Self.taps)
    }

    func portText(in cloud: Cloud) -> APIValue? {
        .text((delivery?.port ?? cloud.guests[guest]?.port)?.rawValue)
    }

    private static let taps = "/dev/net/tun"
}
