import CloudModel
import NetworkVocabulary

// What a network's packets may be as large as. Zones' settings say what their wires carry.
extension Draft {
    func privateMTU(_ wanted: Int?, on wire: PhysicalNetwork) throws(RequestError) -> Int? {
        try mtu(wanted, "privatemtu", upTo: cloud.largestPrivateMTU(on: wire), .privateMTU, in: wire.zone)
    }

    func publicMTU(
        _ wanted: Int?, _ offering: NetworkOffering?, in zone: ObjectID
    ) throws(RequestError) -> Int? {
        if wanted != nil, offering?.services["SourceNat"] == nil {
            throw .refused("publicmtu", "The network offering has no SourceNat: routers of it have no public interface")
        }
        return try mtu(wanted, "publicmtu", upTo: cloud.largestPublicMTU(in: zone), .publicMTU, in: zone)
    }

    private func mtu(
        _ wanted: Int?, _ parameter: String, upTo most: Int, _ setting: KnownSetting, in zone: ObjectID
    ) throws(RequestError) -> Int? {
        guard let wanted else { return nil }
        let choose = cloud.value(of: .usersChooseMTU, for: Reference(.zone, zone))
        guard caller.isRootAdmin || choose.lowercased() == "true" else {
            throw .refused(parameter, "Users may not specify an MTU in this zone (\(KnownSetting.usersChooseMTU.name))")
        }
        let least = InterfaceMTU.possible.lowerBound
        guard wanted >= least else {
            throw .refused(parameter, "The configured MTU \(wanted) is lesser than the minimum MTU of \(least)")
        }
        guard wanted <= most else {
            throw .refused(
                parameter,
                "The configured MTU \(wanted) exceeds the upper limit enforced by zone level setting: \(setting.name). "
                    + "It can be at most \(most) here")
        }
        return wanted
    }
}
