#!/usr/bin/env python3
"""A TCP proxy that holds every chunk back for a while, in order, in both directions: delay and jitter on a stream, where
the kernel has no netem.

  delay_proxy.py LISTEN_PORT TARGET_IP TARGET_PORT DELAY_MS JITTER_MS
"""

import asyncio
import random
import sys

QUEUED_MAX = 1024  # chunks held back in one direction; then the sender waits


async def deliver(queue, writer):
    loop = asyncio.get_running_loop()
    try:
        while (item := await queue.get()) is not None:
            due, chunk = item
            await asyncio.sleep(due - loop.time())  # tidy: allow(sleep) this is the delay
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def pump(reader, writer, delay, jitter):
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue(QUEUED_MAX)
    delivery = asyncio.create_task(deliver(queue, writer))
    last = 0.0
    try:
        while chunk := await reader.read(65536):
            last = max(last, loop.time() + delay + random.uniform(0, jitter))
            await queue.put((last, chunk))
    except ConnectionError:
        pass
    await queue.put(None)
    await delivery


async def main(port, ip, target_port, delay_ms, jitter_ms):
    async def serve(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(ip, int(target_port))
        except OSError:
            writer.close()
            return
        times = (float(delay_ms) / 1e3, float(jitter_ms) / 1e3)
        await asyncio.gather(pump(reader, far_writer, *times), pump(far_reader, writer, *times))

    server = await asyncio.start_server(serve, "0.0.0.0", int(port))
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
