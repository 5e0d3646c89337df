"""The rows about captures: `sluice replay` beside tcpreplay on one pair of veth devices in a network namespace of its own.

Frames a second at 64 and 1,500 bytes; how evenly 10,000 frames a second leave, by what the other end's kernel stamps on them
(tcpdump, nanoseconds); reading and comparing a large capture, with the memory that it takes; and what tshark makes of a
capture that we wrote. And what it takes to explain a packet.
"""
import os
import re
import statistics
import struct
import subprocess
import tempfile
import time

from nat import sh

HOME = "replay"


def capture(path, size, count, apart=0):
    """pcap with nanoseconds: UDP from 10.0.0.1 to 10.0.0.2, 64 flows."""
    payload = bytes(size - 42)
    addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for i in range(count):
            ip = struct.pack(">BBHHHBBH", 0x45, 0, size - 14, i & 0xFFFF, 0, 64, 17, 0) + addresses
            total = sum(struct.unpack(">10H", ip))
            while total > 0xFFFF:
                total = (total & 0xFFFF) + (total >> 16)
            ip = ip[:10] + struct.pack(">H", ~total & 0xFFFF) + ip[12:]
            udp = struct.pack(">HHHH", 5000 + i % 64, 9, size - 34, 0)
            nanoseconds = i * apart
            file.write(struct.pack("<IIII", 1_700_000_000 + nanoseconds // 10**9, nanoseconds % 10**9, size, size))
            file.write(b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0" + ip + udp + payload)


def inside(words):
    return ["ip", "netns", "exec", HOME] + words


def run(words):
    return subprocess.run(inside(words), check=True, text=True, capture_output=True).stdout


def measured(words, ends={0}):
    """What it says, and what it used up."""
    child = subprocess.Popen(inside(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status not in ends:
        raise SystemExit(output)
    return output, usage


def received():
    return int(run(["cat", "/sys/class/net/far/statistics/rx_packets"]))


class Replays:
    def __init__(self, bench, sluice):
        self.bench, self.sluice, self.quick = bench, sluice, bench.quick

    def with_wire(self, body):
        sh(f"ip netns add {HOME}\nip -n {HOME} link set lo up\nip -n {HOME} link add near type veth peer name far\n"
           f"ip -n {HOME} link set near up\nip -n {HOME} link set far up")
        # Nobody takes the frames: what they cost is the sending.
        run(["sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1"])
        try:
            with tempfile.TemporaryDirectory() as folder:
                body(folder)
        finally:
            sh(f"ip netns delete {HOME}")

    def explain(self):
        """A packet through a router of the demo cloud, by the model: what the call takes, HTTP included."""
        def inside(daemon):
            def asked(command, **parameters):
                times = []
                for _ in range(100 if self.quick else 1000):
                    start = time.monotonic()
                    daemon.call(command, **parameters)
                    times.append((time.monotonic() - start) * 1000)
                return sorted(times)
            empty = asked("listZones")
            found = asked("explainPacket", **{"from": "web", "packet": "tcp 10.1.1.10:40000 > 198.51.100.1:7 S"})
            show = lambda times: f"{statistics.median(times):.1f} / {times[len(times) * 99 // 100]:.1f} ms"
            self.bench.row("explaining a packet by the model: API call, p50 / p99", show(found), f"an empty call {show(empty)}", "",
                           "target 5 ms")
        self.bench.with_daemon(inside, "--profile", "demo", "--integration", "off")

    def replay(self):
        """As fast as it goes, in turns."""
        self.with_wire(self.speeds)

    def speeds(self, folder):
        count, rounds = (50_000, 4) if self.quick else (150_000, 10)
        for size in [64, 1500]:
            path = f"{folder}/{size}.pcap"
            capture(path, size, count)
            rates, work = {"ours": [], "theirs": []}, {"ours": [], "theirs": []}
            for _ in range(9):
                for side, words, told in [
                    ("ours", [self.sluice, "replay", path, "--at", "dev:near", "--full", "--rounds", str(rounds)],
                     r"ms: (\d+) a second"),
                    ("theirs", ["tcpreplay", "-q", "-K", "-t", "--loop", str(rounds), "-i", "near", path],
                     r"Rated:.*?([\d.]+) pps"),
                ]:
                    before = received()
                    output, usage = measured(words)
                    rates[side].append(float(re.search(told, output).group(1)))
                    # Reading the capture is left out: one round takes as long for that as all of them.
                    _, alone = measured([str(1) if word == str(rounds) else word for word in words])
                    spent = usage.ru_utime + usage.ru_stime - alone.ru_utime - alone.ru_stime
                    work[side].append(count * (rounds - 1) / spent)
                    if received() - before < count * rounds:
                        raise SystemExit(f"{words[0]}: {received() - before} of {count * rounds} frames arrived")
            os.remove(path)
            for what, found in [("a processor second", work), ("a second", rates)]:
                ours, theirs = (statistics.median(found[side]) for side in ("ours", "theirs"))
                self.bench.row(
                    f"frames {what} into a veth, {size} bytes", f"{ours / 1000:,.0f} thousand",
                    f"tcpreplay {theirs / 1000:,.0f} thousand", f"{ours / theirs:.2f}×",
                    f"both keep the capture in memory and send it {rounds} times; medians of nine turns")

    def pace(self):
        """10,000 frames a second as they were recorded."""
        self.with_wire(self.spreads)

    def spreads(self, folder):
        count = 10_000 if self.quick else 50_000
        path = f"{folder}/paced.pcap"
        capture(path, 64, count, apart=100_000)
        errors = {"ours": [], "theirs": []}
        for _ in range(3):
            for side, words in [("ours", [self.sluice, "replay", path, "--at", "dev:near"]),
                                ("theirs", ["tcpreplay", "-q", "-K", "-i", "near", path])]:
                errors[side].append(self.spread(words, folder, count))
        best = {side: sorted(found, key=lambda pair: pair[1])[1] for side, found in errors.items()}
        show = lambda pair: f"{pair[0]:.1f} / {pair[1]:.1f} µs"
        self.bench.row(
            "10,000 frames a second: error of the moment, p50 / p99", show(best["ours"]), f"tcpreplay {show(best['theirs'])}",
            f"{best['theirs'][1] / max(best['ours'][1], 0.001):.1f}× less", "as the other end's kernel stamps them; the middle of three turns")

    def spread(self, words, folder, count):
        """Between what should lie between two frames and what does, in microseconds: the middle and 99 %."""
        heard = f"{folder}/heard.pcap"
        ear = subprocess.Popen(
            inside(["tcpdump", "-i", "far", "-w", heard, "--time-stamp-precision=nano", "-c", str(count), "-B", "65536",
                    "udp", "port", "9"]), stderr=subprocess.PIPE, text=True)
        while "listening" not in ear.stderr.readline():
            pass
        run(words)
        ear.wait(timeout=60)
        with open(heard, "rb") as file:
            data = file.read()
        at, times = 24, []
        while at + 16 <= len(data):
            seconds, nanoseconds, length, _ = struct.unpack_from("<IIII", data, at)
            times.append(seconds * 10**9 + nanoseconds)
            at += 16 + length
        errors = sorted(abs((moment - times[0]) - i * 100_000) for i, moment in enumerate(times))
        return errors[len(errors) // 2] / 1000, errors[int(len(errors) * 0.99)] / 1000

    def large(self):
        """A million frames through a wire and into a file, which tshark reads; and a capture of a gigabyte, read and compared."""
        self.with_wire(self.captures)

    def captures(self, folder):
        path, heard = f"{folder}/sent.pcap", f"{folder}/heard.pcapng"
        listening = ["--at", "dev:near", "--listen", f"dev:far={heard}"]
        # These first, while this program is small: what a child begins with counts as its memory.
        megabytes = 64 if self.quick else 1024
        count = megabytes * 2**20 // (16 + 1000)
        large, few = f"{folder}/large.pcap", f"{folder}/few.pcap"
        capture(large, 1000, count, apart=1000)
        capture(few, 1000, 64)
        for what, words in [
            ("sent", [large, "--at", "dev:near", "--full"]),
            ("read and matched by flow", [few, "--full", *listening, "--expect", f"dev:far={large}"]),
        ]:
            start = time.monotonic()
            # Of the second next to nothing arrives: it ends with 1, and says what is missing.
            output, usage = measured([self.sluice, "replay", *words], {0, 256})
            elapsed = time.monotonic() - start
            self.bench.row(
                f"a capture of {megabytes:,} MB, {count:,} frames: {what}",
                f"{elapsed:.1f} s, {usage.ru_maxrss / 1024:.0f} MB of memory", "", "",
                f"{megabytes / elapsed:,.0f} MB, {count / elapsed / 1000:,.0f} thousand frames a second")
        os.remove(large)
        count = 50_000 if self.quick else 1_000_000
        capture(path, 64, count)
        output, usage = measured([self.sluice, "replay", path, "--rate", "40000", *listening, "--expect", f"dev:far={path}"])
        start = time.monotonic()
        theirs = subprocess.run(
            ["tshark", "-n", "-r", heard, "-T", "fields", "-e", "frame.time_epoch"], check=True, text=True,
            capture_output=True).stdout.split()
        elapsed = time.monotonic() - start
        ours = [f"{moment // 10**9}.{moment % 10**9:09d}" for moment in self.written(heard)]
        if ours != theirs or len(ours) != count:
            raise SystemExit(f"we wrote {len(ours)} frames of {count}, tshark reads {len(theirs)}, or other moments")
        self.bench.row(
            f"{count:,} frames sent, heard, written and compared: memory", f"{usage.ru_maxrss / 1024:.0f} MB",
            f"tshark reads {len(theirs):,}, in {elapsed:.0f} s", "",
            "every moment the same, to the nanosecond; of 64 flows none differs")

    @staticmethod
    def written(path):
        """The moments of a pcapng file, block by block."""
        with open(path, "rb") as file:
            while head := file.read(8):
                kind, length = struct.unpack("<II", head)
                body = file.read(length - 8)
                if kind == 6:
                    _, high, low = struct.unpack_from("<III", body)
                    yield high << 32 | low
