import Foundation
import Testing

extension Scenarios {
    /// A whole machine on a port: firmware, Debian's kernel and its DHCP client, under emulation.
    @Suite(.needsGuestMachines) struct GuestMachineTests {
        @Test func `a machine on a tap configures itself by ip=dhcp and reads its user data`() async throws {
            let files = try GuestMachines.folder()
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                try town.deploy("machine", "10.1.1.77", ["userdata": Self.userData])
                let said = try Self.boot(
                    town, "machine",
                    [
                        "-kernel", "\(files)/vmlinuz", "-initrd", "\(files)/initramfs", "-append",
                        "console=ttyS0 quiet panic=-1 mitigations=off ip=dhcp",
                    ])
                for line in Self.told + ["told route default via 10.1.1.1 dev eth0"] {
                    #expect(said.contains(line), "\(line) in \(said)")
                }
            }
        }

        @Test func `a machine without a disk boots over the network by the options of its port`() async throws {
            let files = try GuestMachines.folder()
            try await inOwnWorld { world in
                let town = try ServiceTown(world)
                // The files are another guest's to give: this one by TFTP, which says where the others are.
                let depot = try town.plug("beta", configured: true)
                let folder = "\(world.directory)/depot"
                try world.shell("mkdir \(folder); cp -L \(files)/vmlinuz \(files)/initramfs \(folder)/")
                let script = """
                    #!ipxe
                    kernel http://${next-server}:8000/vmlinuz console=ttyS0 quiet panic=-1 mitigations=off ip=dhcp
                    initrd http://${next-server}:8000/initramfs
                    boot

                    """
                try script.write(toFile: "\(folder)/start.ipxe", atomically: true, encoding: .utf8)
                let inDepot = ["nsenter", "--net=/run/netns/\(depot.node)"]
                _ = try world.start(
                    inDepot + [
                        "dnsmasq", "--user=root", "--keep-in-foreground", "--port=0", "--pid-file=", "--enable-tftp",
                        "--tftp-root=\(folder)", "--conf-file=/dev/null",
                    ])
                _ = try world.start(inDepot + ["busybox", "httpd", "-f", "-p", "10.1.1.20:8000", "-h", folder])
                try seen("both servers") {
                    let open = try world.shell("ss -Hlnut", in: depot.node)
                    return open.contains(":69 ") && open.contains(":8000 ") ? true : nil
                }
                try town.deploy(
                    "machine", "10.1.1.77",
                    [
                        "userdata": Self.userData, "dhcpoptionsnetworklist[0].networkid": town.network,
                        "dhcpoptionsnetworklist[0].dhcp:66": "10.1.1.20",
                        "dhcpoptionsnetworklist[0].dhcp:67": "start.ipxe",
                    ])
                let said = try Self.boot(town, "machine", ["-boot", "n"])
                for line in Self.told + ["filename='start.ipxe'", "ROOTSERVER='10.1.1.20'"] {
                    #expect(said.contains(line), "\(line) in \(said)")
                }
            }
        }

        private static let userData = Data("#!/bin/sh\necho of user data\n".utf8).base64EncodedString()
        private static let told = [
            "told address 10.1.1.77/24", "told mtu 1500", "told server 10.1.1.1", "told name machine",
            "echo of user data", "told all",
        ]

        /// Runs the machine on a tap to its end, and returns what it wrote.
        private static func boot(_ town: ServiceTown, _ name: String, _ words: [String]) throws -> String {
            let (world, mac) = (town.world, try town.mac(name))
            try world.shell(
                "ip tuntap add dev port-\(name) mode tap; ip link set port-\(name) master \(town.bridge) up")
            let serial = "\(world.directory)/serial"
            let ran = try world.run(
                [
                    "timeout", "--kill-after=5", "240", "qemu-system-x86_64", "-M", "pc", "-cpu", "Nehalem,+rdrand",
                    "-accel", "tcg,thread=multi", "-m", "256", "-nodefaults", "-display", "none", "-monitor", "none",
                    "-no-reboot", "-netdev", "tap,id=n,ifname=port-\(name),script=no,downscript=no", "-device",
                    "virtio-net-pci,netdev=n,mac=\(mac)", "-serial", "file:\(serial)",
                ] + words)
            let said = (try? String(contentsOfFile: serial, encoding: .utf8)) ?? ""
            guard ran.status == 0 else { throw Trouble("qemu: \(ran.status): \(ran.errors)\(said)") }
            return said.replacing("\r", with: "")
        }
    }
}

/// What `Tests/guests/machine` makes.
enum GuestMachines {
    static let folderOfTests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    /// Made once a run.
    private static let made = Result { try make() }

    struct Unable: Error {
        let reason: String
    }

    static func folder() throws -> String { try made.get() }

    /// Why there can be none here.
    static var excuse: String? {
        guard case .failure(let error as Unable) = made else { return nil }
        return error.reason
    }

    private static func make() throws -> String {
        let log = FileManager.default.temporaryDirectory.appending(path: "guest-machine-\(UUID()).log").path
        defer { try? FileManager.default.removeItem(atPath: log) }
        let child = try Child([folderOfTests.appending(path: "guests/machine").path], log: log)
        let status = try child.wait()
        let errors = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        guard status != 69 else { throw Unable(reason: errors.split(separator: "\n").last.map(String.init) ?? "") }
        guard status == 0, let folder = child.output.split(separator: "\n").last else {
            throw Trouble("guests/machine: \(status): \(errors)")
        }
        return String(folder)
    }
}

extension Trait where Self == ConditionTrait {
    /// Asked only where the scenarios can run at all.
    static var needsGuestMachines: Self {
        .disabled("no machine can be emulated here: Tests/guests/machine says why") {
            geteuid() == 0 && GuestMachines.excuse != nil
        }
    }
}
