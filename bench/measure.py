#!/usr/bin/env python3
"""Times a command that works the mailbox of the yardstick, and checks that it did the work.

    measure.py drain NAME [-n 2000] [--linger S] -- COMMAND …
        a fresh INBOX and sink; runs COMMAND, which ends by itself when all is labelled and answered
    measure.py latency NAME [-k 20] -- COMMAND …
        COMMAND keeps running; from the delivery of a mail (LMTP 250) to its answer's final dot at the sink

Prints one JSON object and appends it to $BENCH_DIR/results.jsonl. COMMAND is run by a shell and sees BENCH_DIR, CORPUS,
IMAP_PORT and SMTP_PORT; VIA_IMAP and VIA_SMTP put others in their place (the delay proxy, Postfix). Processor times are
those of the command's whole tree and of the servers' trees.
"""

import argparse
import collections
import imaplib
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import servers
from servers import BENCH

CORPUS = os.environ.get("CORPUS", f"{BENCH}/mails")
INBOX = f"{BENCH}/mail/support"
TICKS = os.sysconf("SC_CLK_TCK")


def truth(count):
    with open(f"{CORPUS}/truth.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file][:count]


def categories():
    with open(f"{CORPUS}/rules.json", encoding="utf-8") as file:
        return [category["id"] for category in json.load(file)["categories"]] + ["other"]


# ---- what processes used ----


def tree_cpu(root):
    """Seconds of a process, its children, and those that ended."""
    children, spent = collections.defaultdict(list), {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children[int(fields[1])].append(int(entry))
        spent[int(entry)] = sum(map(int, fields[11:15])) / TICKS
    total, left = 0.0, [root]
    while left:
        process = left.pop()
        total += spent.get(process, 0.0)
        left += children[process]
    return total


def server_cpu():
    running = {name: servers.pid(name) for name in servers.PORT}
    return {name: tree_cpu(process) for name, process in running.items() if process}


# ---- the mailbox ----


def reset(mails):
    """A fresh INBOX: hard links, and an index that Dovecot has yet to make."""
    shutil.rmtree(INBOX, ignore_errors=True)
    shutil.rmtree(f"{BENCH}/home/support", ignore_errors=True)
    for part in ("cur", "new", "tmp"):
        os.makedirs(f"{INBOX}/{part}")
    for mail in mails:
        os.link(f"{CORPUS}/mail/cur/{mail['file']}", f"{INBOX}/cur/{mail['file']}")
    subprocess.run(["chown", "-R", "mail:mail", INBOX], check=True)
    client = imaplib.IMAP4("127.0.0.1", servers.IMAP)
    client.login("support", "pw")
    assert int(client.select("INBOX")[1][0]) == len(mails)
    client.logout()


def labels():
    """Each mail's keywords as the server keeps them, by file name without flags."""
    with open(f"{INBOX}/dovecot-keywords", encoding="utf-8") as file:
        words = {chr(97 + int(number)): word for number, word in (line.split(None, 1) for line in file)}
    found = {}
    for name in os.listdir(f"{INBOX}/cur") + os.listdir(f"{INBOX}/new"):
        base, _, flags = name.partition(":2,")
        found[base] = {words[flag].strip() for flag in flags if flag in words}
    return found


def asked(mails):
    """The first category that each mail is labelled with; none for a mail without one."""
    order, found = categories(), labels()
    names = [found[mail["file"].split(":2,")[0]] for mail in mails]
    return [next((category for category in order if f"cat_{category}" in name), None) for name in names]


def answers():
    """What the sink has counted."""
    with open(f"{BENCH}/log/sink.out", "rb") as file:
        counts = re.findall(rb"mesg=(\d+)", file.read()[-200:])
    return int(counts[-1]) if counts else 0


# ---- commands ----


def environment():
    ports = {"IMAP_PORT": ("VIA_IMAP", servers.IMAP), "SMTP_PORT": ("VIA_SMTP", servers.SINK)}
    given = {name: os.environ.get(via, str(port)) for name, (via, port) in ports.items()}
    return {**os.environ, **given, "BENCH_DIR": BENCH, "CORPUS": CORPUS}


def save(result):
    line = json.dumps(result)
    with open(f"{BENCH}/results.jsonl", "a", encoding="utf-8") as file:
        file.write(line + "\n")
    print(line, flush=True)


def drain(args):
    mails = truth(args.n)
    servers.start("dovecot")
    servers.stop("sink")
    servers.start("sink")
    reset(mails)
    time.sleep(0.5)
    before, begin = server_cpu(), time.monotonic()
    # A child's peak begins at what its parent has at that moment, and Python has 30 MB: /usr/bin/time in between.
    timed = ["/usr/bin/time", "-q", "-f", "%U %S %M", "-o", f"{BENCH}/spent", "sh", "-c", f"exec {args.command}"]
    status = subprocess.run(timed, env=environment(), stdin=subprocess.DEVNULL).returncode
    wall = time.monotonic() - begin
    time.sleep(args.linger)
    after = server_cpu()
    with open(f"{BENCH}/spent", encoding="utf-8") as file:
        user, system, peak = file.read().split()[-3:]
    result, own = asked(mails), float(user) + float(system)
    save(
        {
            "kind": "drain",
            "name": args.name,
            "mails": len(mails),
            "status": status,
            "wall": round(wall, 3),
            "own_cpu": round(own, 3),
            "server_cpu": {name: round(after[name] - before.get(name, 0.0), 3) for name in after},
            "peak_mb": round(int(peak) / 1024, 1),
            "answers": answers(),
            "labelled": sum(category is not None for category in result),
            "truth": round(sum(map(lambda got, mail: got == mail["category"], result, mails)) / len(mails), 4),
        }
    )


class TimedSink(threading.Thread):
    """In the sink's place: notes when each mail's final dot came."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.news = [], threading.Event()
        self.listener = socket.create_server(("127.0.0.1", servers.SINK))

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        lines, say = client.makefile("rb"), client.sendall
        say(b"220 sink ESMTP\r\n")
        for line in lines:
            command = line[:4].upper()
            if command == b"EHLO":
                say(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif command == b"DATA":
                say(b"354 go\r\n")
                for text in lines:
                    if text == b".\r\n":
                        break
                self.seen.append(time.monotonic())
                self.news.set()
                say(b"250 ok\r\n")
            elif command == b"QUIT":
                say(b"221 bye\r\n")
                return
            else:
                say(b"250 ok\r\n")


def deliver(raw, sender):
    """Answers when the server had taken the mail."""
    with socket.create_connection(("127.0.0.1", servers.LMTP)) as connection:
        answers_ = connection.makefile("rb")

        def ask(line):
            connection.sendall(line)
            while (answer := answers_.readline())[3:4] == b"-":
                pass
            return answer

        answers_.readline()
        for line in (b"LHLO x\r\n", f"MAIL FROM:<{sender}>\r\n".encode(), b"RCPT TO:<support>\r\n", b"DATA\r\n"):
            ask(line)
        taken = ask(re.sub(rb"(?m)^\.", b"..", raw.replace(b"\n", b"\r\n")) + b"\r\n.\r\n")
        assert taken.startswith(b"250"), taken
        return time.monotonic()


def latency(args):
    servers.start("dovecot")
    servers.stop("sink")
    reset([])
    sink = TimedSink()
    sink.start()
    program = subprocess.Popen(["sh", "-c", f"exec {args.command}"], env=environment(), stdin=subprocess.DEVNULL)
    time.sleep(args.warm)
    spread, waits = random.Random(5), []
    mails = [mail for mail in truth(2000) if not mail["auto"] and mail["attach"] < 9000]
    for mail in mails[: args.k]:
        with open(f"{CORPUS}/mail/cur/{mail['file']}", "rb") as file:
            raw = file.read()
        have = len(sink.seen)
        sink.news.clear()
        taken = deliver(raw, mail["from"])
        deadline = time.monotonic() + 20
        while len(sink.seen) <= have and time.monotonic() < deadline:
            sink.news.wait(0.5)
            sink.news.clear()
        if len(sink.seen) > have:
            waits.append(sink.seen[have] - taken)
        time.sleep(0.7 + spread.random() * 0.6)
    program.terminate()
    program.wait()
    sink.listener.close()
    waits.sort()
    at = lambda share: round(waits[min(len(waits) - 1, int(len(waits) * share))] * 1000, 1) if waits else None
    save(
        {
            "kind": "latency",
            "name": args.name,
            "mails": args.k,
            "answers": len(waits),
            "median_ms": at(0.5),
            "p95_ms": at(0.95),
        }
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["drain", "latency"])
    parser.add_argument("name")
    parser.add_argument("-n", type=int, default=2000, help="mails in the INBOX")
    parser.add_argument("-k", type=int, default=20, help="mails delivered one after the other")
    parser.add_argument("--linger", type=float, default=0.3, help="seconds that the servers may still work")
    parser.add_argument("--warm", type=float, default=2.0, help="seconds until the command is ready")
    ours, _, command = " ".join(sys.argv[1:]).partition(" -- ")
    args = parser.parse_args(ours.split())
    args.command = command
    {"drain": drain, "latency": latency}[args.what](args)


if __name__ == "__main__":
    main()
