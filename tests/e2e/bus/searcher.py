"""Searches at a rate, as a process of its own: PORT TOKEN RATE WORD…

One line of JSON for each search: seconds since the start when it was sent, milliseconds it took, and what was wrong with it
("failed", "mixed") and how, or null. Ends with its standard input."""

import json
import random
import sys
import threading
import time
import types

from bus.gateway import Client

LIMIT = 10
EACH = 2.0  # searches a second of one thread: it keeps its rate while an answer takes less than half a second


def look(answer):
    """What is wrong with an answer: a similarity far below zero is that of a query and a vector of two models."""
    found = answer.json if answer.status == 200 else {}
    if answer.status != 200 or found.get("degraded"):
        return "failed", f"{answer.status}: {answer.body[:300]!r}"
    if any(r["similarity"] is not None and r["similarity"] < -0.1 for r in found["results"]):
        return "mixed", answer.body[:300].decode()
    return None, None


def search(client, dice, words, rate, began, stop, lock):
    due = time.monotonic() + dice.random() / rate
    while not stop.wait(max(0, due - time.monotonic())):
        sent = time.monotonic()
        try:
            wrong, how = look(client.post("/tickets/search", {
                "query": " ".join(dice.choices(words, k=3)), "search_type": dice.choice(("semantic", "hybrid")), "limit": LIMIT}))
        except OSError as error:
            wrong, how = "failed", str(error)
        took = round(1000 * (time.monotonic() - sent), 1)
        with lock:
            print(json.dumps([round(sent - began, 3), took, wrong, how]), flush=True)
        due += 1 / rate


def main():
    port, token, rate, *words = sys.argv[1:]
    count = max(1, round(float(rate) / EACH))
    client = Client(types.SimpleNamespace(port=int(port)), token)
    began, stop, lock = time.monotonic(), threading.Event(), threading.Lock()
    threads = [threading.Thread(target=search, args=(client, random.Random(n), words, float(rate) / count, began, stop, lock))
               for n in range(count)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()


main()
