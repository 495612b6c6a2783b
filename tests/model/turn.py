"""One transaction of a batch, and the operator's replay of parked tickets."""

from database import ConnLost, Deadlock, TxnAborted


class Turn:
    def txn_body(self, wk, p, share, msgs, t):
        """worker/shell/load.c queue_all(), decide.c tb_batch_decide(), store.c tb_batch_store(); the rules of blocking are
        worker/core/edges.c and draft.c, parking is worker/shell/parking.c."""
        cfg = self.cfg
        yield from self.lockw(t, ("wm", p))
        wm = self.get(t, ("wm", p))
        if wm["next"] != share["pos"] or (cfg.get("cas_epoch") and wm["epoch"] != share["epoch"]):
            return "cas"
        yield ("step",)
        seen = {}

        def lookup():
            for o, m in msgs:
                v = self.get(t, ("log", m["id"]))
                if v is not None:
                    seen[m["id"]] = v

        fw = lambda m: cfg.get("forward") and self.PART[m["t"]] != p
        own = set(m["t"] for o, m in msgs if not fw(m))
        if any(m["k"] == "block" for o, m in msgs):
            yield from self.lockw(t, ("edgelock",))
        need = set(own)
        order = sorted(need)
        mem = {}
        for k in order:
            if ("tk", k) in self.db:
                yield from self.lockw(t, ("tk", k))
            r = self.db.get(("tk", k))
            mem[k] = dict(r) if r else None
            yield ("step",)
        lookup()
        yield ("step",)
        # foreign reads: one statement
        edges = set((k[1], k[2]) for k in self.scan(t, "edge"))
        foreign = {k[1]: v for k, v in self.scan(t, "tk").items()}
        yield ("step",)

        def tk(x):
            return mem[x] if x in mem else foreign.get(x)

        newedges = set()
        logs = {}
        parked = []

        def blocked(x):
            return any(d == x and (tk(b) is None or tk(b)["st"] != "resolved") for d, b in edges | newedges)

        outs_total = []

        def ev(x, typ, cid):
            mem[x]["ver"] += 1
            self.nonce += 1
            return ("ev", dict(t=x, seq=mem[x]["ver"], typ=typ, cid=cid, id=(cid, typ, x), nonce=self.nonce))

        def apply(o, m, outs, res):
            x = m["t"]
            k = m["k"]
            r = mem[x]
            if k == "create":
                if r is not None:
                    res.append("rej")
                    outs.append(("ev", dict(t=x, seq=None, typ="rejected", cid=m["id"], id=(m["id"], "rej", x))))
                    return
                mem[x] = dict(ver=0, st="open", ep=False, parked=False, hist=())
                outs.append(ev(x, "created", m["id"]))
            elif r is None:
                res.append("rej")
                outs.append(("ev", dict(t=x, seq=None, typ="rejected", cid=m["id"], id=(m["id"], "rej", x))))
                return
            elif k in ("comment", "poison"):
                outs.append(ev(x, k, m["id"]))
            elif k == "block":
                newedges.add((x, m["on"]))
                outs.append(ev(x, "edge_added", m["id"]))
                if blocked(x) and not r["ep"]:
                    r["ep"] = True
                    outs.append(ev(x, "blocked", m["id"]))
                if cfg.get("race") == "watch":
                    outs.append(("cmd", dict(t=m["on"], k="watch", dep=x, id=("watch", m["id"], m["on"]))))
            elif k in ("resolve", "reopen"):
                tgt = "resolved" if k == "resolve" else "open"
                if r["st"] == tgt or (k == "resolve" and blocked(x)):
                    res.append("rej")
                    outs.append(("ev", dict(t=x, seq=None, typ="rejected", cid=m["id"], id=(m["id"], "rej", x))))
                    return
                r["st"] = tgt
                outs.append(ev(x, k + "d", m["id"]))
                for d, b in sorted(edges | newedges):
                    if b == x:
                        outs.append(("cmd", dict(t=d, k="recheck", id=("rc", m["id"], d))))
            elif k == "watch":
                outs.append(("cmd", dict(t=m["dep"], k="recheck", id=("rc", m["id"], m["dep"]))))
                res.append("int")
                return
            elif k == "recheck":
                bl = blocked(x)
                if cfg.get("episode", "flag") == "flag":
                    if r["ep"] and not bl:
                        r["ep"] = False
                        outs.append(ev(x, "unblocked", m["id"]))
                    elif bl and not r["ep"]:
                        r["ep"] = True
                        outs.append(ev(x, "blocked", m["id"]))
                else:
                    if not bl:
                        r["ep"] = False
                        outs.append(ev(x, "unblocked", m["id"]))
                    elif bl and not r["ep"]:
                        r["ep"] = True
                        outs.append(ev(x, "blocked", m["id"]))
                res.append("int")
                r["hist"] = r["hist"] + (m["id"],)
                return
            r = mem[x]
            r["hist"] = r["hist"] + (m["id"],)
            res.append("ok")

        for o, m in msgs:
            if not fw(m) and (m["id"] in seen or m["id"] in logs):
                self.stats["dups"] += 1
                continue
            outs = []
            res = []
            if fw(m):
                logs[("fwd", p, o)] = dict(p=p, off=o, outs=(("cmd", m),), res="fwd")
                self.stats["forwarded"] += 1
                continue
            x = m["t"]
            r = mem[x]
            if m["k"] == "replay":
                if r and r["parked"]:
                    q = r.get("pq", ())
                    r["parked"] = False
                    r["pq"] = ()
                    for po, pm in q:
                        apply(o, pm, outs, res)
                logs[m["id"]] = dict(p=p, off=o, outs=tuple(outs), res="int")
                continue
            if r is not None and r["parked"]:
                r["pq"] = r.get("pq", ()) + ((o, m),)
                logs[m["id"]] = dict(p=p, off=o, outs=(), res="parked")
                continue
            if m["k"] == "poison" and cfg.get("poison"):
                r["parked"] = True
                r["pq"] = ((o, m),)
                logs[m["id"]] = dict(p=p, off=o, outs=(), res="parked")
                self.stats["parked"] += 1
                continue
            apply(o, m, outs, res)
            logs[m["id"]] = dict(p=p, off=o, outs=tuple(outs), res=res[0])
        yield ("step",)
        # write
        for x in sorted(own):
            if mem[x] is not None:
                if ("tk", x) not in self.db:
                    yield from self.lockw(t, ("ins", x))
                    if ("tk", x) in self.db:
                        return "retry"  # 23505
                elif self.lock.get(("tk", x)) is not t:
                    return "retry"
                t.w[("tk", x)] = mem[x]
        for e in newedges:
            t.w[("edge",) + e] = True
        for cid, v in logs.items():
            t.w[("log", cid)] = v
        wm = dict(self.get(t, ("wm", p)))
        if wm["next"] != share["pos"] or (cfg.get("cas_epoch") and wm["epoch"] != share["epoch"]):
            return "cas"
        wm["next"] = msgs[-1][0] + 1
        t.w[("wm", p)] = wm
        yield ("step",)
        return "ok"

    # ---------- operator replay
    def op_replay(self, x):
        """ticketctl: a command on the ticket's key. Direct replay is a hole."""
        p = self.PART[x]
        if self.cfg.get("replay", "command") == "command":
            yield ("wait", lambda: (self.db.get(("tk", x)) or {}).get("parked"))
            self.append(("c", p), dict(t=x, k="replay", id=("replay", x, self.nonce)))
            self.nonce += 1
            return
        yield ("wait", lambda: (self.db.get(("tk", x)) or {}).get("parked"))
        t = self.begin("op")
        try:
            yield from self.lockw(t, ("tk", x))
        except (Deadlock, TxnAborted):
            return
        r = dict(self.db[("tk", x)])
        if not r["parked"]:
            self.abort(t)
            return
        outs = []
        for o, m in r["pq"]:
            r["ver"] += 1
            self.nonce += 1
            e = ("ev", dict(t=x, seq=r["ver"], typ=m["k"], cid=m["id"], id=(m["id"], m["k"], x), nonce=self.nonce))
            outs.append(e)
            r["hist"] = r["hist"] + (m["id"],)
            t.w[("log", m["id"])] = dict(p=p, off=o, outs=(e,), res="ok")
        r["parked"] = False
        r["pq"] = ()
        t.w[("tk", x)] = r
        try:
            yield from self.commit(t)
        except (TxnAborted, ConnLost):
            return
        yield ("step",)  # ticketctl may die here
        for e in outs:
            dest, rec = self.route(e)
            self.append(dest, rec)
            yield ("step",)
