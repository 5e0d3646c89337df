import CloudModel
import NetworkVocabulary

// To whom ports of guests are handed over. A namespace is the host's, and its names are no tenant's to give.
extension Draft {
    /// What a port will be that a request is explicit about.
    func delivery(
        _ wish: Request.Delivery, of usual: Guest.Port, _ parameters: (port: String, namespace: String)
    ) throws(RequestError) -> NIC.Delivery? {
        if wish.port == .namespace || wish.namespace != nil {
            guard caller.isRootAdmin else {
                throw .denied("Only a root administrator may name a namespace of the host")
            }
        }
        guard wish.port == .namespace else {
            guard wish.namespace == nil else {
                throw .refused(
                    parameters.namespace,
                    "\(parameters.namespace) goes with the port namespace, not \(wish.port.rawValue)")
            }
            if wish.port == .tap { return .tap }
            guard wish.port == usual else {
                throw .refused(
                    parameters.port,
                    "The virtual machine is \(usual.rawValue), and so its ports are, or tap, or namespace")
            }
            return nil
        }
        guard let text = wish.namespace else { throw .missing(parameters.namespace, command) }
        guard let name = NamespaceName(text) else {
            throw invalid(parameters.namespace, text, "it is not a name as ip netns has them")
        }
        guard cloud.claims[.machineName(name.rawValue)] == nil else {
            throw .refused(parameters.namespace, "The namespace \(name) is a router's or an emulated machine's")
        }
        return .namespace(name)
    }

    /// What a further port of a guest will be: as its others are, where the request does not say.
    func delivery(
        ofNextPort wish: Request.Delivery?, of guest: Guest, among nics: [NIC]
    ) throws(RequestError) -> NIC.Delivery? {
        if let wish { return try delivery(wish, of: guest.port, ("port", "hostnamespace")) }
        switch guest.port {
        case .emulated, .none: return nil
        case .tap: return .tap
        case .namespace:
            guard let namespace = nics.lazy.compactMap(\.delivery?.namespace).first else {
                throw .missing("hostnamespace", command)
            }
            return .namespace(namespace)
        }
    }
}
