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
        try enterDaemonsNamespaces(client)
        try join("/run/netns/\(node)", sluice_clone_newnet)
        throw become(command)
    }

    /// Becomes the user's shell among the namespaces of a case that has failed. The calling thread is in them, and is the
    /// one that goes on.
    static let openShell: @Sendable (String) -> Void = { failure in
        say(failure + "\na shell in the topology: ip netns lists the routers and guests; ports has the bare ports\n")
        say("\(become([getenv("SHELL").map { String(cString: $0) } ?? "sh"]))")
    }

    /// Another program in place of this one; returns only why that cannot be.
    private static func become(_ command: [String]) -> Failure {
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        execvp(command[0], &arguments)
        return Failure("\(command[0]): \(String(cString: strerror(errno)))")
    }

    /// Of a daemon that runs rootless, its user and mount namespaces: names of namespaces are found there. To be called
    /// while the process has one thread.
    static func enterDaemonsNamespaces(_ client: APIClient) throws(Failure) {
        let status = try client.call("getStatus")["status"]
        guard status?["rootless"]?.text == "yes", let process = status?["processid"]?.text else { return }
        for (kind, flag) in [("user", sluice_clone_newuser), ("mnt", sluice_clone_newns)] {
            try join("/proc/\(process)/ns/\(kind)", flag)
        }
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
