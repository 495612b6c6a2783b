"""Who takes the next step, which fault comes when, and what the surroundings do about it: restart, evict, time out."""

import collections

from database import Txn


class Schedule:
    def runnable(self):
        acts = []
        for w, wk in self.workers.items():
            if wk["state"] == "up":
                b = wk["blocked"]
                if b is None or b():
                    acts.append(("run", w))
                for d in wk["q"]:
                    acts.append(("net", w, d))
        for i, (co, b) in enumerate(self.oplive):
            if b is None or b():
                acts.append(("op", i))
        for t in list(self.txns):
            if t.commit_pending:
                acts.append(("srv", t))
        return acts

    def faults(self):
        f = []
        if self.draining or self.faults_left <= 0:
            return f
        kinds = self.cfg.get("faultkinds", ("crash", "pause", "unknown", "rebalance"))
        for w, wk in self.workers.items():
            if wk["state"] == "up":
                if "crash" in kinds:
                    f.append(("crash", w))
                if "pause" in kinds:
                    f.append(("pause", w))
                if "prodfail" in kinds:
                    for d in wk["q"]:
                        f.append(("pfail", w, d))
        if "rebalance" in kinds:
            for p in (0, 1):
                f.append(("reb", p))
        if "unknown" in kinds:
            for t in self.txns:
                if t.commit_pending and t.reply is None and t.owner != "gone":
                    f.append(("lose", t))
        if "dup" in kinds:
            f.append(("dup",))
        if "opcrash" in kinds and self.oplive:
            for i in range(len(self.oplive)):
                f.append(("opcrash", i))
        return f

    def recover_acts(self):
        r = []
        for w, wk in self.workers.items():
            if wk["state"] == "down":
                r.append(("restart", w))
            if wk["state"] == "paused":
                if not self.cfg.get("no_resume"):
                    r.append(("resume", w))
                # coordinator evicts a paused worker
                for p in (0, 1):
                    if self.owner[p][0] == w and self.workers[1 - w]["state"] == "up":
                        r.append(("evict", p))
                t = wk["mytx"]
                if self.cfg.get("idle_timeout") and t is not None and t.state == "active" and not t.commit_pending:
                    r.append(("idle", t))
            if wk["state"] == "down":
                for p in (0, 1):
                    if self.owner[p][0] == w and self.workers[1 - w]["state"] == "up":
                        r.append(("evict", p))
        for t in self.txns:
            if t.owner == "gone":
                r.append(("reap", t))
            if t.reply == "lost":
                r.append(("reap", t))
        return r

    def step_co(self, wk):
        try:
            r = next(wk["co"])
        except StopIteration:
            wk["blocked"] = lambda: False
            return
        wk["blocked"] = None
        if r[0] == "wait":
            wk["blocked"] = r[1]

    def do(self, a):
        k = a[0]
        if k == "run":
            self.step_co(self.workers[a[1]])
        elif k == "net":
            self.net_deliver(self.workers[a[1]], a[2])
        elif k == "op":
            co, b = self.oplive[a[1]]
            try:
                r = next(co)
                self.oplive[a[1]] = (co, r[1] if r[0] == "wait" else None)
            except StopIteration:
                self.oplive.pop(a[1])
        elif k == "srv":
            t = a[1]
            lost = t.reply == "lost"
            self.server_commit(t)
            if lost:
                t.reply = "lost"
        else:
            self.t(*[x if not isinstance(x, Txn) else ("tx", x.owner, x.id) for x in a])
            self.stats[k] += 1
            if k == "crash":
                wk = self.workers[a[1]]
                for d in list(wk["q"]):  # part of the queue may have left
                    j = self.ch.pick(len(wk["q"][d]) + 1, "crashq")
                    for _ in range(j):
                        self.append(d, wk["q"][d].popleft()[0])
                wk["co"].close()
                wk["state"] = "down"
                wk["q"] = collections.OrderedDict()
                wk["asg"] = {}
                for t in self.txns:
                    if t.owner == a[1]:
                        t.owner = "gone"
            elif k == "pause":
                self.workers[a[1]]["state"] = "paused"
            elif k == "resume":
                self.workers[a[1]]["state"] = "up"
            elif k == "restart":
                self.start_worker(a[1])
                for p in (0, 1):
                    if self.owner[p][0] == a[1]:
                        self.gen += 1
                        self.owner[p] = (a[1], self.gen)
            elif k in ("reb", "evict"):
                self.gen += 1
                self.owner[a[1]] = (1 - self.owner[a[1]][0], self.gen)
            elif k == "lose":
                a[1].reply = "lost"
            elif k in ("idle", "reap"):
                self.abort(a[1])
            elif k == "pfail":
                wk = self.workers[a[1]]
                rec, tag = wk["q"][a[2]].popleft()
                if not wk["q"][a[2]]:
                    del wk["q"][a[2]]
                if self.cfg.get("gapless"):
                    for d in list(wk["q"]):
                        for r2, t2 in wk["q"][d]:
                            wk["fail"].append((d, r2, t2))
                    wk["q"].clear()
                    wk["fail"].insert(0, (a[2], rec, tag))
                else:
                    wk["fail"].append((a[2], rec, tag))
            elif k == "dup":
                p = self.ch.pick(2, "dupp")
                if self.cmds[p]:
                    m = self.cmds[p][self.ch.pick(len(self.cmds[p]), "dupi")]
                    q = p if not self.cfg.get("wrongpart") or self.ch.pick(2, "wp") == 0 else 1 - p
                    self.cmds[q].append(m)
            elif k == "opcrash":
                co, b = self.oplive.pop(a[1])
                co.close()
                for t in list(self.txns):
                    if t.owner == "op":
                        self.abort(t) if not t.commit_pending else None

    def run(self, limit=3000):
        for x in self.opproc:
            self.oplive.append((self.op_replay(x), None))
        n = 0
        pf = self.cfg.get("pfault", 0.06)
        while n < limit:
            n += 1
            acts = self.runnable()
            if not self.draining:
                f = self.faults()
                if f and self.ch.coin(pf):
                    self.faults_left -= 1
                    self.do(f[self.ch.pick(len(f), "f")])
                    continue
                rec = self.recover_acts()
                if rec and (not acts or self.ch.coin(0.12)):
                    self.do(rec[self.ch.pick(len(rec), "r")])
                    continue
                if self.faults_left <= 0 and self.ch.coin(0.05):
                    self.draining = True
            if not acts:
                if not self.draining:
                    self.draining = True
                    continue
                rec = [r for r in self.recover_acts() if (r[0] != "evict" or self.cfg.get("no_resume"))]
                if rec:
                    self.do(rec[0])
                    continue
                break
            if self.draining:
                rec = [r for r in self.recover_acts() if (r[0] != "evict" or self.cfg.get("no_resume"))]
                if rec and self.ch.coin(0.3):
                    self.do(rec[0])
                    continue
            a = acts[self.ch.pick(len(acts), "a")]
            if a[0] == "net" and self.cfg.get("slow") == a[2] and len(acts) > 1 and self.ch.coin(0.9):
                continue
            self.do(a)
        self.n = n
        if n >= limit:
            self.viol.append("no_quiescence")
        return self
