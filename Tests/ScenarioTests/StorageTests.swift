import CLinux
import Foundation
import Testing

extension Scenarios {
    /// What becomes of the daemon when its data directory does not play along.
    @Suite struct StorageTests {
        /// A data directory on a small file system of its own.
        private static func smallDisk(_ world: World) throws -> String {
            let data = "\(world.directory)/data"
            try world.shell("mkdir \(data) && mount -t tmpfs -o size=2m,mode=0755 tmpfs \(data)")
            return data
        }

        @Test func `on a full disk a change is refused before the kernel is touched, and later goes through`()
            async throws
        {
            try await inOwnWorld { world in
                let data = try Self.smallDisk(world)
                let daemon = try DaemonUnderTest(world, data: data)
                let zone = try #require(daemon.list("listZones", "zone").first)[text: "id"]
                let network = try #require(daemon.list("listNetworks", "network").first)[text: "id"]
                let deploy = {
                    try daemon.finish("deployVirtualMachine", ["zoneid": zone, "networkids": network, "name": "late"])
                }
                let kernel = "ip -o link; ls /run/netns; ip netns exec r-1-VM nft -s -a list ruleset"
                let before = try world.shell(kernel)
                let revision = try daemon.revision
                // dd ends with an error when there is no room left: that is what it is for.
                _ = try world.run(["dd", "if=/dev/zero", "of=\(data)/filler", "bs=4096"])
                let refused = try deploy()
                #expect(
                    refused.status != 200 && refused.error?.contains("could not be made durable") == true, "\(refused)")
                #expect(try daemon.revision == revision)
                #expect(try world.shell(kernel) == before)
                #expect(try daemon.status["hindrance"] is String)
                #expect(try world.run(["ping", "-c", "1", "-W", "5", "198.51.100.1"], in: "i-2-2-VM").status == 0)
                // Once more, so that a failure does not wear anything out.
                #expect(try deploy().status != 200)
                try world.shell("rm \(data)/filler")
                let taken = try deploy()
                #expect(taken.status == 200, "\(taken) \(daemon.logText)")
                #expect(try daemon.status["hindrance"] == nil)
                try daemon.waitUntilVerified()
                try DurabilityTests.compareKernel(world, daemon)
                // What came through survives.
                daemon.process.end()
                let next = try DaemonUnderTest(world, data: data)
                #expect(try DemoTests.guest(next, "late").hasPrefix("i-"))
            }
        }

        /// The kernel lets nobody make a file system read-only while a file on it is open for writing, so this is met at
        /// the start.
        @Test func `a read-only data directory is refused at the start, and forwarding goes on`() async throws {
            try await inOwnWorld { world in
                let data = try Self.smallDisk(world)
                #expect(try DaemonUnderTest(world, data: data).stop() == 0)
                try world.shell("mount -o remount,bind,ro \(data)")
                let said = try world.run([
                    "\(DaemonUnderTest.programs)/sluiced", "--data", data, "--api", "127.0.0.1:0",
                ])
                #expect(said.status == 1 && said.errors.contains("Read-only file system"), "\(said.errors)")
                #expect(said.errors.contains(data), "\(said.errors)")
                let guest = ["ping", "-c", "1", "-W", "5", "203.0.113.1"]
                #expect(try world.run(guest, in: "i-2-2-VM").status == 0)
                try world.shell("mount -o remount,bind,rw \(data)")
                let daemon = try DaemonUnderTest(world, data: data)
                try daemon.waitUntilVerified()
                #expect(try daemon.status["netlinkwrites"] as? Int == 0)
            }
        }

        @Test func `a second daemon on one data directory refuses, and the first does not notice`() async throws {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                let first = try DaemonUnderTest(world, data: data)
                let revision = try first.revision
                let second = try world.run([
                    "\(DaemonUnderTest.programs)/sluiced", "--data", data, "--api", "127.0.0.1:0", "--profile", "demo",
                ])
                #expect(second.status == 1 && second.output == "", "\(second.output)")
                #expect(second.errors.contains("\(data) is in use by process \(first.process.id)"), "\(second.errors)")
                #expect(try first.revision == revision)
                try first.waitUntilVerified()
                #expect(try first.events("NODE.REPAIR") == [])
                #expect(try world.run(["ping", "-c", "1", "-W", "5", "198.51.100.1"], in: "i-2-2-VM").status == 0)
            }
        }

        /// The ledger's file in a data directory.
        private static func ledger(_ data: String) throws -> String {
            let names = try FileManager.default.contentsOfDirectory(atPath: data)
            let found = names.first { $0.hasSuffix(".db") || $0.hasSuffix(".sqlite") || $0.hasSuffix(".sqlite3") }
            return "\(data)/\(try #require(found, "\(names)"))"
        }

        @Test func `a ledger of a newer program is refused and left as it is`() async throws {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                #expect(try DaemonUnderTest(world, data: data).stop() == 0)
                let file = try Self.ledger(data)
                var database: OpaquePointer?
                #expect(sqlite3_open(file, &database) == SQLITE_OK)
                #expect(sqlite3_exec(database, "PRAGMA user_version = 4711", nil, nil, nil) == SQLITE_OK)
                sqlite3_close(database)
                let said = try world.run([
                    "\(DaemonUnderTest.programs)/sluiced", "--data", data, "--api", "127.0.0.1:0",
                ])
                #expect(
                    said.status == 78 && said.errors.contains("4711") && said.errors.contains("newer"), "\(said.errors)"
                )
                // What it was forwarding, it goes on forwarding.
                #expect(try world.run(["ping", "-c", "1", "-W", "5", "203.0.113.1"], in: "i-2-2-VM").status == 0)
            }
        }

        @Test func `a damaged end of the log is cut off, said, and the daemon starts with what is whole`() async throws
        {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                let first = try DaemonUnderTest(world, data: data)
                let zone = try #require(first.list("listZones", "zone").first)[text: "id"]
                let network = try #require(first.list("listNetworks", "network").first)[text: "id"]
                for number in 1...3 {
                    try first.perform(
                        "deployVirtualMachine", ["zoneid": zone, "networkids": network, "name": "g\(number)"])
                }
                first.process.end()
                // The write-ahead log holds the newest changes: half of its last page never reached the disk.
                let log = try Self.ledger(data) + "-wal"
                let size = try #require(FileManager.default.attributesOfItem(atPath: log)[.size] as? Int)
                truncate(log, size - 2000)
                let second = try DaemonUnderTest(world, data: data)
                try second.waitUntilVerified()
                let names = Set(try second.list("listVirtualMachines", "virtualmachine").map { $0[text: "name"] })
                #expect(names.isSuperset(of: ["web", "db", "g1"]), "\(names)")
                try DurabilityTests.compareKernel(world, second)
            }
        }

        @Test func `an entry whose bytes were changed is found out`() async throws {
            try await inOwnWorld { world in
                let data = "\(world.directory)/data"
                let first = try DaemonUnderTest(world, data: data)
                let zone = try #require(first.list("listZones", "zone").first)[text: "id"]
                let network = try #require(first.list("listNetworks", "network").first)[text: "id"]
                for number in 1...3 {
                    try first.perform(
                        "deployVirtualMachine", ["zoneid": zone, "networkids": network, "name": "g\(number)"])
                }
                first.process.end()
                let file = try Self.ledger(data)
                var database: OpaquePointer?
                #expect(sqlite3_open(file, &database) == SQLITE_OK)
                let damage = """
                    UPDATE entries SET changes = CAST(replace(CAST(changes AS TEXT), 'g3', 'g4') AS BLOB)
                    WHERE revision = (SELECT max(revision) FROM entries WHERE CAST(changes AS TEXT) LIKE '%g3%')
                    """
                #expect(
                    sqlite3_exec(database, damage, nil, nil, nil) == SQLITE_OK,
                    "\(String(cString: sqlite3_errmsg(database)))")
                #expect(sqlite3_changes(database) == 1)
                sqlite3_close(database)
                let second = try DaemonUnderTest(world, data: data)
                try second.waitUntilVerified()
                let names = Set(try second.list("listVirtualMachines", "virtualmachine").map { $0[text: "name"] })
                #expect(names == ["web", "db", "g1", "g2"], "\(names)")
                #expect(second.logText.contains("ledger repaired"), "\(second.logText)")
                try DurabilityTests.compareKernel(world, second)
            }
        }
    }
}
