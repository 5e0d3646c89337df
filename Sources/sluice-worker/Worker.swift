import CServing
import GuestServing

/// The program that the daemon starts to serve guests: on descriptor 3 it hears what to serve, and gives up everything
/// else before it listens.
@main
enum Worker {
    static func main() {
        // Made before the door is shut, like everything that needs the kernel's leave.
        _ = serving_raise_descriptors()
        guard let server = GuestServer(control: 3), serving_confine() == 0 else { return }
        server.run()
    }
}
