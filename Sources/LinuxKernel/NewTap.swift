internal import CLinux
internal import Glibc
public import NetworkVocabulary

/// A tap that has just been made, in the namespace of the thread that made it. It ends with this value unless it is kept:
/// whoever dies in between leaves nothing.
public struct NewTap: ~Copyable {
    private let descriptor: FileDescriptor
    private let name: InterfaceName

    public init(_ name: InterfaceName) throws(KernelError) {
        let number = sluice_new_tap(name.rawValue)
        guard number >= 0 else {
            var error = KernelError.last("add tap", name.rawValue)
            if error.isNotFound || error.errno == ENXIO { error.explanation = "is the module tun there?" }
            throw error
        }
        self.name = name
        descriptor = FileDescriptor(owning: number)
    }

    /// Makes it stay, for whoever opens it by its name.
    public func keep() throws(KernelError) {
        guard sluice_keep_tap(descriptor.rawValue) == 0 else { throw .last("keep tap", name.rawValue) }
    }
}
