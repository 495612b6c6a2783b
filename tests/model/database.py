"""Postgres as the protocol sees it: READ COMMITTED, row locks with deadlock detection, and a COMMIT that may be executed
after the client has given it up."""


class Deadlock(Exception):
    pass


class ConnLost(Exception):
    pass


class TxnAborted(Exception):
    pass


class Txn:
    n = 0
    __slots__ = ("id", "w", "locks", "state", "owner", "commit_pending", "reply", "wait")

    def __init__(self, owner):
        Txn.n += 1
        self.id = Txn.n
        self.w = {}
        self.locks = set()
        self.state = "active"
        self.owner = owner
        self.commit_pending = False
        self.reply = None
        self.wait = None


class Database:
    """Keys: ("wm", partition), ("tk", ticket), ("log", command), ("edge", dependent, blocker)."""

    def begin(self, owner):
        t = Txn(owner)
        self.txns[t] = 1
        return t

    def get(self, t, k):
        if t is not None and k in t.w:
            return t.w[k]
        return self.db.get(k)

    def scan(self, t, kind):
        out = {k: v for k, v in self.db.items() if k[0] == kind}
        if t is not None:
            for k, v in t.w.items():
                if k[0] == kind:
                    out[k] = v
        return out

    def trylock(self, t, k):
        h = self.lock.get(k)
        if h is None or h is t:
            self.lock[k] = t
            t.locks.add(k)
            return True
        return False

    def abort(self, t):
        if t.state == "active":
            t.state = "aborted"
            self.release(t)

    def release(self, t):
        for k in t.locks:
            self.lock.pop(k, None)
        t.locks = set()
        self.txns.pop(t, None)

    def server_commit(self, t):
        if t.state != "active":
            return
        for k, v in t.w.items():
            if k[0] == "log" and self.db.get(k) is not None and t.owner != "op" and t.owner != "gone_op":
                self.viol.append("applied_twice")
                v = dict(v, outs=self.db[k]["outs"] + v["outs"])
            if v is None:
                self.db.pop(k, None)
            else:
                self.db[k] = v
        t.state = "committed"
        self.release(t)
        t.reply = "ok"

    def lockw(self, t, k):
        """generator: wait for a row lock; deadlock detection by wait graph"""
        while True:
            if t.state != "active":
                raise TxnAborted()
            if self.trylock(t, k):
                t.wait = None
                return
            t.wait = self.lock[k]
            seen = set()
            x = t.wait
            while x is not None and x not in seen:
                seen.add(x)
                if x is t:
                    t.wait = None
                    self.abort(t)
                    self.stats["deadlocks"] += 1
                    raise Deadlock()
                x = x.wait
            yield ("wait", lambda: t.state != "active" or self.lock.get(k) in (None, t))

    def commit(self, t):
        """generator: COMMIT with possible unknown outcome"""
        if t.state != "active":
            raise TxnAborted()
        t.commit_pending = True
        yield ("commit", t)
        while True:
            if t.reply == "ok":
                return
            if t.reply == "lost":
                raise ConnLost()
            if t.state == "aborted":
                raise TxnAborted()
            yield ("wait", lambda: t.reply is not None or t.state == "aborted")
