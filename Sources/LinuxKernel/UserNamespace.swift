internal import CLinux
internal import Glibc

/// Being root without being root: a user namespace of one's own, with its own network and its own mounts.
public enum UserNamespace {
    /// Moves the process into new user, network and mount namespaces, where the caller is root (and its only user),
    /// `/run` is empty and private, and `lo` is up.
    ///
    /// To be called first thing in the process, while it has one thread: the kernel refuses it later. When it
    /// throws, the process may be half way in and should end.
    public static func enter() throws(KernelError) {
        let user = geteuid()
        let group = getegid()
        guard sluice_unshare(sluice_clone_newuser | sluice_clone_newnet | sluice_clone_newns) == 0 else {
            throw refusal()
        }
        // Groups cannot be mapped before the right to drop them is given up: CVE-2014-8989.
        try write("deny", to: "/proc/self/setgroups")
        try write("0 \(user) 1", to: "/proc/self/uid_map")
        try write("0 \(group) 1", to: "/proc/self/gid_map")
        guard mount("none", "/", nil, sluice_ms_private | sluice_ms_recursive, nil) == 0 else {
            throw .last("make mounts private", "/")
        }
        guard mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") == 0 else { throw .last("mount", "/run") }
        // Shows the new network's devices to tools that look there. Where the machine hides parts of its own /sys
        // (in a container) the kernel refuses another; nothing of ours reads it.
        _ = mount("sysfs", "/sys", "sysfs", 0, nil)
        try RouteSocket().setLink(1, LinkChange(isUp: true))
    }

    private static func write(_ text: String, to file: String) throws(KernelError) {
        let descriptor = try FileDescriptor.open(file, O_WRONLY)
        var text = text
        let length = text.utf8.count
        let written = text.withUTF8 { Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count) }
        guard written == length else { throw .last("write", file) }
    }

    /// The system's refusal, with what an administrator would look at.
    private static func refusal() -> KernelError {
        var error = KernelError.last("create user namespace", "")
        switch error.errno {
        case EINVAL:
            error.explanation = "the process has more than one thread already, or the kernel has no user namespaces"
        case ENOSPC, EUSERS: error.explanation = "too many: see /proc/sys/user/max_user_namespaces"
        case EPERM, EACCES:
            error.explanation =
                "the system forbids it to ordinary users: see kernel.unprivileged_userns_clone, "
                + "kernel.apparmor_restrict_unprivileged_userns and the container's seccomp profile"
        default: break
        }
        return error
    }
}
