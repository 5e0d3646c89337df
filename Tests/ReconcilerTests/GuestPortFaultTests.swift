import CloudModel
import ControlPlane
import NetworkVocabulary
import Reconciler
import RouterPlan
import Ruleset
import TestSupport
import Testing

/// Ports that are handed over, on segments that go over an underlay, with one fault at every position.
@Suite struct `One fault on the way of a port` {
    private static let file = """
        {"zones": [{"name": "here", "dns1": "198.51.100.53",
          "physicalNetworks": [{"name": "wire", "isolation": "VXLAN", "segments": ["5000-5001"], "trunk": "eth1",
                                "peers": ["192.0.2.2", "192.0.2.3"]}],
          "publicRanges": [{"physicalNetwork": "wire", "subnet": "203.0.113.0/24", "gateway": "203.0.113.1",
                            "addresses": "203.0.113.10-203.0.113.19"}]}],
         "networks": [{"name": "web", "zone": "here", "cidr": "10.1.1.0/24"}],
         "guests": [{"name": "vm", "port": "tap", "nics": [{"network": "web"}]},
                    {"name": "box", "port": "namespace", "namespace": "jar", "nics": [{"network": "web"}]}]}
        """
    private let jar = NodeName("jar")
    private let cloud: PlannedCloud

    init() throws { cloud = try PlannedCloud(try CloudFile(json: Self.file)) }

    /// A host with a trunk and somebody else's namespace.
    private func bench(_ faults: Set<FakeDataplane.Fault> = []) throws -> Bench {
        let kernel = FakeKernel()
        try kernel.addDevice(try #require(InterfaceName("eth1")), kernel.newDevice(.other(""), mtu: 1500))
        try kernel.createNamespace(jar, owner: nil)
        return Bench(kernel, faults: faults)
    }

    private func stepCount() throws -> Int {
        let bench = try bench()
        bench.reconciler.accept(.adopt(cloud.inOrder))
        bench.work()
        bench.expectReached(cloud.inOrder)
        return bench.dataplane.steps.count
    }

    @Test func `whoever is killed anywhere is followed by one that finds and finishes all`() throws {
        for step in 0..<(try stepCount()) {
            for fault in [FakeDataplane.Fault.kill(beforeStep: step), .killInside(step: step)] {
                let bench = try bench([fault])
                bench.reconciler.accept(.adopt(cloud.inOrder))
                bench.work()
                #expect(bench.dataplane.isKilled, "\(fault)")
                bench.restart()
                bench.reconciler.accept(.adopt(cloud.inOrder))
                bench.work(retries: 0)
                bench.expectReached(cloud.inOrder, "\(fault)")
                bench.expectAdoptedWithoutWrites(cloud.inOrder, "\(fault)")
            }
        }
    }

    @Test func `a refusal anywhere opens nothing, and is made good`() throws {
        for step in 0..<(try stepCount()) {
            let bench = try bench([.refuse(step: step, errno: 16)])
            bench.reconciler.accept(.adopt(cloud.inOrder))
            bench.work()
            bench.expectReached(cloud.inOrder, "\(step)")
        }
    }

    @Test func `all of it goes, and what is somebody else's stays`() throws {
        let bench = try bench()
        bench.reconciler.accept(.adopt(cloud.inOrder))
        bench.work()
        let host = NodePlan(.host, .host, owner: Origin("installation", cloud.installation))
        bench.restart()
        bench.reconciler.accept(.adopt([host]))
        bench.work()
        #expect(bench.kernel.spaces[.host]?.devices.keys.map(\.rawValue).sorted() == ["eth1", "lo"])
        #expect(bench.kernel.spaces[.host]?.ruleset.table(.inet, "sluice") == nil)
        #expect(bench.kernel[jar]?.devices.keys.map(\.rawValue) == ["lo"])
    }

    @Test func `a namespace that is gone keeps nobody else from what he needs, and gets its port when it is back`()
        throws
    {
        let bench = try bench()
        bench.kernel.removeName(jar)
        bench.reconciler.accept(.adopt(cloud.inOrder))
        bench.work(retries: 2)
        let missing = bench.kernel.deviations(from: cloud.inOrder)
        #expect(missing.count == 1 && missing[0].contains("plug into jar"), "\(missing)")
        try bench.kernel.createNamespace(jar, owner: nil)
        bench.work()
        bench.expectReached(cloud.inOrder)
        // One of ours is nobody's to be plugged into.
        bench.kernel.removeName(jar)
        try bench.kernel.createNamespace(jar, owner: Origin("guest", cloud.installation))
        bench.reconciler.accept(.disturbed(.host))
        bench.work(retries: 2)
        #expect(bench.kernel[jar]?.devices.keys.map(\.rawValue) == ["lo"])
    }
}
