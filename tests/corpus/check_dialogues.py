#!/usr/bin/env python3
"""Validate dialogue JSONL files of the business-phone flow (standard library only).

    python3 check_dialogues.py FILE.jsonl [FILE.jsonl ...]   [--no-dup] [--dup RATIO] [--quiet]

Checks every line against the schema (dev/DIALOGUES.md), that ids are unique over all files given,
that `asked` of a turn is `next` of the turn before, that `state`, `next` and `end` are what the flow
(biz-phone-flow.md) gives for all that was learned so far, that addresses and telephone
numbers are visibly invented, and that no two bodies are near duplicates (difflib ratio above --dup,
default 0.8).  Prints the counts.  Exit status 0 when clean, 1 when anything is wrong, 2 on wrong usage.
"""
import collections
import re
import sys

import check
from check import ADDRESS, HOST, PHONE, STEPS, URL

VALUES = ["yes", "no", "done-no-effect", "fixed", "unknown"]
PURE_CHECKS = {"Q1", "Q2", "Q7"}       # nothing to do there, so neither done-no-effect nor fixed
STATES = ["asking", "solved", "handover", "customer-end"]
CUSTOMER_ENDS = ["own-env", "delete-accounts", "carrier", "device-net"]
ENDS = CUSTOMER_ENDS + ["desk"]
MOST_ASKED, MOST_TURNS = 3, 5
DONE = {"yes", "done-no-effect", "fixed"}

DIALOGUE_KEYS = {"id": str, "turns": list}
TURN_KEYS = {"subject": str, "body": str, "asked": list, "learned": dict, "state": str,
             "next": list, "end": (str, type(None)), "why": str}

# step -> (next step or end when "no", next step or end when "yes"); where "no" is an action of the
# customer that keeps the step open, the flow goes on from the same step: None
EXITS = {"Q1": ("Q2", "Q4"), "Q2": ("Q3", "own-env"), "Q3": ("delete-accounts", "Q4"),
         "Q4": (None, "Q5"), "Q5": (None, "Q6"), "Q6": (None, "Q7"), "Q7": ("Q8", "Q9"),
         "Q8": ("carrier", "device-net"), "Q9": (None, "Q10"), "Q10": (None, "Q11"), "Q11": (None, "desk")}
STOPS = {"Q1", "Q7", "Q8"}             # while one of these is open, nothing behind it can be asked


def walk(known):
    """The open steps to ask next (at most three), or the end that the flow has reached."""
    step, ask = "Q1", []
    while step in EXITS and len(ask) < MOST_ASKED:
        no, yes = EXITS[step]
        value = known.get(step)
        if value in DONE:
            step = yes
        elif value == "no" and no is not None:
            step = no
        else:
            ask.append(step)
            if step in STOPS:
                break
            step = no if step == "Q2" else yes      # the exit that stays in the flow
    return (ask, None) if ask else ([], step)


class Checker(check.Checker):
    NOUN = "dialogues"

    def __init__(self):
        super().__init__()
        self.dialogues = []         # the records that are whole

    def keys(self, where, record, wanted):
        bad = False
        for key, kind in wanted.items():
            if key not in record:
                self.err(where, "lacks %r" % key)
                bad = True
            elif not isinstance(record[key], kind):
                self.err(where, "%r has the wrong type" % key)
                bad = True
        for key in set(record) - set(wanted):
            self.err(where, "unknown key %r" % key)
        return not bad

    def record(self, where, d):
        if not self.keys(where, d, DIALOGUE_KEYS):
            return
        where = "%s (%s)" % (where, d["id"])
        if not re.fullmatch(r"bp-[a-z]{3}-\d{3}", d["id"]):
            self.err(where, "id does not look like bp-dlg-001")
        if d["id"] in self.seen:
            self.err(where, "id already used at %s" % self.seen[d["id"]])
        self.seen[d["id"]] = where
        if not 1 <= len(d["turns"]) <= MOST_TURNS:
            self.err(where, "%d turns, wanted 1 to %d" % (len(d["turns"]), MOST_TURNS))
        known, before, puzzled = {}, [], collections.Counter()
        for n, t in enumerate(d["turns"], 1):
            at = "%s turn %d" % (where, n)
            if not isinstance(t, dict) or not self.keys(at, t, TURN_KEYS):
                return
            self.text(at, t)
            if not self.labels(at, t):
                return
            if t["asked"] != before:
                self.err(at, "asked %s, but the turn before ended with next %s" % (t["asked"], before))
            known.update(t["learned"])
            puzzled.update(q for q in t["asked"] if t["learned"].get(q) == "unknown")
            self.flow(at, t, known, puzzled)
            before = t["next"]
        self.dialogues.append(d)

    def text(self, at, t):
        if not (t["subject"] + t["body"]).strip():
            self.err(at, "neither subject nor body")
        own = [line for line in t["body"].split("\n") if line.strip() and line.lstrip()[0] not in ">＞"]
        if t["body"].strip() and not own:
            self.err(at, "the body is quoted text only")
        if not t["why"].strip():
            self.err(at, "empty why")
        for key in ("subject", "why"):
            if "\n" in t[key]:
                self.err(at, "line break in %r" % key)
        for key in ("subject", "body"):
            s = t[key]
            if "\r" in s or "\t" in s or "\\n" in s or s != s.strip("\n"):
                self.err(at, "CR, tab, literal backslash-n or outer line breaks in %r" % key)
            for host in ADDRESS.findall(s) + URL.findall(s):
                if not HOST.search(host):
                    self.err(at, "address outside the example domains: %s" % host)
            for number in PHONE.findall(s):
                if "000" not in number:
                    self.err(at, "telephone number that may be real: %s" % number)

    def labels(self, at, t):
        before = len(self.errors)
        for key in ("asked", "next"):
            if any(q not in STEPS for q in t[key]) or t[key] != [q for q in STEPS if q in t[key]]:
                self.err(at, "%s: unknown, repeated or unordered steps: %r" % (key, t[key]))
            if len(t[key]) > MOST_ASKED:
                self.err(at, "%s: more than %d steps" % (key, MOST_ASKED))
        if list(t["learned"]) != [q for q in STEPS if q in t["learned"]]:
            self.err(at, "learned: unknown or unordered steps: %r" % list(t["learned"]))
        for q, v in t["learned"].items():
            if v not in VALUES or (q in PURE_CHECKS and v in ("done-no-effect", "fixed")):
                self.err(at, "learned: %s cannot be %r" % (q, v))
        if t["state"] not in STATES:
            self.err(at, "unknown state %r" % t["state"])
        if t["end"] is not None and t["end"] not in ENDS:
            self.err(at, "unknown end %r" % t["end"])
        return len(self.errors) == before

    def flow(self, at, t, known, puzzled):
        ask, end = walk(known)
        state = t["state"]
        if state != "asking" and t["next"]:
            self.err(at, "%s, yet next is %s" % (state, t["next"]))
        if ("fixed" in t["learned"].values()) and state != "solved":
            self.err(at, "a step fixed it, yet the state is %s" % state)
        if state == "asking" and (t["next"] != ask or not ask):
            self.err(at, "next is %s; the flow gives %s" % (t["next"], ask or "the end %s" % end))
        if state == "customer-end" and end not in CUSTOMER_ENDS:
            self.err(at, "customer-end, but the flow gives %s" % (end or ask))
        want = end if state == "customer-end" or (state == "handover" and end == "desk") else None
        if t["end"] != want:
            self.err(at, "end is %s, wanted %s" % (t["end"], want))
        if max(puzzled.values(), default=0) > 1 and state not in ("handover", "solved"):
            self.err(at, "the same step asked and unknown twice, yet the state is %s" % state)

    def counts(self, quiet):
        if quiet:
            return
        groups = collections.OrderedDict()
        for d in self.dialogues:
            groups.setdefault(d["id"][:-3], []).append(d)
        for prefix, ds in groups.items():
            turns = [t for d in ds for t in d["turns"]]
            last = [d["turns"][-1] for d in ds]
            show = lambda c, order: "  ".join("%s=%d" % (k, c[k]) for k in order)
            print("== %s*: %d dialogues, %d mails" % (prefix, len(ds), len(turns)))
            print("  turns      : " + show(collections.Counter(len(d["turns"]) for d in ds), range(1, MOST_TURNS + 1)))
            print("  last state : " + show(collections.Counter(t["state"] for t in last), STATES))
            print("  last end   : " + show(collections.Counter(t["end"] for t in last), ENDS))
            print("  any state  : " + show(collections.Counter(t["state"] for t in turns), STATES))
            print("  any end    : " + show(collections.Counter(t["end"] for t in turns), ENDS))
            said = collections.Counter((q, v) for t in turns for q, v in t["learned"].items())
            for v in VALUES:
                print("  %-15s: %s" % (v, "  ".join("%s=%d" % (q, said[q, v]) for q in STEPS)))
            extra = sum(q not in t["asked"] for t in turns for q in t["learned"] if t["asked"])
            print("  answers to steps not asked (in replies): %d; mails that teach nothing: %d"
                  % (extra, sum(not t["learned"] for t in turns)))
            size = sorted(len(t["body"]) for t in turns)
            print("  body characters: min %d, median %d, max %d" % (size[0], size[len(size) // 2], size[-1]))

    def bodies(self):
        return [("%s turn %d" % (d["id"], n), t["body"])
                for d in self.dialogues for n, t in enumerate(d["turns"], 1)]


if __name__ == "__main__":
    sys.exit(check.main(Checker, __doc__))
