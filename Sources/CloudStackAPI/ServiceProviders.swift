import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let serviceProviders: [Command] =
        [
            .change(
                "addNetworkServiceProvider", "Adds a provider of services to a physical network", isAsync: true,
                isCreation: true,
                [
                    Parameter(
                        "physicalnetworkid", .uuid, required: true, related: "listPhysicalNetworks",
                        "the physical network"),
                    Parameter("name", required: true, "the provider's name"),
                    Parameter("servicelist", .list, maxLength: 4_096, "its services; all that it can when absent"),
                ], isAdminOnly: true, unsupported: ["destinationphysicalnetworkid"]
            ) { call throws(RequestError) in
                let name = try call.arguments.required("name")
                try call.checkServices(of: ServiceProvider.Name(anyCase: name))
                return .infrastructure(
                    .addProvider(physicalNetwork: try call.arguments.requiredID("physicalnetworkid"), name: name))
            } reply: { call, outcome in
                let name = call.arguments.string("name").flatMap { ServiceProvider.Name(anyCase: $0) }
                return outcome.provider { $0.name == name }
            },
            .list(
                "listNetworkServiceProviders", "Lists who provides services on physical networks",
                [
                    Parameter(
                        "physicalnetworkid", .uuid, related: "listPhysicalNetworks", "only of this physical network"),
                    Parameter("name", "only the provider of this name"), Parameter("state", "only Enabled or Disabled"),
                ], isAdminOnly: true
            ) { call throws(RequestError) in
                let network = try call.object("physicalnetworkid", in: call.cloud.physicalNetworks)
                var found: [(PhysicalNetwork, ServiceProvider)] = []
                for network in network.map({ [$0] }) ?? Array(call.cloud.physicalNetworks.values) {
                    for provider in network.providers
                    where call.matches(provider.name.rawValue)
                        && call.agrees("state", allocationState(provider.isEnabled))
                    {
                        found.append((network, provider))
                    }
                }
                return try call.page("networkserviceprovider", found) { $1.rendered(on: $0) }
            },
            .change(
                "updateNetworkServiceProvider", "Enables or disables a provider", isAsync: true,
                [
                    .id("listNetworkServiceProviders", "the provider"), Parameter("state", "Enabled or Disabled"),
                    Parameter("servicelist", .list, maxLength: 4_096, "its services, which are all that it can"),
                ], isAdminOnly: true
            ) { call throws(RequestError) in
                let id = try call.arguments.requiredID("id")
                let network = call.cloud.physicalNetwork(withPart: id)
                let provider = network?.providers.first { $0.id == id }
                try call.checkServices(of: provider?.name)
                guard let isEnabled = try call.state("state", "Enabled", "Disabled") ?? provider?.isEnabled else {
                    throw .unknown("id", id: id.description, call.command)
                }
                return .infrastructure(.setProvider(id, isEnabled: isEnabled))
            } reply: { call, outcome in
                outcome.provider { $0.id == call.arguments.id("id") }
            },
            .change(
                "deleteNetworkServiceProvider", "Takes a provider from a physical network", isAsync: true,
                [.id("listNetworkServiceProviders", "the provider")], isAdminOnly: true
            ) { call throws(RequestError) in
                .infrastructure(.deleteProvider(try call.arguments.requiredID("id")))
            } reply: { _, _ in
                .success
            },
        ]
        + elements(
            "VirtualRouter", "virtualrouterelement",
            [Parameter("providertype", "VirtualRouter or VPCVirtualRouter, as the provider is")]
        ) { $0.isVirtualRouter }
        + elements("InternalLoadBalancer", "internalloadbalancerelement") { $0 == .internalLoadBalancer }

    /// The three commands of one kind of element, which comes with its provider.
    private static func elements(
        _ word: String, _ key: String, _ more: [Parameter] = [],
        _ isMeant: @escaping @Sendable (ServiceProvider.Name) -> Bool
    ) -> [Command] {
        let list = "list\(word)Elements"
        return [
            .change(
                "create\(word)Element", "Refused: a provider has its element from the beginning", isAsync: true,
                isCreation: true,
                [Parameter("nspid", .uuid, required: true, related: "listNetworkServiceProviders", "the provider")]
                    + more, isAdminOnly: true
            ) { call throws(RequestError) in
                .infrastructure(.createElement(provider: try call.arguments.requiredID("nspid")))
            } reply: { _, _ in
                [:]
            },
            .list(
                list, "Lists the machines of providers",
                [
                    Parameter("id", .uuid, related: list, "only this one"),
                    Parameter("nspid", .uuid, related: "listNetworkServiceProviders", "only of this provider"),
                    Parameter("enabled", .boolean, "only those that are, or are not, enabled"),
                ], isAdminOnly: true
            ) { call throws(RequestError) in
                let arguments = call.arguments
                let all: [ServiceProvider] = call.cloud.physicalNetworks.values.flatMap(\.providers)
                    .filter { isMeant($0.name) && call.matches($0.name.rawValue) }
                let found: [ServiceProvider] = all.filter { provider in
                    guard let element = provider.element else { return false }
                    return (arguments.id("id") ?? element.id) == element.id
                        && (arguments.id("nspid") ?? provider.id) == provider.id
                        && call.agrees("enabled", element.isEnabled)
                }
                return try call.page(key, found) { $0.renderedElement(in: call.cloud) }
            },
            .change(
                "configure\(word)Element", "Enables or disables the machines of a provider", isAsync: true,
                [
                    .id(list, "the element"), Parameter("enabled", .boolean, required: true, "whether they may work"),
                ], isAdminOnly: true
            ) { call throws(RequestError) in
                .infrastructure(
                    .configureElement(
                        try call.arguments.requiredID("id"), isEnabled: call.arguments.boolean("enabled") ?? false))
            } reply: { call, outcome in
                let network = outcome.object(in: outcome.cloud.physicalNetworks)
                let provider = network?.providers.first { $0.element?.id == call.arguments.id("id") }
                return provider.map { [key: .object($0.renderedElement(in: outcome.cloud))] } ?? [:]
            },
        ]
    }
}

extension Call {
    /// A provider does all that it can; a part of it cannot be chosen.
    fileprivate func checkServices(of name: ServiceProvider.Name?) throws(RequestError) {
        guard let name else { return }
        let wanted = Set(arguments.list("servicelist").map { $0.lowercased() })
        guard wanted.isEmpty || wanted == Set(name.services.map { $0.lowercased() }) else {
            throw .unsupported(
                "servicelist", "The services of provider \(name.rawValue) can't be enabled one by one")
        }
    }
}

extension Outcome {
    fileprivate func provider(_ isMeant: (ServiceProvider) -> Bool) -> APIObject {
        guard let network = object(in: cloud.physicalNetworks), let provider = network.providers.first(where: isMeant)
        else { return [:] }
        return ["networkserviceprovider": .object(provider.rendered(on: network))]
    }
}

extension ServiceProvider {
    fileprivate func rendered(on network: PhysicalNetwork) -> APIObject {
        [
            "id": .text(id), "name": .string(name.rawValue), "physicalnetworkid": .text(network.id),
            "state": .string(allocationState(isEnabled)), "canenableindividualservice": false,
            "servicelist": .array(name.services.map { .string($0) }),
        ]
    }

    fileprivate func renderedElement(in cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(element?.id), "nspid": .text(id), "enabled": .boolean(element?.isEnabled ?? false),
        ]
        if name.isVirtualRouter {
            object["account"] = "system"
            object["domain"] = "ROOT"
        }
        return object
    }
}
