#!/usr/bin/env python3
"""Adds a round-trip time to connections on this machine.

delay_proxy.py MILLISECONDS LISTEN:TARGET …     ports of 127.0.0.1
"""

import asyncio
import socket
import sys

ONE_WAY = float(sys.argv[1]) / 2000
CHUNK = 1 << 18


async def pass_on(reader, writer):
    """Each piece goes on after its delay; the pieces overlap."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue()

    async def write():
        while True:
            due, piece = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
        writer.close()

    writing = asyncio.create_task(write())
    piece = b"-"
    while piece:
        try:
            piece = await reader.read(CHUNK)
        except OSError:
            piece = b""
        queue.put_nowait((loop.time() + ONE_WAY, piece))
    try:
        await writing
    except OSError:
        pass


async def listen(port, target):
    async def connected(reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target, limit=1 << 20)
        for end in (writer, far_writer):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))

    await asyncio.start_server(connected, "127.0.0.1", port, limit=1 << 20)


async def main():
    for pair in sys.argv[2:]:
        port, target = map(int, pair.split(":"))
        await listen(port, target)
    await asyncio.Event().wait()


asyncio.run(main())
