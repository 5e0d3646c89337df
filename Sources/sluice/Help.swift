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
          guest show NAME            one of them: where its NICs are, when it last got its address, asked names, read metadata
          port list                  where guests' ports are, inside and on the host, what they carry and what they refused
          address list|acquire|release
                                     public addresses
          firewall list|add|remove   what may come in to public addresses
          forward list|add|remove    ports of public addresses that lead to guests
          lb list|show|add|assign|unassign|remove
                                     ports of public addresses that guests share
          static-nat list|add|remove
                                     public addresses that are a guest's own
          egress list|add|remove     exceptions from the egress policies of networks
          top [networks|addresses|rules|members]
                                     what passes, live, the busiest first
          events                     what happened, newest first
          explain --from PORT PACKET what becomes of a packet, stage by stage, and why
          replay CAPTURE --at PORT   a capture into ports of the running cloud
          record CAPTURE --at PORT   make a case out of the capture of a complaint
          isolation                  who reaches whom, by the model and by packets
          topology                   the cloud drawn, with what passes now
          export                     the cloud as a file that apply takes
          exec NODE -- COMMAND …     run a program inside a router's or guest's namespace
          test DIR…                  run cases of packets, on a model and on this kernel
          api COMMAND NAME=VALUE …   any call of the management API

        top takes --sort ORDER, --interval SECONDS and --once. Adding rules takes --from CIDRS, --to CIDRS, --guest-address ADDRESS and --closed; removing them takes --drain:
        connections that they allowed may finish. --plan shows what would change, and changes nothing. Cases of packets are
        run --on model, kernel, both or live, and --keep DIR leaves there what failures consist of.

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
        "guest": "usage: sluice [--json] guest list\n       sluice [--json] guest show NAME",
        "port": "usage: sluice [--json] port list",
        "address": """
        usage: sluice [--json] address list
               sluice [--json] address acquire NETWORK [ADDRESS] [--plan]
               sluice [--json] address release ADDRESS [--plan]

        The public addresses that are in somebody's hands, and what they are used for. A network's first address is the
        one that its guests are seen by. What led anywhere from an address goes with it.

          --plan      show what would change in the model and in the plans, and change nothing
        """,
        "firewall": """
        usage: sluice [--json] firewall list [ADDRESS]
               sluice [--json] firewall add ADDRESS TRAFFIC [--from CIDRS] [--plan]
               sluice [--json] firewall remove ID|ADDRESS TRAFFIC [--drain] [--plan]

        What may come in to public addresses; everything else is refused. TRAFFIC is tcp, tcp/80, udp/8000-8010, icmp,
        icmp/8, icmp/8/0 or a protocol's number. A rule says what may come in, not where it goes: see forward and
        static-nat.
          sluice firewall add 203.0.113.11 tcp/443 --from 198.51.100.0/24

          --from CIDRS  where it may come from, separated by commas; everywhere when absent
          --drain       connections that the rule allowed may finish; without it they end at once
          --plan        show what would change in the model and in the plans, and change nothing
        """,
        "forward": """
        usage: sluice [--json] forward list [ADDRESS]
               sluice [--json] forward add ADDRESS TRAFFIC GUEST [PORT] [--guest-address ADDRESS] [--from CIDRS]
                      [--closed] [--plan]
               sluice [--json] forward remove ID|ADDRESS TRAFFIC [--drain] [--plan]

        Ports of a public address that lead to a guest, by its name: to PORT and on, or to ports of the same numbers. A
        firewall rule that lets them in comes along, and goes along.
          sluice forward add 203.0.113.11 tcp/80 web 8080

          --guest-address ADDRESS  one of the guest's further addresses
          --from CIDRS             who may use it, separated by commas; everybody when absent
          --closed                 leave the firewall as it is
          --drain                  connections may finish; without it they end at once
          --plan                   show what would change in the model and in the plans, and change nothing
        """,
        "lb": """
        usage: sluice [--json] lb list [ADDRESS]
               sluice [--json] lb show ID|ADDRESS TRAFFIC
               sluice [--json] lb add ADDRESS TRAFFIC NAME [PORT] [--algorithm WORD] [--to GUESTS] [--from CIDRS]
                      [--closed] [--plan]
               sluice [--json] lb assign ID|ADDRESS TRAFFIC GUESTS [--plan]
               sluice [--json] lb unassign ID|ADDRESS TRAFFIC GUESTS [--drain] [--plan]
               sluice [--json] lb remove ID|ADDRESS TRAFFIC [--drain] [--plan]

        Ports of a public address that guests share, at PORT of theirs or the same number. A firewall rule that lets them in
        comes along, and goes along. `show` lists who shares one, whether they answer, and what they carry.
          sluice lb add 203.0.113.11 tcp/80 shop 8080 --to web1,web2

          --algorithm WORD  roundrobin (as when absent), source: a client comes to the same guest each time, or leastconn
          --to GUESTS       who shares it, separated by commas
          --from CIDRS      who may use it, separated by commas; everybody when absent
          --closed          leave the firewall as it is
          --drain           connections may finish; without it they end at once
          --plan            show what would change in the model and in the plans, and change nothing
        """,
        "static-nat": """
        usage: sluice [--json] static-nat list
               sluice [--json] static-nat add ADDRESS GUEST [--guest-address ADDRESS] [--plan]
               sluice [--json] static-nat remove ADDRESS [--drain] [--plan]

        Public addresses that are a guest's own: what it sends leaves with the address, and what firewall rules let in
        arrives at it. Removing takes the address's firewall rules away too.
          sluice static-nat add 203.0.113.12 db

          --guest-address ADDRESS  one of the guest's further addresses
          --drain                  connections may finish; without it they end at once
          --plan                   show what would change in the model and in the plans, and change nothing
        """,
        "egress": """
        usage: sluice [--json] egress list [NETWORK]
               sluice [--json] egress add NETWORK TRAFFIC [--from CIDRS] [--to CIDRS] [--plan]
               sluice [--json] egress remove ID|NETWORK TRAFFIC [--drain] [--plan]

        Exceptions from the egress policy of a network's offering. Where the policy is to allow, a rule DENIES; where it
        is to deny, a rule ALLOWS. The list says which, for each.
          sluice egress add blue tcp/25 --to 198.51.100.0/24

          --from CIDRS  parts of the network, separated by commas; all of it when absent
          --to CIDRS    where the traffic goes to; everywhere when absent
          --drain       connections may finish; without it they end at once
          --plan        show what would change in the model and in the plans, and change nothing
        """,
        "top": """
        usage: sluice [--json] top [networks|addresses|rules|members] [--sort received|sent|matched|rate]
                      [--interval SECONDS] [--once]

        What has passed since each was made, and how fast now; drawn again and again on a terminal, printed again and
        again elsewhere. RECEIVED is what went to guests, SENT what came from them; MATCHED are the packets that a
        firewall or egress rule decided about, of connections the first ones.
          sluice top rules --sort matched
          sluice top members                  # whom load balancer rules give connections to, who answers, and how fast

          --sort ORDER        received, sent (bytes), matched (packets) or rate, as when absent; the most first
          --interval SECONDS  between two looks; 1 when absent
          --once              one table, with the rates of one interval
        """,
        "events": "usage: sluice [--json] events",
        "explain": """
        usage: sluice [--json] explain --from PORT PACKET [--then PORT PACKET …] [--live]

        What the running cloud would do to a packet: every stage of every router, the API object that decided, what was
        translated, where it ends, and which rules came close. Sends nothing. PORT is a guest's name (NAME/1: its second
        NIC) or outside; PACKET a line as in docs/packet-lines.md, or a frame as 0x and hexadecimal digits.
          sluice explain --from web 'tcp 10.1.1.10:40000 > 198.51.100.1:7 S'

          --then PORT PACKET  a packet that follows, with the connections that those before it have opened
          --live              send the packets for real, and compare with what the kernel's own trace says: as root. The
                              elements that they meet count them
        """,
        "replay": """
        usage: sluice [--json] replay CAPTURE --at PORT[=ADDRESS] … [--map OLD=NEW …] [--listen PORT=FILE …]
                      [--expect PORT=FILE …] [--speed N | --rate N | --full] [--rounds N] [--linger MS] [--keep-macs]

        Sends the frames of a capture (pcap, pcapng; - for standard input) into ports of the running cloud, as root, or as
        the user of a rootless daemon. PORT is a guest's name (NAME/1: its second NIC), outside, or dev:NAME for a device
        of this machine's own network. Their hardware addresses become those of the port and of whoever is next.
          sluice replay complaint.pcapng --at web=10.9.9.9 --at outside --map 192.0.2.1=203.0.113.11 \
              --listen outside=heard.pcapng --expect outside=wanted.pcapng

          --at PORT=ADDRESS    only frames from ADDRESS, which becomes the guest's own unless --map says otherwise
          --map OLD=NEW        rewrite an address wherever it stands, checksums too
          --listen PORT=FILE   write what arrives there, with nanoseconds
          --expect PORT=FILE   compare that with another capture, flow by flow; the exit status is 1 when they differ
          --speed N            N times as fast as recorded; 1 when absent
          --rate N             N frames a second; --full: as fast as they go
          --rounds N           the whole capture N times
          --linger MS          listen so long after everything is through, for programs that answer later
          --keep-macs          leave the hardware addresses as they are
        """,
        "record": """
        usage: sluice record CAPTURE --at PORT[=ADDRESS] … --to DIR (--expect PORT LINE … | --expect-nothing)
                      [--map OLD=NEW …] [--cloud FILE] [--title TEXT]

        Makes a case (docs/packet-cases.md) out of a capture: the packets that somebody sent, the running cloud, and what
        should have come of the last packet. What is not needed to show it is left out; the case fails until it is cured.
          sluice record complaint.pcap --at outside --expect web 'tcp * > 10.1.1.10:80 S' --to pcaps/complaints/web-is-dark

          --at PORT=ADDRESS     packets from ADDRESS were sent there; without ADDRESS all that no other --at takes
          --expect PORT LINE    what should arrive at the end; --expect-nothing: nothing should
          --map OLD=NEW         the capture's addresses in those of the cloud
          --cloud FILE          a cloud file instead of the running cloud
          --title TEXT          the story's headline
        """,
        "isolation": """
        usage: sluice [--json] isolation [--guests N] [--model] [--all] [--frames N [--seed N]] [--svg FILE]
                      [--evidence FILE]

        Which networks reach each other and the outside: computed from the model, then tried with packets that carry
        canaries, from the ports of emulated guests and the simulated internet, as root. Exits with 1 when something
        crosses, and shows the packet and its trace.

          --guests N       guests of each network that take part; 1 when absent
          --model          ask the model alone
          --all            also send what elements of tenants count; without it their counters stay as they are
          --frames N       besides, N generated attacks that must reach nobody; they move counters
          --seed N         of the generated ones; 1 when absent
          --svg FILE       draw the matrix
          --evidence FILE  keep every canary that was seen (pcapng)
        """,
        "topology": """
        usage: sluice [--json] topology [--svg FILE] [--interval SECONDS]

        Zones, public ranges, networks with their segments, routers, addresses with the rules that lead on from them, guests
        and their ports, and what passes now.

          --svg FILE          draw it
          --interval SECONDS  over which rates are measured; 1 when absent, 0 for none
        """,
        "export": """
        usage: sluice export

        The running cloud as a file that apply takes (docs/cloud-file.md).
        """,
        "exec": """
        usage: sluice exec NODE -- COMMAND [ARGUMENT …]

        Runs COMMAND inside the namespace of a router or an emulated guest, as ip netns exec does:
          sluice exec i-2-3-VM -- ping -c 1 198.51.100.1
        Needs the right to enter namespaces (root), or the same user as a rootless daemon.
        """,
        "test": """
        usage: sluice test [--on model|kernel|both|live] [--keep DIR] [--step N] [--shell] [--record]
                     [--mutate [--survivors FILE]] DIR…

        Runs every case of packets in and below DIR: a cloud, packets that go in, packets that must come out. The format is
        described in docs/packet-cases.md.
          sluice test pcaps/hairpin

          --on WHERE  model: the evaluator over the plans; kernel: fresh namespaces on this kernel, as root; both, which
                      root gets by default: in step, compared frame by frame and decision by decision; live: the
                      running daemon, which must simulate the internet and have no cloud of its own, in step with the
                      model, compared frame by frame. What a case brings is taken away after it; cases that cannot be
                      done there are skipped by name
          --keep DIR  leave captures, plans, rulesets, decisions and counters of every failure there
          --step N    go as far as step N, and tell what it did and why
          --shell     at the first failure, open a shell in the namespaces of the case
          --record    write what comes on the model into the folder expected of each case, for you to read
          --mutate    make every small mistake in the plans in turn, and tell which of them no case notices; FILE holds
                      those that are explained
        """,
        "api": """
        usage: sluice api COMMAND [NAME=VALUE …]

        Calls the management API and prints the reply; of an asynchronous command, the job's result.
          sluice api listNetworks listall=true
        """,
    ]
}
