import ControlPlane

/// The simulator profile: what CloudStack's test image has, on networks that are real.
enum Simulator {
    static func build(_ daemon: Daemon) throws {
        try daemon.perform(.infrastructure(.buildSimulator), "the simulator's cloud")
    }
}
