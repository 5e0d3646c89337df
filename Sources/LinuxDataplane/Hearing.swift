import LinuxKernel

/// When to listen to the kernel's announcements.
///
/// With many namespaces each of our own changes costs more for being announced than for being made. So while a crowd of
/// nodes is being built nobody listens, and as soon as they stand every node is looked at: what others did meanwhile is
/// found then, a few seconds late. In all other cases, a restart with a thousand nodes among them, we listen.
struct Hearing: ~Copyable {
    private static let crowd = 64

    private let listen: (Bool) throws -> Void
    private var isDeaf = false

    /// `listen` turns the announcements on and off.
    init(listen: @escaping (Bool) throws -> Void) { self.listen = listen }

    /// Called after each piece of work. True when announcements may have been missed and all must be looked at.
    mutating func attend(backlog: Int, isBusy: Bool, hasBuilt: Bool) -> Bool {
        if !isDeaf, backlog > Self.crowd, hasBuilt {
            // Listening on is only slower.
            isDeaf = (try? listen(false)) != nil
            return false
        }
        guard isDeaf, backlog == 0 || !isBusy else { return false }
        // Where it cannot be turned on again there is no going on deaf: try after the next piece of work.
        guard (try? listen(true)) != nil else { return true }
        isDeaf = false
        return true
    }
}
