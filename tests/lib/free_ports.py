#!/usr/bin/env python3
"""Prints free ports for a stack: Kafka (the next one is free as well), Postgres, Qdrant, embedding, gateway.

They lie below the range from which Linux takes ports for outgoing connections, so that none of those can be in the way
between this look and the start of the servers.
"""

import random
import socket
import sys


def is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def main():
    bases = list(range(20000, 32000, 10))
    random.shuffle(bases)
    for base in bases:
        if all(is_free(base + offset) for offset in range(6)):
            print(base, base + 2, base + 3, base + 4, base + 5)
            return 0
    print("no six free ports in a row between 20000 and 32000", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
