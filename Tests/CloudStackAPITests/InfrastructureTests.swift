import CloudModel
import CloudStackAPI
import ControlPlane
import Foundation
import NetworkVocabulary
import TestSupport
import Testing

extension Client {
    /// A physical network as operators bring it to life: traffic, providers, then the network itself.
    func readyWire(in zone: String) throws -> [String: Any] {
        let wire = try finish(
            "createPhysicalNetwork", "physicalnetwork",
            ["name": "Wire", "zoneid": zone, "vlan": "100-199,300", "isolationmethods": "VLAN"])
        for kind in ["Guest", "Public"] {
            _ = try finish(
                "addTrafficType", "traffictype", ["physicalnetworkid": id(wire), "traffictype": kind])
        }
        let provider = try #require(
            try list(
                "listNetworkServiceProviders", "networkserviceprovider",
                ["physicalnetworkid": id(wire), "name": "virtualrouter"]
            ).first)
        let element = try #require(
            try list("listVirtualRouterElements", "virtualrouterelement", ["nspid": id(provider)]).first)
        _ = try finish(
            "configureVirtualRouterElement", "virtualrouterelement", ["id": id(element), "enabled": "true"])
        _ = try finish(
            "updateNetworkServiceProvider", "networkserviceprovider", ["id": id(provider), "state": "Enabled"])
        return try finish("updatePhysicalNetwork", "physicalnetwork", ["id": id(wire), "state": "Enabled"])
    }
}

@Suite struct `What operators run` {
    private let client: Client
    private let zone: String

    init() throws {
        client = try Client()
        let made = try client.call(
            "createZone",
            [
                "name": "West", "networktype": "Advanced", "dns1": "192.0.2.1", "internaldns1": "192.0.2.2",
                "internaldns2": "192.0.2.3", "ip6dns1": "2001:db8::1", "localstorageenabled": "True",
            ])
        zone = id(made["zone"] as? [String: Any] ?? [:])
    }

    /// The fields of CloudStack 4.22, as its Go client reads them.
    private static let tables: [(list: String, key: String, fields: String)] = [
        (
            "listZones", "zone",
            "allocationstate description dhcpprovider displaytext dns1 dns2 domain domainid guestcidraddress id "
                + "internaldns1 internaldns2 ip6dns1 ip6dns2 localstorageenabled:b name networktype "
                + "securitygroupsenabled:b tags:[] zonetoken resourcedetails:{} allowuserspecifyvrmtu:b "
                + "routerprivateinterfacemaxmtu:i routerpublicinterfacemaxmtu:i"
        ),
        (
            "listPods", "pod",
            "allocationstate capacity:[] endip:[] forsystemvms:[] gateway id ipranges:[] name netmask startip:[] "
                + "vlanid:[] zoneid zonename"
        ),
        (
            "listPhysicalNetworks", "physicalnetwork",
            "broadcastdomainrange domainid id isolationmethods name networkspeed state tags vlan zoneid zonename"
        ),
        (
            "listNetworkServiceProviders", "networkserviceprovider",
            "id name physicalnetworkid servicelist:[] state canenableindividualservice:b destinationphysicalnetworkid"
        ),
        (
            "listVirtualRouterElements", "virtualrouterelement",
            "account domain domainid enabled:b id nspid project domainpath projectid"
        ),
        ("listInternalLoadBalancerElements", "internalloadbalancerelement", "enabled:b id nspid"),
        ("listNetworkOfferings", "networkoffering", FieldTable.networkOffering),
        (
            "listVPCOfferings", "vpcoffering",
            "created displaytext distributedvpcrouter:b domain domainid fornsx:b id internetprotocol isdefault:b name "
                + "networkmode routingmode service:[] specifyasnumber:b state supportsregionLevelvpc:b zone zoneid"
        ),
        (
            "listServiceOfferings", "serviceoffering",
            "cpunumber:i cpuspeed:i created deploymentplanner diskBytesReadRate:i diskBytesWriteRate:i "
                + "diskIopsReadRate:i diskIopsWriteRate:i displaytext domain domainid hosttags "
                + "hypervisorsnapshotreserve:i id iscustomized:b iscustomizediops:b issystem:b isvolatile:b "
                + "limitcpuuse:b maxiops:i memory:i miniops:i name networkrate:i offerha:b provisioningtype "
                + "rootdisksize:i serviceofferingdetails:{} state storagetags storagetype systemvmtype zone zoneid "
                + "defaultuse:b"
        ),
        ("listOsTypes", "ostype", "description id name fordisplay:b isuserdefined:b oscategoryid oscategoryname"),
        ("listHypervisors", "hypervisor", "name"),
        ("listNetworkIsolationMethods", "isolationmethod", "name"),
        ("listSupportedNetworkServices", "networkservice", "capability:[] name provider:[]"),
        (
            "listConfigurations", "configuration",
            "category description displaytext id:i isdynamic:b name scope value component defaultvalue group options "
                + "parent subgroup type"
        ),
    ]

    @Test func `is listed in the types that clients read`() throws {
        _ = try client.readyWire(in: zone)
        _ = try client.call(
            "createPod",
            ["name": "p", "zoneid": zone, "gateway": "10.9.0.1", "netmask": "255.255.0.0", "startip": "10.9.0.2"])
        for table in Self.tables {
            let found = try client.wire(table.list)[table.key]?.list ?? []
            #expect(!found.isEmpty, "\(table.list)")
            for object in found { #expect(object.departures(from: table.fields) == [], "\(table.list)") }
        }
        let templates = try client.wire("listTemplates", ["templatefilter": "executable"])["template"]?.list ?? []
        #expect(templates.map { $0["zoneid"]?.text } == [zone])
        #expect(templates[0]["passwordenabled"].map { "\($0)" } == "boolean(false)")
    }

    @Test func `starts with nothing enabled, and with every provider and its element`() throws {
        let wire = try client.finish("createPhysicalNetwork", "physicalnetwork", ["name": "w", "zoneid": zone])
        #expect(wire["state"] as? String == "Disabled")
        #expect(wire["tags"] == nil)
        let providers = try client.list(
            "listNetworkServiceProviders", "networkserviceprovider", ["physicalnetworkid": id(wire)])
        #expect(
            providers.map { "\($0["name"] ?? "") \($0["state"] ?? "")" }.sorted() == [
                "ConfigDrive Disabled", "InternalLbVm Disabled", "SecurityGroupProvider Disabled",
                "VirtualRouter Disabled", "VpcVirtualRouter Disabled",
            ])
        let routers = try client.list("listVirtualRouterElements", "virtualrouterelement")
        #expect(routers.count == 2 && routers.allSatisfy { $0["enabled"] as? Bool == false })
        #expect(try client.list("listInternalLoadBalancerElements", "internalloadbalancerelement").count == 1)
        #expect(try client.list("listTrafficTypes", "traffictype", ["physicalnetworkid": id(wire)]).isEmpty)
        let tagged = try client.finish(
            "updatePhysicalNetwork", "physicalnetwork", ["id": id(wire), "tags": "a,b", "networkspeed": "1G"])
        #expect(tagged["tags"] as? String == "a,b" && tagged["networkspeed"] as? String == "1G")
        #expect(
            try client.finish("updatePhysicalNetwork", "physicalnetwork", ["id": id(wire), "tags": ""])["tags"] == nil)
    }

    @Test func `has labels for its traffic, of which KVM's is an interface of the host`() throws {
        let wire = try client.finish("createPhysicalNetwork", "physicalnetwork", ["name": "w", "zoneid": zone])
        let type = try client.finish(
            "addTrafficType", "traffictype",
            [
                "physicalnetworkid": id(wire), "traffictype": "guest", "kvmnetworklabel": "eth7",
                "xennetworklabel": "x y",
            ])
        #expect(type["traffictype"] as? String == "Guest" && type["kvmnetworklabel"] as? String == "eth7")
        #expect(client.service.view.cloud.physicalNetworks.first?.value.trunk?.rawValue == "eth7")
        let bare = try client.finish("updateTrafficType", "traffictype", ["id": id(type), "kvmnetworklabel": ""])
        #expect(bare["kvmnetworklabel"] == nil && bare["xennetworklabel"] as? String == "x y")
        _ = try client.finished("deleteTrafficType", ["id": id(type)])
        #expect(try client.list("listTrafficTypes", "traffictype", ["physicalnetworkid": id(wire)]).isEmpty)
    }

    @Test func `may be asked for what is attached to it`() throws {
        _ = try client.finished(
            "createTags",
            [
                "resourceids": zone, "resourcetype": "ZONE", "tags[0].key": "region", "tags[0].value": "EU",
                "tags[3].key": "tier", "tags[3].value": "1",
            ])
        let found = try client.list("listZones", "zone", ["tags[0].key": "region", "tags[0].value": "EU"])
        #expect(found.count == 1)
        #expect((found[0]["tags"] as? [[String: Any]])?.map { $0["key"] as? String } == ["region", "tier"])
        #expect(try client.list("listZones", "zone", ["tags[0].key": "region", "tags[0].value": "US"]).isEmpty)
        #expect(try client.list("listTags", "tag", ["resourceid": zone, "resourcetype": "zone"]).count == 2)
        _ = try client.finished(
            "deleteTags", ["resourceids": zone, "resourcetype": "zone", "tags[0].key": "region"])
        #expect(try client.list("listTags", "tag", ["listall": "true"]).map { $0["key"] as? String } == ["tier"])
    }

    @Test func `has settings, of which those that are honoured work at once`() throws {
        let size = try client.call("updateConfiguration", ["name": "default.page.size", "value": "2"])
        #expect((size["configuration"] as? [String: Any])?["value"] as? String == "2")
        let page = try client.call("listOsTypes")
        #expect((page["ostype"] as? [Any])?.count == 2 && (page["count"] as? Int ?? 0) > 2)
        #expect(client.status("command=listOsTypes&page=1&pagesize=3") == 431)
        let back = try client.call("resetConfiguration", ["name": "default.page.size"])
        #expect((back["configuration"] as? [String: Any])?["value"] as? String == "500")
        let scoped = try client.call(
            "updateConfiguration", ["name": "use.external.dns", "zoneid": zone, "value": "true"])
        #expect((scoped["configuration"] as? [String: Any])?["scope"] as? String == "zone")
        let all = try client.list("listConfigurations", "configuration", ["name": "use.external.dns"])
        #expect(all.first?["value"] as? String == "false" && all.first?["isdynamic"] as? Bool == true)
        #expect(client.status("command=updateConfiguration&name=no.such.setting&value=1") == 431)
    }

    @Test func `has offerings that are found by their names`() throws {
        let router = try client.list("listServiceOfferings", "serviceoffering", ["issystem": "True"])
        #expect(router.contains { $0["name"] as? String == "System Offering For Software Router" })
        let sizes = try client.list("listServiceOfferings", "serviceoffering", ["name": "small instance"])
        #expect(sizes.map { $0["memory"] as? Int } == [512])
        let vpcs = try client.list("listVPCOfferings", "vpcoffering", ["isdefault": "true"])
        #expect(vpcs.first?["name"] as? String == "Default VPC offering")
        let made = try client.call(
            "createServiceOffering",
            ["name": "odd", "displaytext": "odd", "cpunumber": "1", "cpuspeed": "100", "memory": "64"])
        let odd = try #require(made["serviceoffering"] as? [String: Any])
        #expect(client.status("command=deleteServiceOffering&id=\(id(odd))") == 200)
        #expect(client.status("command=deleteServiceOffering&id=\(id(router[0]))") == 431)
        #expect(client.status("command=createServiceOffering&name=x&displaytext=x&cpunumber=1") == 431)
    }
}
