#!/usr/bin/env python3
"""The least between a mail's arrival and its answer: on EXISTS fetch the mail, then send a canned answer on an open
connection. Reads and decides nothing. Run under `measure.py latency`."""

import os
import socket

ANSWER = (
    b"MAIL FROM:<support@desk.example.co.jp>\r\n",
    b"RCPT TO:<u@example.com>\r\n",
    b"DATA\r\n",
    b"Subject: r\r\n\r\nok\r\n.\r\n",
)


def connect(port):
    connection = socket.create_connection(("127.0.0.1", int(os.environ[port])))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection, connection.makefile("rb")


def smtp(server, line):
    connection, answers = server
    connection.sendall(line)
    while answers.readline()[3:4] == b"-":
        pass


def to_tag(answers, tag):
    while not answers.readline().startswith(tag):
        pass


def main():
    mailbox, events = connect("IMAP_PORT")
    outbox = connect("SMTP_PORT")
    outbox[1].readline()
    smtp(outbox, b"EHLO floor\r\n")
    mailbox.sendall(b"a LOGIN support pw\r\nb SELECT INBOX\r\n")
    to_tag(events, b"b ")
    mailbox.sendall(b"c IDLE\r\n")
    for line in events:
        if line.rstrip().endswith(b"EXISTS"):
            mailbox.sendall(b"DONE\r\n")
            to_tag(events, b"c ")
            mailbox.sendall(b"d FETCH %s (BODY.PEEK[])\r\nc IDLE\r\n" % line.split()[1])
            to_tag(events, b"d ")
            for step in ANSWER:
                smtp(outbox, step)


main()
