"""What must hold at the end of a schedule, whatever happened."""

import collections


class Check:
    def check(self):
        V = self.viol
        # watermarks at end?
        for p in (0, 1):
            if self.db[("wm", p)]["next"] < len(self.cmds[p]):
                V.append("stuck_commands")
        # unpark everything? if still parked its commands are accounted for
        ids = collections.Counter()
        allids = {m["id"] for p in (0, 1) for m in self.cmds[p]}
        logd = {k[1]: v for k, v in self.db.items() if k[0] == "log"}
        for i in allids:
            if i not in logd:
                V.append("command_unanswered")
        for k, v in self.db.items():
            if k[0] == "tk":
                c = collections.Counter(v["hist"])
                if any(n > 1 for n in c.values()):
                    V.append("applied_twice")
        ob = collections.defaultdict(dict)  # outbox events per ticket by seq
        rej = set()
        for cid, v in logd.items():
            for o in v["outs"]:
                if o[0] == "ev":
                    e = o[1]
                    if e["seq"] is None:
                        rej.add(e["id"])
                        continue
                    if e["seq"] in ob[e["t"]]:
                        V.append("seq_reused")
                    ob[e["t"]][e["seq"]] = e
        # replayed parked rows live in replay row's outs
        topic = [e for p in (0, 1) for e in self.events[p]]
        for x, d in ob.items():
            n = self.db[("tk", x)]["ver"] - self.base.get(x, 0)
            if sorted(d) != list(range(self.base.get(x, 0) + 1, self.db[("tk", x)]["ver"] + 1)):
                V.append("gap_in_outbox")
            F0 = []
            last = self.base.get(x, 0)
            F1 = []
            l1 = last
            for e in topic:
                if e["t"] != x or e["seq"] is None:
                    continue
                if d.get(e["seq"]) != e:
                    V.append("event_changed")
                if e["seq"] > last:
                    if e["seq"] != last + 1:
                        V.append("filter_drop<=last:_event_skipped")
                    F0.append(e["seq"])
                    last = e["seq"]
                if e["seq"] == l1 + 1:
                    F1.append(e["seq"])
                    l1 += 1
            have = {e["seq"] for e in topic if e["t"] == x}
            if set(d) - have:
                V.append("event_lost")
            if F1 != sorted(d):
                V.append("filter_==last+1:_incomplete")
        if rej - {e["id"] for e in topic}:
            V.append("rejection_lost")
        # unblock episodes
        allcmd = {m["id"]: m for p in (0, 1) for m in self.cmds[p]}
        for x in ("B", "C"):
            if ("tk", x) not in self.db:
                continue
            seqs = [ob[x][q]["typ"] for q in sorted(ob[x]) if ob[x][q]["typ"] in ("blocked", "unblocked")]
            st = x in self.base
            for ty in seqs:
                if ty == "blocked":
                    if st:
                        V.append("blocked_twice")
                    st = True
                else:
                    if not st:
                        V.append("unblocked_twice_or_spurious")
                    st = False
            der = any(k[0] == "edge" and k[1] == x and self.db[("tk", k[2])]["st"] != "resolved" for k in self.db)
            # What waits with a parked blocker is settled by its replay.
            blockers = [k[2] for k in self.db if k[0] == "edge" and k[1] == x]
            if not any(self.db[("tk", ticket)]["parked"] for ticket in [x, *blockers]):
                if st and not der:
                    V.append("unblocked_missing")
                if der and not st:
                    V.append("blocked_missing")
        return V
