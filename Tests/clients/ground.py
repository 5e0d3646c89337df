"""What stories stand on: the daemon's namespaces, and packets that show what a call has brought about."""

import ctypes
import os
import select
import socket
import sys

INTERNET = "sluice-internet"
HOST = "198.51.100.1"
LIBC = ctypes.CDLL(None, use_errno=True)
NEWNET = 0x40000000
# For what fails. What succeeds waits for nothing.
PATIENCE = 30


def step(text):
    print(f"- {text}", flush=True)


def check(holds, what):
    if not holds:
        raise SystemExit(f"not so: {what}")


class inside:
    """This thread in the namespace of a node. Sockets opened there stay there."""

    def __init__(self, node):
        self.node = node

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter(os.open(f"/run/netns/{self.node}", os.O_RDONLY))

    def __exit__(self, *_):
        self.enter(self.home)

    @staticmethod
    def enter(namespace):
        if LIBC.setns(namespace, NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(namespace)


def listener(node, port):
    """Who waits for connections in a machine."""
    with inside(node):
        sock = socket.create_server(("0.0.0.0", port))
    sock.settimeout(PATIENCE)
    return sock


def source(node):
    """The internet's host speaks by its own address, not by that of a leg."""
    return (HOST, 0) if node == INTERNET else ("", 0)


def connection(node, address, port):
    with inside(node):
        return socket.create_connection((address, port), timeout=PATIENCE, source_address=source(node))


def meets(node, address, port, waiting):
    """A connection from the node to the address arrives at the one who waits, and bytes pass both ways. By whom it
    seems to come is returned."""
    with connection(node, address, port) as near:
        far, peer = waiting.accept()
        with far:
            far.settimeout(PATIENCE)
            near.sendall(b"question")
            check(far.recv(64) == b"question", "the question arrives")
            far.sendall(b"answer")
            check(near.recv(64) == b"answer", "the answer arrives")
    return peer[0]


def chosen(node, address, port, waiting):
    """Which of those who wait the connection came to. Bytes pass both ways; whoever only looks whether somebody listens
    says nothing and does not count."""
    with connection(node, address, port) as near:
        near.sendall(b"question")
        while True:
            ready, _, _ = select.select(waiting, [], [], PATIENCE)
            check(ready, "somebody is asked")
            far, _ = ready[0].accept()
            with far:
                far.settimeout(PATIENCE)
                if far.recv(64) != b"question":
                    continue
                far.sendall(b"answer")
                check(near.recv(64) == b"answer", "the answer arrives")
                return waiting.index(ready[0])


def knock(node, address, port):
    """Begins a connection and does not wait for it."""
    with inside(node):
        sock = socket.socket()
        sock.bind(source(node))
    sock.setblocking(False)
    sock.connect_ex((address, port))
    return sock


def came_through(sock):
    """Whether a connection that was begun stands by now."""
    try:
        sock.getpeername()
        return True
    except OSError:
        return False


def nobody_came(waiting):
    waiting.setblocking(False)
    try:
        waiting.accept()
        return False
    except BlockingIOError:
        return True
    finally:
        waiting.settimeout(PATIENCE)


def echo(node, address=HOST):
    """The internet's host answers the machine by TCP."""
    with connection(node, address, 7) as sock:
        sock.sendall(b"hello")
        check(sock.recv(64) == b"hello", "the echo")


def arguments():
    """The API's address, and the keys of its administrator."""
    address, key, secret = sys.argv[1:4]
    return address, key, secret
