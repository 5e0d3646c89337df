"""Captures at every device of every namespace."""

import contextlib
import select
import socket
import struct
import subprocess
import time

from ground import inside

HOST = "host"
ETH_P_ALL, SOL_PACKET, PACKET_STATISTICS, PACKET_AUXDATA, SO_RCVBUFFORCE = 3, 263, 6, 8, 33
TAG_IS_VALID, TAG_PROTOCOL_IS_VALID = 0x10, 0x40


def sh(line, node=HOST):
    """A line of shell in a node's network namespace; it must succeed."""
    words = ["sh", "-ec", line]
    if node != HOST:
        words = ["nsenter", f"--net=/run/netns/{node}"] + words
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{node}: {line}: {done.stderr}")
    return done.stdout


def wire(node, device):
    with inside(node) if node != HOST else contextlib.nullcontext():
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        made.bind((device, ETH_P_ALL))
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    made.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    made.setblocking(False)
    return made


def received(ear):
    """The next frame with its tag, which the kernel takes off and tells beside it."""
    frame, extras, _, _ = ear.recvmsg(1 << 16, 64)
    for _, _, data in extras:
        status, _, _, _, _, tag, protocol = struct.unpack("IIIHHHH", data[:20])
        if status & TAG_IS_VALID:
            kind = protocol if status & TAG_PROTOCOL_IS_VALID else 0x8100
            frame = frame[:12] + struct.pack("!HH", kind, tag) + frame[12:]
    return frame


class Ears:
    """Everything at every device, from the first moment to the last, in a file each."""

    def __init__(self, nodes, folder):
        self.wires, self.files, self.counts = {}, {}, {}
        self.poll = select.epoll()
        for node in [HOST] + nodes:
            for line in sh("ip -o link", node).splitlines():
                device = line.split(":")[1].split("@")[0].strip()
                if device == "lo":
                    continue
                place, ear = f"{node}/{device}", wire(node, device)
                self.wires[ear.fileno()] = (place, ear)
                self.poll.register(ear, select.EPOLLIN)
                self.files[place] = open(f"{folder}/{node}.{device}.pcap", "wb")
                # Version 2.4, in nanoseconds, of Ethernet.
                self.files[place].write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 1 << 16, 1))
                self.counts[place] = 0

    def hear(self):
        """What has come since the last time, as (place, frame)."""
        while ready := self.poll.poll(0):
            for number, _ in ready:
                place, ear = self.wires[number]
                for _ in range(1000):
                    try:
                        frame = received(ear)
                    except BlockingIOError:
                        break
                    second, nano = divmod(time.time_ns(), 10**9)
                    self.files[place].write(struct.pack("<IIII", second, nano, len(frame), len(frame)) + frame)
                    self.counts[place] += 1
                    yield place, frame

    def close(self):
        """Ends the captures; the frames that there was no room for."""
        lost = 0
        for place, ear in self.wires.values():
            lost += struct.unpack("II", ear.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
            self.files[place].close()
        return lost
