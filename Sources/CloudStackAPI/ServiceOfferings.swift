import CloudModel
import ControlPlane
import NetworkVocabulary

extension Command {
    static let serviceOfferings: [Command] = [
        .change(
            "createServiceOffering", "Creates a size that machines can have", isAsync: false,
            [
                Parameter("name", required: true, "the offering's name"),
                Parameter("displaytext", required: true, "what it is for"),
                Parameter("cpunumber", .integer, "processors"), Parameter("cpuspeed", .integer, "megahertz of each"),
                Parameter("memory", .integer, "megabytes"),
                Parameter("customized", .boolean, "true: whoever deploys says how much"),
                Parameter("networkrate", .integer, "megabits a second of each port"),
                Parameter("issystem", .boolean, "true: for routers and other machines of the system"),
                Parameter("systemvmtype", "domainrouter, internalloadbalancervm, …"),
                Parameter("deploymentplanner", "how a host is chosen"),
                Parameter("offerha", .boolean, "whether machines are started again elsewhere"),
                Parameter("limitcpuuse", .boolean, "whether processors are held to their speed"),
                Parameter("isvolatile", .boolean, "whether disks are new after each start"),
                Parameter("rootdisksize", .integer, "gigabytes"),
                Parameter("serviceofferingdetails", .map, "words about it: [i].key and [i].value"),
                Parameter("tags", "the storage's tags"), Parameter("hosttags", "the hosts' tags"),
            ] + diskParameters + scopeParameters, isAdminOnly: true,
            unsupported: [
                "mincpunumber", "maxcpunumber", "minmemory", "maxmemory", "encryptroot", "diskofferingid", "gpucount",
                "vgpuprofileid", "leaseduration", "leaseexpiryaction", "storagepolicy", "externaldetails",
            ]
        ) { call throws(RequestError) in
            .infrastructure(.createServiceOffering(try call.machineOfferingFields(storageTags: "tags")))
        } reply: { _, outcome in
            outcome.answer("serviceoffering", \.serviceOfferings) { $0.rendered(in: outcome.cloud) }
        },
        .list(
            "listServiceOfferings", "Lists the sizes that machines can have",
            [
                Parameter("id", .uuid, related: "listServiceOfferings", "only this offering"),
                Parameter("name", "only the offering of this name"), .zone,
                Parameter("issystem", .boolean, "true: those for the system's machines, and no others"),
                Parameter("systemvmtype", "only for this kind of system machine"),
                Parameter("state", "Active, Inactive or all; Active when absent"),
                Parameter("cpunumber", .integer, "only with as many processors"),
                Parameter("cpuspeed", .integer, "only with processors of this speed"),
                Parameter("memory", .integer, "only with as much memory"),
                Parameter("storagetype", "only shared or local"),
                Parameter(
                    "virtualmachineid", .uuid, related: "listVirtualMachines", "only those this machine can have"),
                .listAll,
            ]
        ) { call throws(RequestError) in
            let arguments = call.arguments
            let wantsSystem = arguments.boolean("issystem") ?? (arguments.string("systemvmtype") != nil)
            guard call.caller.isRootAdmin || !wantsSystem else {
                throw .denied("Only root admins can access system's offering")
            }
            _ = try call.object("virtualmachineid", in: call.cloud.guests)
            var found: [ServiceOffering] = []
            for offering in try call.shared(call.cloud.serviceOfferings) {
                guard call.matches(offering.name), arguments.id("id") != nil || offering.isSystem == wantsSystem,
                    call.isListed(active: offering.isActive), call.agrees("systemvmtype", offering.systemVMType),
                    call.agrees("storagetype", offering.storageType),
                    (arguments.integer("cpunumber") ?? offering.cpuNumber) == offering.cpuNumber,
                    (arguments.integer("cpuspeed") ?? offering.cpuSpeed) == offering.cpuSpeed,
                    (arguments.integer("memory") ?? offering.memory) == offering.memory,
                    try call.isOffered(in: offering.zones, to: offering.domains)
                else { continue }
                found.append(offering)
            }
            found.sort { ($0.sortKey, $0.name, $0.id) < ($1.sortKey, $1.name, $1.id) }
            return try call.page("serviceoffering", found) { $0.rendered(in: call.cloud) }
        },
        .change(
            "updateServiceOffering", "Changes what a size is called and where it can be used", isAsync: false,
            [
                .id("listServiceOfferings", "the offering"), Parameter("name", "its new name"),
                Parameter("displaytext", "what it is for"), Parameter("storagetags", "the storage's tags"),
                Parameter("hosttags", "the hosts' tags"), Parameter("state", "Active or Inactive"),
                Parameter("sortkey", .integer, "its place in lists"),
            ] + scopeParameters, isAdminOnly: true,
            unsupported: ["externaldetails", "cleanupexternaldetails", "purgeresources"]
        ) { call throws(RequestError) in
            .infrastructure(
                .updateServiceOffering(
                    try call.arguments.requiredID("id"), try call.machineOfferingFields(storageTags: "storagetags")))
        } reply: { _, outcome in
            outcome.answer("serviceoffering", \.serviceOfferings) { $0.rendered(in: outcome.cloud) }
        },
        .deletion(
            "deleteServiceOffering", "Deletes a size that nothing has", of: .serviceOffering,
            listedBy: "listServiceOfferings"),
    ]

    /// What disks may do, and where they are.
    static let diskParameters = [
        Parameter("storagetype", "shared or local"), Parameter("provisioningtype", "thin, sparse or fat"),
        Parameter("bytesreadrate", .integer, "bytes a second"), Parameter("byteswriterate", .integer, "bytes a second"),
        Parameter("iopsreadrate", .integer, "requests a second"),
        Parameter("iopswriterate", .integer, "requests a second"),
        Parameter("miniops", .integer, "requests a second at least"),
        Parameter("maxiops", .integer, "requests a second at most"),
        Parameter("customizediops", .boolean, "true: whoever uses it says how many"),
        Parameter("hypervisorsnapshotreserve", .integer, "per cent kept for snapshots"),
    ]

    static let scopeParameters = [
        Parameter(
            "zoneid", .list, maxLength: 4_096, related: "listZones", "zones where it can be used; all when absent"),
        Parameter(
            "domainid", .list, maxLength: 4_096, related: "listDomains", "domains that can use it; public when absent"),
    ]
}

extension Call {
    /// `Active` ones, unless others are asked for.
    func isListed(active: Bool) -> Bool {
        switch arguments.string("state")?.lowercased() {
        case "all": true
        case "inactive": !active
        case nil: active || arguments.id("id") != nil
        default: active
        }
    }

    func throughput() -> DiskThroughput {
        var throughput = DiskThroughput()
        throughput.bytesRead = arguments.integer("bytesreadrate")
        throughput.bytesWrite = arguments.integer("byteswriterate")
        throughput.iopsRead = arguments.integer("iopsreadrate")
        throughput.iopsWrite = arguments.integer("iopswriterate")
        throughput.minIOPS = arguments.integer("miniops")
        throughput.maxIOPS = arguments.integer("maxiops")
        throughput.isCustomized = arguments.boolean("customizediops") ?? false
        throughput.snapshotReserve = arguments.integer("hypervisorsnapshotreserve")
        return throughput
    }

    fileprivate func machineOfferingFields(storageTags: String) throws(RequestError) -> MachineOfferingFields {
        var fields = MachineOfferingFields()
        fields.name = arguments.string("name")
        fields.displayText = arguments.string("displaytext")
        fields.cpuNumber = arguments.integer("cpunumber")
        fields.cpuSpeed = arguments.integer("cpuspeed")
        fields.memory = arguments.integer("memory")
        fields.isCustomized = arguments.boolean("customized")
        fields.networkRate = arguments.integer("networkrate")
        fields.isSystem = arguments.boolean("issystem")
        fields.systemVMType = arguments.string("systemvmtype")
        fields.storageType = arguments.string("storagetype")
        fields.provisioningType = arguments.string("provisioningtype")
        fields.hostTags = arguments.text("hosttags")
        fields.storageTags = arguments.text(storageTags)
        fields.deploymentPlanner = arguments.string("deploymentplanner")
        fields.offersHA = arguments.boolean("offerha")
        fields.limitsCPU = arguments.boolean("limitcpuuse")
        fields.isVolatile = arguments.boolean("isvolatile")
        fields.rootDiskSize = arguments.integer("rootdisksize")
        fields.throughput = throughput()
        fields.details = details("serviceofferingdetails") ?? [:]
        fields.scope = try offeringScope()
        fields.isActive = try state("state", "Active", "Inactive")
        fields.sortKey = arguments.integer("sortkey")
        return fields
    }
}

extension DiskThroughput {
    func render(into object: inout APIObject) {
        object["diskBytesReadRate"] = bytesRead.map { .number($0) }
        object["diskBytesWriteRate"] = bytesWrite.map { .number($0) }
        object["diskIopsReadRate"] = iopsRead.map { .number($0) }
        object["diskIopsWriteRate"] = iopsWrite.map { .number($0) }
        object["miniops"] = minIOPS.map { .number($0) }
        object["maxiops"] = maxIOPS.map { .number($0) }
        object["iscustomizediops"] = .boolean(isCustomized)
        object["hypervisorsnapshotreserve"] = snapshotReserve.map { .number($0) }
    }
}

extension ServiceOffering {
    func rendered(in cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "displaytext": .string(displayText),
            "cpunumber": cpuNumber.map { .number($0) }, "cpuspeed": cpuSpeed.map { .number($0) },
            "memory": memory.map { .number($0) }, "networkrate": networkRate.map { .number($0) },
            "storagetype": .string(storageType), "provisioningtype": .string(provisioningType),
            "offerha": .boolean(offersHA), "limitcpuuse": .boolean(limitsCPU), "isvolatile": .boolean(isVolatile),
            "iscustomized": .boolean(isCustomized), "issystem": .boolean(isSystem), "defaultuse": .boolean(isDefault),
            "systemvmtype": .text(systemVMType), "storagetags": .text(storageTags), "hosttags": .text(hostTags),
            "deploymentplanner": .text(deploymentPlanner), "rootdisksize": rootDiskSize.map { .number($0) },
            "state": isActive ? "Active" : "Inactive",
        ]
        if !details.isEmpty { object["serviceofferingdetails"] = .details(details) }
        throughput.render(into: &object)
        object.scope(zones: zones, domains: domains, in: cloud)
        return object
    }
}
