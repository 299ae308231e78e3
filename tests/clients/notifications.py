"""Python's httpx, httpx-sse and websockets at the feed: the same events by polls, as a stream of events, by lines and as messages,
and after the server was killed."""

import asyncio
import json

import httpx
import websockets
from httpx_sse import aconnect_sse
from told import HTTP, WS, same, server

COUNT = 200
TEXTS = [f'{number} "quoted" \\ ☂ \u2028' for number in range(COUNT)]


async def publish(client, texts):
    ids = []
    for text in texts:
        answer = await client.post("/publish", content=text.encode())
        same(answer.status_code, 201)
        ids.append(answer.json()["id"])
    return ids


async def short_poll(client, after):
    events, asked = [], 0
    while len(events) < COUNT:
        answer = await client.get("/events", params={"after": after})
        asked += 1
        if answer.status_code == 204:
            await asyncio.sleep(0.02)
            continue
        same(answer.status_code, 200)
        events += answer.json()["events"]
        after = answer.json()["next"]
    return events, asked


async def long_poll(client, after, least):
    events, asked = [], 0
    while len(events) < COUNT:
        answer = await client.get("/events", params={"after": after, "wait": 5000, "min_bytes": least})
        asked += 1
        same(answer.status_code, 200)
        events += answer.json()["events"]
        after = answer.json()["next"]
    return events, asked


async def stream(client, after):
    events = []
    async with aconnect_sse(client, "GET", "/stream", headers={"Last-Event-ID": after}) as source:
        async for event in source.aiter_sse():
            same(event.event, "message")
            events.append(json.loads(event.data))
            same(event.id, events[-1]["id"])
            if len(events) == COUNT:
                return events, 1


async def lines(client, after):
    events = []
    async with client.stream("GET", "/lines", params={"after": after}) as answer:
        same(answer.headers["content-type"], "application/x-ndjson")
        async for line in answer.aiter_lines():
            if line:
                events.append(json.loads(line))
            if len(events) == COUNT:
                return events, 1


async def messages(_, after):
    events = []
    async with websockets.connect(f"{WS}/ws?after={after}") as socket:
        while len(events) < COUNT:
            events.append(json.loads(await socket.recv()))
    return events, 1


async def main():
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(base_url=HTTP, timeout=30, limits=limits) as client:
        (start,) = await publish(client, ["before"])
        ways = {
            "short polls": short_poll(client, start),
            "long polls": long_poll(client, start, 1),
            "long polls for 1000 octets": long_poll(client, start, 1000),
            "a stream of events": stream(client, start),
            "a stream of lines": lines(client, start),
            "messages": messages(client, start),
        }
        heard, ids = await asyncio.gather(
            asyncio.gather(*(asyncio.wait_for(way, 30) for way in ways.values())), publish(client, TEXTS)
        )
        for name, (events, asked) in zip(ways, heard):
            same([event["text"] for event in events], TEXTS)
            same([event["id"] for event in events], ids)
            print(f"{name}: {COUNT} events by {asked} requests", flush=True)

        # A message that a client says is published like any other.
        async with websockets.connect(f"{WS}/ws") as one, websockets.connect(f"{WS}/ws") as other:
            await one.send("by message")
            same(json.loads(await asyncio.wait_for(other.recv(), 20))["text"], "by message")
        (last,) = await publish(client, ["the last before"])

    # What was heard before the server was killed is known by the cursor: it is said to be of another time, and nothing is doubled.
    server("kill")
    server("start")
    async with httpx.AsyncClient(base_url=HTTP, timeout=30) as client:
        (first,) = await publish(client, ["the first after"])
        assert first.split("-")[0] >= last.split("-")[0], (first, last)
        async with aconnect_sse(client, "GET", "/stream", headers={"Last-Event-ID": last}) as source:
            heard = source.aiter_sse()
            event = await asyncio.wait_for(anext(heard), 20)
            same(event.event, "resync")
            event = await asyncio.wait_for(anext(heard), 20)
            same(json.loads(event.data), {"id": first, "text": "the first after"})
        answer = await client.get("/events", params={"after": last})
        same((answer.json()["resync"], len(answer.json()["events"])), (True, 1))
        same((await client.get("/stream", headers={"Last-Event-ID": "nonsense"})).status_code, 400)


asyncio.run(main())
