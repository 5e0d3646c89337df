import CloudModel
import ControlPlane
import NetworkVocabulary

// What clients list and refer to, and Sluice does nothing with.

extension Command {
    static let inventory: [Command] = [
        .list(
            "listClusters", "Lists clusters",
            [
                Parameter("id", .uuid, related: "listClusters", "only this cluster"),
                Parameter("name", "only the cluster of this name"), .zone,
                Parameter("podid", .uuid, related: "listPods", "only of this pod"),
                Parameter("hypervisor", "only of this hypervisor"),
                Parameter("allocationstate", "only Enabled or Disabled"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let zone = try call.listedZone()
            let pod = try call.object("podid", in: cloud.pods)?.id
            let found = try call.shared(cloud.clusters).filter {
                call.matches($0.name) && (pod == nil || $0.pod == pod) && call.agrees("hypervisor", $0.hypervisor)
                    && (zone == nil || cloud.pods[$0.pod]?.zone == zone)
                    && call.agrees("allocationstate", allocationState($0.isEnabled))
            }
            return try call.page("cluster", found) { $0.rendered(in: cloud) }
        },
        .list(
            "listHosts", "Lists hosts",
            [
                Parameter("id", .uuid, related: "listHosts", "only this host"),
                Parameter("name", "only the host of this name"), .zone,
                Parameter("podid", .uuid, related: "listPods", "only of this pod"),
                Parameter("clusterid", .uuid, related: "listClusters", "only of this cluster"),
                Parameter("hypervisor", "only of this hypervisor"), Parameter("type", "only Routing"),
                Parameter("state", "only Up"), Parameter("resourcestate", "only Enabled"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let zone = try call.listedZone()
            let pod = try call.object("podid", in: cloud.pods)?.id
            let cluster = try call.object("clusterid", in: cloud.clusters)?.id
            let found = try call.shared(cloud.hosts).filter { host in
                guard let own = cloud.clusters[host.cluster] else { return false }
                return call.matches(host.name) && (cluster == nil || own.id == cluster)
                    && (pod == nil || own.pod == pod) && (zone == nil || cloud.pods[own.pod]?.zone == zone)
                    && call.agrees("hypervisor", own.hypervisor) && call.agrees("type", "Routing")
                    && call.agrees("state", "Up") && call.agrees("resourcestate", "Enabled")
            }
            return try call.page("host", found) { $0.rendered(in: cloud) }
        },
        storage("listStoragePools", "storagepool", "Lists where disks are kept", .primary),
        storage("listImageStores", "imagestore", "Lists where templates are kept", .secondary),
        .list(
            "listHypervisors", "Lists what machines can be made for", [.zone]
        ) { call throws(RequestError) in
            let zone = try call.listedZone()
            let clusters = call.cloud.clusters.values.filter { zone == nil || call.cloud.pods[$0.pod]?.zone == zone }
            let templates = call.cloud.templates.values.filter { zone.map($0.isUsable) ?? true }
            let names = Set(clusters.map(\.hypervisor) + templates.map(\.hypervisor)).sorted()
            return try call.page("hypervisor", names.filter { call.matches($0) }) { ["name": .string($0)] }
        },
        .list(
            "listOsTypes", "Lists operating systems",
            [
                Parameter("id", .uuid, related: "listOsTypes", "only this one"),
                Parameter("ids", .list, maxLength: 65_536, related: "listOsTypes", "only these"),
                Parameter("description", "only the one of this name"),
                Parameter("oscategoryid", .uuid, "only of this category"),
            ]
        ) { call throws(RequestError) in
            let ids = Set(try call.arguments.ids("ids"))
            let found = try call.shared(call.cloud.osTypes).filter {
                call.agrees("description", $0.name) && call.matches($0.name) && (ids.isEmpty || ids.contains($0.id))
                    && (call.arguments.id("oscategoryid") ?? $0.categoryID) == $0.categoryID
            }
            return try call.page("ostype", found.sorted { $0.name < $1.name }) { $0.rendered }
        },
        .list("listNetworkIsolationMethods", "Lists how physical networks keep networks apart", []) {
            call throws(RequestError) in
            let names = [IsolationMethod.vlan, .vxlan, .l3].map(\.rawValue).filter { call.matches($0) }
            return try call.page("isolationmethod", names) { ["name": .string($0)] }
        },
    ]

    private static func storage(
        _ name: String, _ key: String, _ description: String, _ role: StoragePool.Role
    ) -> Command {
        .list(
            name, description,
            [
                Parameter("id", .uuid, related: name, "only this one"), Parameter("name", "only the one of this name"),
                .zone, Parameter("clusterid", .uuid, related: "listClusters", "only of this cluster"),
                Parameter("podid", .uuid, related: "listPods", "only of this pod"),
            ], isAdminOnly: true
        ) { call throws(RequestError) in
            let cloud = call.cloud
            let zone = try call.listedZone()
            let cluster = try call.object("clusterid", in: cloud.clusters)?.id
            let pod = try call.object("podid", in: cloud.pods)?.id
            let found = try call.shared(cloud.storagePools).filter {
                $0.role == role && call.matches($0.name) && (zone == nil || $0.zone == zone)
                    && (cluster == nil || $0.cluster == cluster)
                    && (pod == nil || $0.cluster.flatMap { cloud.clusters[$0]?.pod } == pod)
            }
            return try call.page(key, found) { $0.rendered(in: cloud) }
        }
    }
}

extension OSType {
    fileprivate var categoryID: ObjectID { ObjectID(wellKnown: "osCategory \(category)") }

    fileprivate var rendered: APIObject {
        [
            "id": .text(id), "name": .string(name), "description": .string(name), "oscategoryid": .text(categoryID),
            "oscategoryname": .string(category), "isuserdefined": false,
        ]
    }
}

extension APIObject {
    /// Where something is.
    fileprivate mutating func place(zone: ObjectID?, pod: ObjectID?, in cloud: Cloud) {
        self["zoneid"] = .text(zone)
        self["zonename"] = .text(zone.flatMap { cloud.zones[$0]?.name })
        self["podid"] = .text(pod)
        self["podname"] = .text(pod.flatMap { cloud.pods[$0]?.name })
    }
}

extension Cluster {
    fileprivate func rendered(in cloud: Cloud) -> APIObject {
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "hypervisortype": .string(hypervisor),
            "clustertype": "CloudManaged", "allocationstate": .string(allocationState(isEnabled)),
            "managedstate": "Managed",
        ]
        object.place(zone: cloud.pods[pod]?.zone, pod: pod, in: cloud)
        return object
    }
}

extension Host {
    fileprivate func rendered(in cloud: Cloud) -> APIObject {
        let own = cloud.clusters[cluster]
        var object: APIObject = [
            "id": .text(id), "name": .string(name), "type": "Routing", "state": "Up", "resourcestate": "Enabled",
            "ipaddress": .text(address), "clusterid": .text(cluster), "clustername": .text(own?.name),
            "hypervisor": .text(own?.hypervisor),
        ]
        object.place(zone: own.flatMap { cloud.pods[$0.pod]?.zone }, pod: own?.pod, in: cloud)
        return object
    }
}

extension StoragePool {
    fileprivate func rendered(in cloud: Cloud) -> APIObject {
        var object: APIObject = ["id": .text(id), "name": .string(name)]
        object.place(zone: zone, pod: cluster.flatMap { cloud.clusters[$0]?.pod }, in: cloud)
        switch role {
        case .primary:
            object["clusterid"] = .text(cluster)
            object["clustername"] = .text(cluster.flatMap { cloud.clusters[$0]?.name })
            object["type"] = "NetworkFilesystem"
            object["scope"] = "CLUSTER"
            object["state"] = "Up"
            object["path"] = .string(url)
        case .secondary:
            object["url"] = .string(url)
            object["protocol"] = "nfs"
            object["providername"] = "NFS"
            object["scope"] = "ZONE"
        }
        return object
    }
}
