enum Version {
    static let text = "0.1.0"
}

enum Help {
    static let text = """
        sluiced: every tenant's virtual router on one Linux host

        usage: sluiced [options]

          --data DIR             where the ledger and admin.json are kept (/var/lib/sluice)
          --api HOST:PORT        where the management API is served (127.0.0.1:8080)
          --integration HOST:PORT|off
                                 the API without authentication, loopback only (off)
          --tls-cert FILE, --tls-key FILE
                                 serve the API by HTTPS, with this certificate and key (PEM)
          --metrics HOST:PORT|off
                                 figures for Prometheus at /metrics, for whoever asks there (off)
          --profile empty|demo|simulator
                                 begin with nothing; with a small cloud to poke; or with what tests of CloudStack's
                                 clients expect (loopback only: it tells everybody the administrator's keys)
          --ephemeral            keep nothing: state in memory, and everything removed from the kernel at the end
          --service-user NAME    who the process that serves guests runs as (nobody)
          --rootless             build the same world in a user namespace, without being root
          --config FILE          options from a file, one "key = value" a line; the command line wins
          --log-format text|json
          --log-level debug|info|warning|error
          --version, --help

        Signals: SIGTERM and SIGINT end the daemon. Forwarding goes on without it, unless --ephemeral was given.
        """
}
