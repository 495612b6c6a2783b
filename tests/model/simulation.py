"""One schedule: two workers, two partitions, four tickets, one Postgres, an operator. All that is random comes from one seed."""

import collections
import random

from check import Check
from database import Database
from schedule import Schedule
from turn import Turn
from worker import Worker


class Sim(Database, Worker, Turn, Schedule, Check):
    def __init__(self, cfg, chooser, scenario):
        self.cfg = cfg
        self.ch = chooser
        self.db = {}
        self.lock = {}
        self.txns = {}
        self.cmds = [[], []]
        self.events = [[], []]
        self.dlq = []
        self.owner = {0: (0, 1), 1: (1, 1)}
        self.gen = 1
        self.workers = {}
        self.trace = []
        self.nonce = 0
        self.stats = collections.Counter()
        self.viol = []
        self.faults_left = cfg.get("faults", 3)
        self.draining = False
        self.opproc = []
        self.oplive = []
        for p in (0, 1):
            self.db[("wm", p)] = dict(next=0, pub=0, epoch=0)
        scenario(self)
        for w in (0, 1):
            self.start_worker(w)

    def t(self, *a):
        self.trace.append(a)


class Rand:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, n, why=None):
        return self.r.randrange(n)

    def coin(self, p):
        return self.r.random() < p


def T(self, x, **kw):
    d = dict(ver=0, st="open", ep=False, parked=False, hist=())
    d.update(kw)
    self.db[("tk", x)] = d


def base_init(self):
    self.base = {}


def sc_general(self):
    base_init(self)
    r = self.ch
    for x in "ABC":
        T(self, x)
    L = [
        ("A", "comment"),
        ("A", "resolve"),
        ("B", "comment"),
        ("B", "block", "A"),
        ("A", "reopen"),
        ("A", "resolve"),
        ("C", "comment"),
        ("B", "block", "C"),
        ("C", "resolve"),
        ("B", "resolve"),
        ("D", "create"),
        ("D", "comment"),
    ]
    if self.cfg.get("poison"):
        L += [("B", "poison"), ("B", "comment"), ("A", "poison")]
    # random subset and order
    n = 4 + r.pick(6)
    for i in range(n):
        c = L[r.pick(len(L))]
        m = dict(t=c[0], k=c[1], id="c%d" % i)
        if len(c) > 2:
            m["on"] = c[2]
        self.cmds[self.PART[c[0]]].append(m)
    if self.cfg.get("poison"):
        self.opproc = ["A", "B"]


def sc_pub(self):
    base_init(self)
    for x in "ABC":
        T(self, x)
    self.db[("edge", "B", "A")] = True
    self.db[("tk", "B")]["ep"] = True
    self.db[("tk", "B")]["ver"] = 1
    self.base = {"B": 1}
    self.cmds[0].append(dict(t="A", k="resolve", id="res"))
    for i in range(3):
        self.cmds[0].append(dict(t="C", k="comment", id="k%d" % i))
