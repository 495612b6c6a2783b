"""The worker's loop: claims, batches, publication. Each step names the function of the worker that it follows."""

import collections

from database import ConnLost, Deadlock, TxnAborted


class Worker:
    PART = {"A": 0, "B": 1, "C": 0, "D": 1}  # home partition of each ticket

    def start_worker(self, w):
        wk = dict(id=w, gen=None, asg={}, q=collections.OrderedDict(), fail=[], state="up", mytx=None)
        self.workers[w] = wk
        wk["co"] = self.worker_main(wk)
        wk["blocked"] = None

    def enqueue(self, wk, dest, rec, tag):
        if self.cfg.get("gapless") and wk["fail"]:
            wk["fail"].append((dest, rec, tag))
            return
        wk["q"].setdefault(dest, collections.deque()).append((rec, tag))

    def net_deliver(self, wk, dest):
        rec, tag = wk["q"][dest].popleft()
        if not wk["q"][dest]:
            del wk["q"][dest]
        self.append(dest, rec)
        if tag is not None and tag in wk["unacked"]:
            wk["unacked"].discard(tag)

    def append(self, dest, rec):
        kind, p = dest
        (self.cmds if kind == "c" else self.events)[p].append(rec)

    def route(self, out):
        if out[0] == "cmd":
            return ("c", self.PART[out[1]["t"]]), out[1]
        return ("e", self.PART[out[1]["t"]]), out[1]

    # outbox rows: ('log',p,off,i)-> via log rows key ('log',cmdkey) value dict(p,off,outs)
    def publish_range(self, wk, p, a, b, share):
        """worker/shell/claim.c republish(), worker/shell/apply.c publish()."""
        self.publish_rows(
            wk, p, share, b, [v for k, v in self.db.items() if k[0] == "log" and v["p"] == p and a <= v["off"] < b]
        )

    def publish_rows(self, wk, p, share, b, rows):
        rows = sorted(rows, key=lambda v: v["off"])
        tags = set()
        for v in rows:
            for i, o in enumerate(v["outs"]):
                dest, rec = self.route(o)
                tag = (p, v["off"], i, share["inst"])
                tags.add(tag)
                wk["unacked"].add(tag)
                self.enqueue(wk, dest, rec, tag)
        share["pend"].append((b, tags))

    def worker_main(self, wk):
        """worker/shell/loop.c round_trip(): assignments first, then the published watermarks, then a batch."""
        cfg = self.cfg
        w = wk["id"]
        wk["unacked"] = set()
        wk["inst"] = 0
        while True:
            # poll: learn assignment
            for p in (0, 1):
                o = self.owner[p]
                if o[0] == w and (p not in wk["asg"] or wk["asg"][p]["gen"] != o[1]):
                    yield from self.assign(wk, p, o[1])
                elif o[0] != w and p in wk["asg"]:
                    del wk["asg"][p]
                    self.t(w, "revoked", p)
            if wk["fail"]:
                yield from self.handle_fail(wk)
            did = False
            for p in list(wk["asg"]):
                share = wk["asg"][p]
                if share.get("dead"):
                    continue
                # published watermark
                new = None
                if cfg.get("pub", "contig") == "contig":
                    while share["pend"] and not (share["pend"][0][1] & wk["unacked"]):
                        new = share["pend"].pop(0)[0]
                else:
                    for b, tags in list(share["pend"]):
                        if not (tags & wk["unacked"]):
                            new = max(new or 0, b)
                            share["pend"].remove((b, tags))
                if new is not None:
                    yield from self.set_pub(wk, p, share, new)
                    did = True
                if p in wk["asg"] and share["pos"] < len(self.cmds[p]):
                    yield from self.batch(wk, p, share)
                    did = True
                    break
            if not did:
                yield ("wait", lambda: self.has_work(wk))
            else:
                yield ("step",)

    def has_work(self, wk):
        w = wk["id"]
        if wk["fail"]:
            return True
        for p in (0, 1):
            o = self.owner[p]
            if o[0] == w and (p not in wk["asg"] or wk["asg"][p]["gen"] != o[1]):
                return True
            if o[0] != w and p in wk["asg"]:
                return True
        for p, share in wk["asg"].items():
            if share.get("dead"):
                continue
            if share["pos"] < len(self.cmds[p]):
                return True
            if share["pend"] and any(
                not (tg & wk["unacked"])
                for b, tg in (share["pend"][:1] if self.cfg.get("pub", "contig") == "contig" else share["pend"])
            ):
                return True
        return False

    def handle_fail(self, wk):
        """worker/shell/loop.c lost() after common/kafka/producer.c: a message that was given up."""
        items = wk["fail"]
        wk["fail"] = []
        mode = self.cfg.get("prodfail", "rewind")
        if mode == "requeue":
            for dest, rec, tag in items:
                self.enqueue(wk, dest, rec, tag)
            yield ("step",)
        else:
            # destroy producer (purge), re-publish from published watermark in order
            wk["q"].clear()
            wk["unacked"].clear()
            for p in list(wk["asg"]):
                o = wk["asg"].pop(p)
                yield from self.assign(wk, p, o["gen"])

    def set_pub(self, wk, p, share, b):
        """worker/shell/store.c store_watermarks(): pending.c keeps `pend`, what was acknowledged without a gap."""
        while True:
            t = self.begin(wk["id"])
            wk["mytx"] = t
            try:
                yield from self.lockw(t, ("wm", p))
                wm = dict(self.get(t, ("wm", p)))
                if self.cfg.get("cas_epoch") and wm["epoch"] != share["epoch"]:
                    self.abort(t)
                    return
                wm["pub"] = max(wm["pub"], b)
                t.w[("wm", p)] = wm
                yield from self.commit(t)
                return
            except (Deadlock, TxnAborted):
                self.abort(t)
                yield ("step",)
            except ConnLost:
                return  # harmless: will be repeated

    def assign(self, wk, p, gen):
        """worker/shell/claim.c tb_worker_claim(): the one procedure after every doubt."""
        cfg = self.cfg
        wk["inst"] += 1
        self.stats["assign"] += 1
        while True:
            if cfg.get("claim"):
                t = self.begin(wk["id"])
                wk["mytx"] = t
                try:
                    yield from self.lockw(t, ("wm", p))
                    wm = dict(self.get(t, ("wm", p)))
                    wm["epoch"] += 1
                    t.w[("wm", p)] = wm
                    yield from self.commit(t)
                except (Deadlock, TxnAborted, ConnLost):
                    self.abort(t) if not t.commit_pending else None
                    yield ("step",)
                    continue
                yield ("step",)
            else:
                wm = dict(self.db[("wm", p)])
                yield ("step",)
            break
        share = dict(gen=gen, epoch=wm["epoch"], pos=wm["next"], pend=[], inst=(wk["id"], wk["inst"], gen, self.nonce))
        self.nonce += 1
        wk["asg"][p] = share
        self.t(wk["id"], "assign", p, wm)
        if wm["pub"] < wm["next"]:
            self.publish_range(wk, p, wm["pub"], wm["next"], share)
            self.stats["republished"] += 1
        yield ("step",)

    def casfail(self, wk, p, share):
        """worker/shell/loop.c lost(): the test of load_take.c tb_take_watermarks() has failed."""
        self.stats["casfail"] += 1
        pol = self.cfg.get("casfail", "reassign")
        self.t(wk["id"], "casfail", p, pol)
        if pol == "reassign":
            wk["asg"].pop(p, None)
            # re-run the assignment procedure only if coordinator still says it is ours
            if self.owner[p][0] == wk["id"]:
                yield from self.assign(wk, p, self.owner[p][1])
        elif pol == "reload":
            wm = self.db[("wm", p)]
            share["pos"] = wm["next"]
            share["epoch"] = wm["epoch"]
            yield ("step",)
        elif pol == "drop":
            share["dead"] = True
            yield ("step",)

    def batch(self, wk, p, share):
        """worker/shell/apply.c apply_once(): load, decide, store, COMMIT, publish."""
        cfg = self.cfg
        n = 1 + self.ch.pick(2, "batch") if cfg.get("maxbatch", 2) > 1 else 1
        msgs = [(o, self.cmds[p][o]) for o in range(share["pos"], min(len(self.cmds[p]), share["pos"] + n))]
        # poison isolates
        if len(msgs) > 1 and any(m[1]["k"] == "poison" for m in msgs):
            msgs = msgs[:1]
        tries = 0
        while True:
            tries += 1
            t = self.begin(wk["id"])
            wk["mytx"] = t
            try:
                ok = yield from self.txn_body(wk, p, share, msgs, t)
                if ok == "cas":
                    self.abort(t)
                    yield from self.casfail(wk, p, share)
                    return
                if ok == "retry":
                    self.abort(t)
                    yield ("step",)
                    if tries > 20:
                        self.viol.append("retry-storm")
                        return
                    continue
                end = msgs[-1][0] + 1
                if cfg.get("publish") == "before":
                    self.publish_rows(wk, p, share, end, [v for k, v in t.w.items() if k[0] == "log"])
                    yield ("step",)
                yield from self.commit(t)
                self.t(wk["id"], "committed", p, end)
                break
            except (Deadlock, TxnAborted):
                self.abort(t)
                self.stats["retry"] += 1
                yield ("step",)
                if wk["asg"].get(p) is not share:
                    return
                continue
            except ConnLost:
                self.stats["unknown"] += 1
                yield ("step",)
                wk["asg"].pop(p, None)
                if self.owner[p][0] == wk["id"]:
                    yield from self.assign(wk, p, self.owner[p][1])
                return
        start = share["pos"]
        share["pos"] = end
        yield ("step",)  # crash point between COMMIT and publish
        if wk["asg"].get(p) is share and cfg.get("publish") != "before":
            self.publish_range(wk, p, start, end, share)
        yield ("step",)
