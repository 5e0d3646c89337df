import CLinux
import Glibc

extension Commands {
    /// Runs a program inside a node's namespace, in place of this one. Of a daemon that runs rootless it joins the user
    /// and mount namespaces first.
    static let exec: Command = { client, words throws(Failure) in
        guard let node = words.first else { throw .usage("exec NODE -- COMMAND [ARGUMENT …]") }
        var command = Array(words.dropFirst())
        if command.first == "--" { command.removeFirst() }
        guard !command.isEmpty else { throw .usage("exec NODE -- COMMAND [ARGUMENT …]") }
        guard !node.contains("/"), node != ".", node != ".." else { throw .usage("not the name of a node: \(node)") }
        let status = try client.call("getStatus")["status"]
        if status?["rootless"]?.text == "yes", let process = status?["processid"]?.text {
            for (kind, flag) in [("user", sluice_clone_newuser), ("mnt", sluice_clone_newns)] {
                try join("/proc/\(process)/ns/\(kind)", flag)
            }
        }
        try join("/run/netns/\(node)", sluice_clone_newnet)
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        execvp(command[0], &arguments)
        throw Failure("\(command[0]): \(String(cString: strerror(errno)))")
    }

    private static func join(_ file: String, _ kind: Int32) throws(Failure) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("\(file): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        guard sluice_setns(descriptor, kind) == 0 else {
            throw Failure("cannot enter \(file): \(String(cString: strerror(errno)))")
        }
    }
}
