#!/usr/bin/python3
"""sluice replay beside tcpreplay, on one pair of veth devices in a network namespace of its own.

    replay.py dist/sluice [--quick]

Frames a second at 64 and 1,500 bytes; how evenly 10,000 frames a second leave, by what the other end's kernel stamps on
them (tcpdump, nanoseconds); reading and comparing a large capture, with the memory that it takes. Needs root, tcpreplay and
tcpdump; prints a table in Markdown.
"""
import os, re, resource, struct, subprocess, sys, tempfile, time

SLUICE = os.path.abspath(sys.argv[1])
QUICK = "--quick" in sys.argv
FRAMES = 100_000 if QUICK else 1_000_000
BIG = 64 if QUICK else 1024  # megabytes


def run(words, **options):
    return subprocess.run(words, check=True, text=True, capture_output=True, **options)


def capture(path, size, count, apart=0):
    """pcap with nanoseconds: UDP from 10.0.0.1 to 10.0.0.2, 64 flows."""
    payload = bytes(size - 42)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for i in range(count):
            ip = bytearray(struct.pack(">BBHHHBBH4s4s", 0x45, 0, size - 14, i & 0xFFFF, 0, 64, 17, 0,
                                       bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])))
            total = sum(struct.unpack(">10H", ip))
            while total > 0xFFFF: total = (total & 0xFFFF) + (total >> 16)
            ip[10:12] = struct.pack(">H", ~total & 0xFFFF)
            udp = struct.pack(">HHHH", 5000 + i % 64, 9, size - 34, 0)
            nanoseconds = i * apart
            file.write(struct.pack("<IIII", 1_700_000_000 + nanoseconds // 10**9, nanoseconds % 10**9, size, size))
            file.write(b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0" + ip + udp + payload)


def received():
    return int(open("/sys/class/net/far/statistics/rx_packets").read())


def speed(words, count):
    before = received()
    start = time.monotonic()
    output = run(words)
    elapsed = time.monotonic() - start
    told = re.search(r"Rated:.*?([\d.]+) pps", output.stdout) or re.search(r"ms: (\d+) a second", output.stdout)
    return float(told.group(1)) if told else count / elapsed, received() - before


def spread(words, folder, count):
    """Between what should lie between two frames and what does, in microseconds: the middle and 99 %."""
    heard = f"{folder}/heard.pcap"
    ear = subprocess.Popen(["tcpdump", "-i", "far", "-w", heard, "--time-stamp-precision=nano", "-c", str(count), "-B",
                            "65536", "udp", "port", "9"], stderr=subprocess.PIPE, text=True)
    while "listening" not in ear.stderr.readline(): pass
    run(words)
    ear.wait(timeout=60)
    data = open(heard, "rb").read()
    at, times = 24, []
    while at + 16 <= len(data):
        seconds, nanoseconds, length, _ = struct.unpack_from("<IIII", data, at)
        times.append(seconds * 10**9 + nanoseconds)
        at += 16 + length
    errors = sorted(abs((t - times[0]) - i * 100_000) for i, t in enumerate(times))
    return errors[len(errors) // 2] / 1000, errors[int(len(errors) * 0.99)] / 1000


def main():
    if "SLUICE_REPLAY_BENCH" not in os.environ:
        os.environ["SLUICE_REPLAY_BENCH"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, os.path.abspath(__file__)] + sys.argv[1:])
    for line in ["link set lo up", "link add near type veth peer name far", "link set near up", "link set far up"]:
        run(["ip"] + line.split())
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in [64, 1500]:
            path = f"{folder}/{size}.pcap"
            capture(path, size if size != 1500 else 1514, FRAMES)
            best = {"sluice": [], "tcpreplay": []}
            for _ in range(3):
                for name, words in [
                    ("sluice", [SLUICE, "replay", path, "--at", "dev:near", "--full"]),
                    ("tcpreplay", ["tcpreplay", "-q", "-K", "-t", "-i", "near", path]),
                ]:
                    rate, arrived = speed(words, FRAMES)
                    assert arrived >= FRAMES, f"{name}: {arrived} of {FRAMES} arrived"
                    best[name].append(rate)
            ours, theirs = (sorted(best[n])[1] for n in ("sluice", "tcpreplay"))
            rows.append((f"frames a second, {size} bytes", f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}"))
        count = 10_000 if QUICK else 50_000
        path = f"{folder}/paced.pcap"
        capture(path, 64, count, apart=100_000)
        ours = spread([SLUICE, "replay", path, "--at", "dev:near"], folder, count)
        theirs = spread(["tcpreplay", "-q", "-K", "-i", "near", path], folder, count)
        for index, name in enumerate(["in the middle", "99 %"]):
            rows.append((f"10,000 a second, error {name}", f"{ours[index]:,.1f} µs", f"{theirs[index]:,.1f} µs",
                         f"{theirs[index] / max(ours[index], 0.001):.2f}"))
        path = f"{folder}/large.pcap"
        count = BIG * 2**20 // (16 + 1514)
        capture(path, 1514, count)
        start = time.monotonic()
        run([SLUICE, "replay", path, "--at", "dev:near", "--full", "--listen", f"dev:far={folder}/heard.pcapng",
             "--expect", f"dev:far={path}"])
        elapsed = time.monotonic() - start
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        rows.append((f"{BIG} MB: replayed, heard, written and compared", f"{elapsed:.1f} s, {memory:.0f} MB", "–", "–"))
    print("| what | sluice | tcpreplay | ratio |\n|---|---|---|---|")
    for row in rows: print("| " + " | ".join(row) + " |")


main()
