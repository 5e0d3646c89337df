"""The rows about what guests are served by the second: DHCP, names and metadata, each beside what others run for it. Sides
alternate, and a row is the median of its turns."""
import json
import os
import re
import statistics
import subprocess
import tempfile
import time

from serving import GUEST, SERVER, Peer, Serving, awaited, sh


UNBOUND = ("server:\n access-control: 0.0.0.0/0 allow\n do-daemonize: no\n chroot: ''\n username: ''\n pidfile: ''\n"
           " use-syslog: no\n num-threads: 1\n module-config: iterator\n")
# A router's web server as CloudStack sets it up: pages by the address that asks, through rules in the folder's own file.
APACHE = """ServerRoot {folder}
Listen {server}:80
ServerName router
PidFile {folder}/apache.pid
ErrorLog /dev/null
User www-data
Group www-data
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule rewrite_module {modules}/mod_rewrite.so
KeepAlive On
MaxKeepAliveRequests 0
DocumentRoot {folder}/html
<Directory {folder}/html>
    AllowOverride All
    Options +FollowSymLinks
    Require all granted
</Directory>
"""
REWRITING = """RewriteEngine On
RewriteRule ^user-data$ ../userdata/%{REMOTE_ADDR}/user-data [L,NC,QSA]
RewriteRule ^meta-data/?$ ../metadata/%{REMOTE_ADDR}/meta-data [L,NC,QSA]
RewriteRule ^meta-data/(.+)$ ../metadata/%{REMOTE_ADDR}/$1 [L,NC,QSA]
"""


class Services(Serving):
    def __init__(self, bench, zone):
        super().__init__(bench, zone)
        self.turns = 2 if bench.quick else 5
        self.seconds = 2 if bench.quick else 5

    # What each program of measuring says.

    def queries(self, inside, names):
        text = sh(f"dnsperf -s {SERVER} -d {names} -l {self.seconds} -c 1 -q 100", inside).stdout
        return float(re.search(r"Queries per second:\s+([\d.]+)", text).group(1))

    def requests(self, inside, path, connections):
        text = sh(f"wrk -t 1 -c {connections} -d {self.seconds} http://{SERVER}{path}", inside).stdout
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))

    def compare(self, ours, others):
        """Medians of turns that alternate."""
        sides = {"": ours} | others
        figures = {name: [] for name in sides}
        for _ in range(self.turns):
            for name, measure in sides.items():
                figures[name].append(measure())
        return {name: statistics.median(values) for name, values in figures.items()}

    def row(self, what, figures, target):
        ours = figures.pop("")
        best = max(figures.values())
        self.bench.row(what, f"{ours:,.0f}/s", ", ".join(f"{name} {value:,.0f}/s" for name, value in figures.items()),
                       f"{ours / best:.2f}×", f"target {target}")

    def names(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            with open(f"{folder}/names", "w") as file:
                file.writelines(f"g{n} A\n" for n in range(self.guests))
            with open(f"{folder}/hosts", "w") as file:
                file.writelines(f"{address} g{n}\n" for n, address in enumerate(self.addresses))
            with open(f"{folder}/unbound.conf", "w") as file:
                file.write(UNBOUND + f" interface: {SERVER}\n")
                file.writelines(f" local-data: 'g{n}. A {address}'\n" for n, address in enumerate(self.addresses))
            peer = Peer()

            def asked(*words):
                """The peers have one address: each runs for its turn only."""
                peer.start(*words)
                awaited("names", lambda: sh(f"dig +short +tries=1 +time=1 @{SERVER} g1", "peer-guest", check=False).stdout)
                try:
                    return self.queries("peer-guest", f"{folder}/names")
                finally:
                    peer.stop()
            dnsmasq = ["dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--addn-hosts={folder}/hosts",
                       "--pid-file", "--user=root", f"--listen-address={SERVER}", "--bind-interfaces", "--cache-size=20000"]

            def body(daemon, router):
                figures = self.compare(lambda: self.queries("guest", f"{folder}/names"),
                                       {"dnsmasq": lambda: asked(*dnsmasq),
                                        "unbound": lambda: asked("unbound", "-d", "-c", f"{folder}/unbound.conf")})
                self.row(f"names of the network, {self.guests} of them (dnsperf, one client)", figures, "105,000/s")
            try:
                self.with_network(body)
            finally:
                peer.end()

    def forwarded(self):
        """Names of the outside, each asked for the first time, so that no cache knows one."""
        upstream = "10.99.0.1"
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            with open(f"{folder}/upstream.conf", "w") as file:
                file.write(UNBOUND + " interface: 0.0.0.0\n local-zone: 'example.com.' redirect\n"
                           " local-data: 'example.com. 60 IN A 192.0.2.7'\n")
            with open(f"{folder}/unbound.conf", "w") as file:
                file.write(UNBOUND + f" interface: {SERVER}\n outgoing-range: 4096\n num-queries-per-thread: 2048\n"
                           f"forward-zone:\n name: '.'\n forward-addr: {upstream}\n")
            peer = Peer()
            sh("ip netns add upstream; ip link add eth1 netns peer type veth peer name eth0 netns upstream;"
               "ip -n upstream link set lo up; ip -n peer address add 10.99.0.2/24 dev eth1; ip -n peer link set eth1 up;"
               f"ip -n upstream address add {upstream}/24 dev eth0; ip -n upstream link set eth0 up")
            fresh = iter(range(1 << 30))

            def misses(inside):
                turn = next(fresh)
                with open(f"{folder}/names", "w") as file:
                    file.writelines(f"n{n}.t{turn}.example.com A\n" for n in range(20_000 * self.seconds))
                text = sh(f"dnsperf -s {SERVER} -d {folder}/names -n 1 -c 1 -q 100", inside).stdout
                lost = re.search(r"Queries lost:\s+(\d+)", text).group(1)
                right = re.search(r"Response codes:\s+NOERROR (\d+)", text)
                if lost != "0" or int(right.group(1)) != 20_000 * self.seconds:
                    raise SystemExit(f"not all names were answered: {text}")
                return float(re.search(r"Queries per second:\s+([\d.]+)", text).group(1))

            def asked(*words):
                peer.start(*words)
                awaited("a resolver", lambda: sh(
                    f"dig +short +tries=1 +time=1 @{SERVER} a.example.com", "peer-guest", check=False).stdout)
                try:
                    return misses("peer-guest")
                finally:
                    peer.stop()
            dnsmasq = ["dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--server={upstream}",
                       "--pid-file", "--user=root", f"--listen-address={SERVER}", "--bind-interfaces", "--dns-forward-max=1000"]

            def body(daemon, router):
                outside = subprocess.Popen(["ip", "netns", "exec", "sluice-internet", "unbound", "-d", "-c",
                                            f"{folder}/upstream.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    awaited("the outside's names", lambda: "192.0.2.7" in sh(
                        f"dig +short +tries=1 +time=1 @{SERVER} a.example.com", "guest", check=False).stdout)
                    figures = self.compare(lambda: misses("guest"),
                                           {"dnsmasq": lambda: asked(*dnsmasq),
                                            "unbound": lambda: asked("unbound", "-d", "-c", f"{folder}/unbound.conf")})
                finally:
                    outside.terminate()
                    outside.wait()
                self.row("names of the outside, none asked before (dnsperf, one client)", figures, "30,000/s")
            outside = subprocess.Popen(["ip", "netns", "exec", "upstream", "unbound", "-d", "-c", f"{folder}/upstream.conf"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self.with_network(body)
            finally:
                outside.terminate()
                outside.wait()
                peer.end()
                sh("ip netns del upstream", check=False)

    def metadata(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            os.makedirs(f"{folder}/latest/meta-data")
            with open(f"{folder}/latest/meta-data/instance-id", "w") as file:
                file.write("i-2-3-VM")
            with open(f"{folder}/nginx.conf", "w") as file:
                file.write(f"user root; daemon off; pid {folder}/pid; error_log /dev/null; worker_processes 1;"
                           "events { worker_connections 4096; }"
                           "http { access_log off; open_file_cache max=1000; keepalive_requests 1000000;"
                           f"server {{ listen {SERVER}:80; root {folder}; }} }}")
            html = f"{folder}/html"
            os.makedirs(f"{html}/latest")
            os.makedirs(f"{html}/metadata/{GUEST}")
            with open(f"{html}/metadata/{GUEST}/instance-id", "w") as file:
                file.write("i-2-3-VM")
            with open(f"{html}/latest/.htaccess", "w") as file:
                file.write(REWRITING)
            with open(f"{folder}/apache.conf", "w") as file:
                file.write(APACHE.format(folder=folder, server=SERVER, modules="/usr/lib/apache2/modules"))
            peer = Peer()
            path = "/latest/meta-data/instance-id"

            def asked(connections, *words):
                peer.start(*words)
                awaited("pages", lambda: "i-2-3-VM" in sh(f"curl -s http://{SERVER}{path}", "peer-guest", check=False).stdout)
                try:
                    return self.requests("peer-guest", path, connections)
                finally:
                    peer.stop()

            def body(daemon, router):
                for connections in (10, 100):
                    figures = self.compare(
                        lambda: self.requests("guest", path, connections),
                        {"nginx": lambda: asked(connections, "nginx", "-c", f"{folder}/nginx.conf"),
                         "Apache": lambda: asked(connections, "apache2", "-D", "FOREGROUND", "-f", f"{folder}/apache.conf")})
                    self.row(f"metadata, {connections} connections (wrk)", figures, "80,000/s")
            try:
                self.with_network(body)
            finally:
                peer.end()

    def four_messages(self, inside, mac):
        """perfdhcp as one client behind its own relay, which asks again and again; so no address is given twice."""
        text = sh(f"perfdhcp -4 -l {GUEST} -R 1 -b mac={mac} -p {self.seconds} -r 150000 {SERVER}", inside, check=False).stdout
        return float(re.search(r"Rate: ([\d.]+) 4-way", text).group(1))

    def exchanges(self):
        with tempfile.TemporaryDirectory() as folder:
            peer = Peer()
            mac = re.search(r"link/ether (\S+)", sh("ip -o link show eth0", "peer-guest").stdout).group(1)
            dnsmasq = ["dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--pid-file", "--user=root", "--leasefile-ro",
                       "--dhcp-range=10.1.0.0,static,255.255.0.0", f"--dhcp-host={mac},{GUEST}", "--interface=eth0"]
            subnet = {"subnet": "10.1.0.0/16", "reservations": [{"hw-address": mac, "ip-address": GUEST}]}
            with open(f"{folder}/kea.json", "w") as file:
                json.dump({"Dhcp4": {"interfaces-config": {"interfaces": ["eth0"]}, "subnet4": [subnet],
                                     "lease-database": {"type": "memfile", "persist": False}}}, file)

            def asked(*words):
                peer.start(*words)
                awaited("a server", lambda: ":67 " in sh("ss -Hlnu; ss -Hlnp0 2>/dev/null || true", "peer").stdout)
                time.sleep(1)
                try:
                    return self.four_messages("peer-guest", mac)
                finally:
                    peer.stop()

            def body(daemon, router):
                own = re.search(r"link/ether (\S+)", sh("ip -o link show eth0", "guest").stdout).group(1)
                figures = self.compare(lambda: self.four_messages("guest", own),
                                       {"dnsmasq": lambda: asked(*dnsmasq),
                                        "Kea": lambda: asked("env", f"KEA_PIDFILE_DIR={folder}", f"KEA_LOCKFILE_DIR={folder}",
                                                             "kea-dhcp4", "-c", f"{folder}/kea.json")})
                self.row("DHCP exchanges of four messages (perfdhcp)", figures, "40,000/s")
            try:
                self.with_network(body)
            finally:
                peer.end()
