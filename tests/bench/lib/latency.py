"""From the scheduled send of a command to its last event, and the floor of the same minute."""

import subprocess

from lib.ticketbus import Run, serial
from lib.workload import Workload

WARM_UP_S = 3


def workload(stack, tickets, rate, seconds):
    load = Workload(tickets, next(serial))
    n = int(rate * (seconds + WARM_UP_S))
    return load.write(stack.state / "commands.txt", load.mixed(n)), int(rate * WARM_UP_S)


def of_workers(stack, database, tickets, workers, rate, seconds):
    run = Run(stack, database)
    path, skip = workload(stack, tickets, rate, seconds)
    run.start(workers)
    run.settle()
    result = stack.bench("latency", run.commands, run.events, path, rate, skip, env=run.env)
    run.stop()
    return checked(result)


def of_floor(stack, database, tickets, rate, seconds):
    """Produce, consume, one commit, produce, consume: nothing of Ticketbus but its clients."""
    run = Run(stack, database)
    path, skip = workload(stack, tickets, rate, seconds)
    with (stack.state / "log/bench-relay.log").open("a") as log:
        relay = subprocess.Popen(
            [stack.program("ticketbus-bench"), "relay", run.commands, run.events],
            env=run.env, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        if relay.stdout.readline() != "ready\n":
            raise SystemExit("the relay does not start; see log/bench-relay.log")
        result = stack.bench("latency", run.commands, run.events, path, rate, skip, env=run.env)
    finally:
        relay.terminate()
        relay.wait(30)
    return checked(result)


def checked(result):
    if result["answered"] != result["sent"]:
        raise SystemExit(f"commands without an answer: {result}")
    return result
