enum Help {
    /// The help of one command, or of all.
    static func text(for command: String?) -> String { command.flatMap { commands[$0] } ?? general }

    private static let general = """
        sluice: look at and change the virtual networks of a sluiced

        usage: sluice [--api URL] [--api-key KEY] [--secret-key SECRET] [--admin FILE] [--json] COMMAND …

          status                     how the daemon and the kernel are doing
          apply [--dry-run] [--prune] FILE
                                     bring about the cloud that a file declares
          plan show [NODE]           everything that a node must be: links, addresses, routes, ruleset
          router list                the virtual routers
          router show NAME           one of them with its NICs
          network list, guest list   the networks, the guests
          events                     what happened, newest first
          exec NODE -- COMMAND …     run a program inside a router's or guest's namespace
          api COMMAND NAME=VALUE …   any call of the management API

        --help after a command shows its own, --version the version, --json prints JSON instead of text.
        The daemon is found by the flags, or by SLUICE_API, SLUICE_API_KEY and SLUICE_SECRET_KEY (or SLUICE_ADMIN, the
        daemon's admin.json), or by ~/.config/sluice/config, or, for root, by /var/lib/sluice/admin.json.
        Exit status: 0 done, 1 refused or failed, 2 wrong command line, 3 no daemon.
        """

    private static let commands = [
        "status": """
        usage: sluice [--json] status

        Version, revision, the nodes that are as planned and those that are not, what the kernel lacks.
        """,
        "apply": """
        usage: sluice [--json] apply [--dry-run] [--prune] FILE

        Brings about the cloud that FILE (JSON, - for standard input) declares: all of it or nothing, and again
        without effect. The format is described in docs/cloud-file.md.

          --dry-run   show what would change in the model and in the plans, and change nothing
          --prune     also remove what the file does not name
        """,
        "plan": """
        usage: sluice [--json] plan show [NODE]

        The compiled plan of a node (r-4-VM, i-2-5-VM, "(host)"), or of all: one row a line, each with the API
        object that it is for behind a #, then the nftables table as nft would load it.
        """,
        "router": "usage: sluice [--json] router list\n       sluice [--json] router show NAME",
        "network": "usage: sluice [--json] network list",
        "guest": "usage: sluice [--json] guest list",
        "events": "usage: sluice [--json] events",
        "exec": """
        usage: sluice exec NODE -- COMMAND [ARGUMENT …]

        Runs COMMAND inside the namespace of a router or an emulated guest, as ip netns exec does:
          sluice exec i-2-3-VM -- ping -c 1 198.51.100.1
        Needs the right to enter namespaces (root), or the same user as a rootless daemon.
        """,
        "api": """
        usage: sluice api COMMAND [NAME=VALUE …]

        Calls the management API and prints the reply; of an asynchronous command, the job's result.
          sluice api listNetworks listall=true
        """,
    ]
}
