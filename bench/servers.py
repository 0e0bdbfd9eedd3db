#!/usr/bin/env python3
"""The servers of the yardstick on 127.0.0.1, with everything they keep below $BENCH_DIR. Needs root.

    servers.py start|stop dovecot|sink|postfix …

A start writes the configuration, starts the server and waits for its port; a stop ends only what was started here.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

BENCH = os.environ.get("BENCH_DIR", "/tmp/madoguchi-bench")
# Two benches at a time need ports of their own.
PORTS = int(os.environ.get("BENCH_PORTS", "31000"))
IMAP, IMAPS, LMTP, SINK, POSTFIX = PORTS + 143, PORTS + 993, PORTS + 24, PORTS + 25, PORTS + 26
# Nobody listens: desks that are idle connect to no SMTP server.
SMTPS = PORTS + 465
PORT = {"dovecot": IMAP, "sink": SINK, "postfix": POSTFIX}

DOVECOT = """
base_dir = {run}
state_dir = {run}
log_path = {bench}/log/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
first_valid_uid = 8
mail_location = maildir:{bench}/mail/%n
mail_max_userip_connections = 50
# scripts/bench-desks: a process for each of a thousand connections.
default_client_limit = 10000
default_process_limit = 2000
passdb {{
  driver = static
  args = password=pw
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={bench}/home/%n
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service imap {{
  process_limit = 2000
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
"""

# A real queue with its fsync; what it takes goes on to the sink.
POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {own}/queue
data_directory = {own}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = bench.example
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
smtpd_recipient_restrictions = permit_mynetworks, reject
smtp_tls_security_level = none
smtpd_tls_security_level = none
alias_maps =
alias_database =
disable_dns_lookups = yes
smtp_dns_support_level = disabled
maillog_file = {bench}/log/postfix.log
maillog_file_prefixes = {bench}, /tmp
"""


def folder(*parts):
    path = os.path.join(BENCH, *parts)
    os.makedirs(path, exist_ok=True)
    return path


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def certificate():
    """Files of a certificate for localhost and of its key. It is no authority, as rustls takes none for a server."""
    files = f"{folder('run')}/localhost.pem", f"{folder('run')}/localhost.key"
    if not os.path.exists(files[1]):
        settings = write(
            f"{folder('run')}/localhost.cnf",
            "[req]\ndistinguished_name = name\nx509_extensions = server\nprompt = no\n[name]\nCN = localhost\n"
            "[server]\nbasicConstraints = CA:FALSE\nsubjectAltName = DNS:localhost\n",
        )
        subprocess.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365"
            f" -config {settings} -out {files[0]} -keyout {files[1]}".split(),
            check=True,
            stderr=subprocess.DEVNULL,
        )
    return files


def dovecot():
    run = folder("run", "dovecot")
    for name in ("mail", "home"):
        shutil.chown(folder(name), "mail", "mail")
    certificate_file, key = certificate()
    ports = {"imap": IMAP, "imaps": IMAPS, "lmtp": LMTP}
    conf = write(f"{run}.conf", DOVECOT.format(run=run, bench=BENCH, certificate=certificate_file, key=key, **ports))
    return ["/usr/sbin/dovecot", "-F", "-c", conf]


def sink():
    # Counts what it takes, in log/sink.out.
    return ["/usr/sbin/smtp-sink", "-c", "-u", "nobody", f"127.0.0.1:{SINK}", "1000"]


def postfix():
    own = folder("postfix")
    folder("postfix", "queue")
    shutil.chown(folder("postfix", "data"), "postfix")
    write(f"{own}/main.cf", POSTFIX_MAIN.format(own=own, bench=BENCH, sink=SINK))
    services = []
    with open("/usr/share/postfix/master.cf.dist", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if line.startswith("smtp ") and words[1] == "inet":
                line = f"127.0.0.1:{POSTFIX} inet n - n - - smtpd\n"
            elif line[0].islower() and words[1] != "inet":
                line = " ".join([*words[:4], "n", *words[5:]]) + "\n"
            services.append(line)
    write(f"{own}/master.cf", "".join(services))
    return ["/usr/sbin/postfix", "-c", own, "start-fg"]


def pid(name):
    try:
        with open(f"{BENCH}/run/{name}.pid", encoding="utf-8") as file:
            found = int(file.read())
        os.kill(found, 0)
        return found
    except (OSError, ValueError):
        return None


def start(name):
    if pid(name):
        return
    folder("run")
    os.chmod(folder(), 0o755)
    command = {"dovecot": dovecot, "sink": sink, "postfix": postfix}[name]()
    with open(f"{folder('log')}/{name}.out", "wb") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    write(f"{BENCH}/run/{name}.pid", str(server.pid))
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", PORT[name]), 1).close()
            return
        except OSError:
            if server.poll() is not None:
                sys.exit(f"{name} ended: see {BENCH}/log/{name}.out")
            time.sleep(0.05)
    sys.exit(f"{name}: nobody listens on port {PORT[name]}")


def is_running(process):
    """Not gone, and not a zombie of ours."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def stop(name):
    process = pid(name)
    if not process:
        return
    os.kill(process, signal.SIGTERM)
    for _ in range(100):
        if not is_running(process):
            break
        time.sleep(0.05)
    else:
        os.kill(process, signal.SIGKILL)
    os.unlink(f"{BENCH}/run/{name}.pid")


if __name__ == "__main__":
    for server in sys.argv[2:]:
        {"start": start, "stop": stop}[sys.argv[1]](server)
