import CloudModel
import ControlPlane
import Glibc
import LinuxKernel
import NetworkVocabulary

/// The demo profile: a small cloud to poke, and what to poke it with.
enum Demo {
    static func build(_ daemon: Daemon) throws {
        try daemon.perform(.applyCloud(.init(file: .demo)), "the demo cloud")
    }

    static func explain(_ daemon: Daemon, _ options: Options, _ home: DataHome, _ port: UInt16) {
        print(hints(daemon, options, home, port))
        fflush(nil)
    }

    private static func hints(_ daemon: Daemon, _ options: Options, _ home: DataHome, _ port: UInt16) -> String {
        let cloud = daemon.service.view.cloud
        let guests = cloud.guests.values.sorted { $0.number < $1.number }
        let guest = guests.first?.instanceName ?? "-"
        let router = cloud.routers.values.min { $0.number < $1.number }?.name ?? "-"
        let cli = program("sluice")
        return """

            A virtual router (\(router)) with source NAT, and \(guests.count) guests behind it. Try, in another terminal:

              export SLUICE_API=\(options.apiURL(port)) SLUICE_ADMIN=\(home.path)/admin.json
              \(cli) status
              \(cli) guest list
              \(cli) exec \(guest) -- ping -c 3 198.51.100.1     # a guest reaches the (simulated) internet
              \(cli) exec \(guest) -- ip route                   # and has just this view of the world
              \(cli) router show \(router)
              \(cli) plan show \(router)                         # every row, with the object that it is for
              \(cli) api listNetworks listall=true              # any call of the management API
              \(cli) apply --dry-run FILE                       # the file format: docs/cloud-file.md
            \(options.isRootless ? "" : "  ip netns                                          # routers and guests are plain namespaces\n")
            \(options.isEphemeral ? "Ctrl-C ends it and leaves nothing behind." : "Ctrl-C ends it; the networks stay.")
            """
    }

    /// The path of a program beside this one, as short as it can be typed; where it is installed apart, its name.
    private static func program(_ name: String) -> String {
        let own = CommandLine.arguments[0]
        guard let slash = own.lastIndex(of: "/"), access(String(own[...slash]) + name, X_OK) == 0 else { return name }
        return own[...slash] + name
    }
}
