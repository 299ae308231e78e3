"""Python's websockets in the chat: who joins, who says what, who leaves; names that are taken or unfit, a page of another
server, and words that are too long."""

import asyncio
import json
from urllib.parse import urlencode

import websockets
from told import HTTP, WS, same


def join(name, **options):
    return websockets.connect(f"{WS}/ws?{urlencode({'name': name})}", **options)


async def refused(name, **options):
    try:
        async with join(name, **options):
            raise AssertionError(f"{name!r} was let in")
    except websockets.InvalidStatus as refusal:
        return refusal.response.status_code


async def hear(guest):
    return json.loads(await asyncio.wait_for(guest.recv(), 20))


async def closes(guest):
    try:
        raise AssertionError(await hear(guest))
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code


async def main():
    async with join("ada") as ada:
        same(await hear(ada), {"type": "welcome", "members": ["ada"]})
        async with join("Zoë ☂") as zoe:
            same(await hear(zoe), {"type": "welcome", "members": ["ada", "Zoë ☂"]})
            same(await hear(ada), {"type": "joined", "name": "Zoë ☂"})
            for guest, name in ((ada, "ada"), (zoe, "Zoë ☂")):
                for number in range(100):
                    await guest.send(f'"{number}" \\ \u2028 {name}')
                for number in range(100):
                    said = {"type": "said", "name": name, "text": f'"{number}" \\ \u2028 {name}'}
                    same([await hear(ada), await hear(zoe)], [said, said])
            # In three frames.
            await zoe.send(["one ", "mess", "age"])
            same((await hear(ada))["text"], "one message")
            await (await zoe.ping())
        same(await hear(ada), {"type": "left", "name": "Zoë ☂"})
        same(await refused("ada"), 409)
        same(await refused("ada\u200b"), 400)
        same(await refused("eve", origin="http://evil.example"), 403)
        same(await refused("eve", origin="null"), 403)
        async with join("bob", origin=HTTP) as bob:
            same(await hear(bob), {"type": "welcome", "members": ["ada", "bob"]})
            same(await hear(ada), {"type": "joined", "name": "bob"})
        same(await hear(ada), {"type": "left", "name": "bob"})
        await ada.send("x" * (16 << 10))
        same(len((await hear(ada))["text"]), 16 << 10)
        await ada.send("x" * ((16 << 10) + 1))
        same(await closes(ada), 1009)


asyncio.run(main())
