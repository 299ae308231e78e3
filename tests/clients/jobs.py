"""Python's httpx and the jobs: submitted and asked about, waited for, cancelled, and asked about in vain."""

import time

import httpx
from told import HTTP, same

TEXT = "one two\nthree four five\n" * 1000
RESULT = {"octets": 24_000, "words": 5000, "lines": 2000}


def submit(client, steps=10):
    answer = client.post(f"/submit?steps={steps}", content=TEXT)
    same(answer.status_code, 202)
    job = answer.json()
    same(answer.headers["location"], f"/jobs/{job['id']}")
    return job["id"]


def main(client):
    # Short polling: asked again and again, mostly in vain.
    job, asked, tag, unchanged = submit(client), 0, None, 0
    while True:
        answer = client.get("/checkstatus", params={"jobId": job}, headers={"If-None-Match": tag} if tag else {})
        asked += 1
        if answer.status_code == 304:
            unchanged += 1
            same((answer.content, answer.headers["etag"]), (b"", tag))
            continue
        same(answer.status_code, 200)
        tag = answer.headers["etag"]
        if answer.json()["state"] == "done":
            break
        assert int(answer.headers["retry-after"]) >= 1
    same(answer.json()["result"], RESULT)
    assert unchanged > 0, "no answer was 304"
    print(f"short polling: {asked} requests, {unchanged} of them in vain", flush=True)

    # Long polling: each answer is news.
    job, seen, states = submit(client), None, []
    while not states or states[-1] != "done":
        params = {"jobId": job, "wait": 20_000}
        headers = {"If-None-Match": seen} if seen else {}
        answer = client.get("/checkstatus", params=params, headers=headers)
        same(answer.status_code, 200)
        assert answer.headers["etag"] != seen, "the same was told again"
        seen = answer.headers["etag"]
        states.append(answer.json()["state"])
    same(answer.json()["result"], RESULT)
    assert len(states) <= 12, states
    print(f"long polling: {len(states)} requests", flush=True)

    # Nobody waits for news of a job that is done.
    before = time.monotonic()
    answer = client.get("/checkstatus", params={"jobId": job, "wait": 20_000}, headers={"If-None-Match": seen})
    same((answer.status_code, answer.headers["cache-control"]), (304, "no-cache"))
    assert time.monotonic() - before < 10

    # In vain: the last of these waits for one of the four who are at work, and after the limit there is an answer, but no news.
    jobs = [submit(client, 1000) for _ in range(5)]
    job = jobs[-1]
    for params, fields, status in [({}, {"If-None-Match": '"1"'}, 304), ({"after": 1}, {}, 204)]:
        before = time.monotonic()
        answer = client.get("/checkstatus", params={"jobId": job, "wait": 300} | params, headers=fields)
        same((answer.status_code, answer.headers["etag"], answer.content), (status, '"1"', b""))
        assert time.monotonic() - before >= 0.3
        assert int(answer.headers["retry-after"]) >= 1

    same(client.delete(f"/jobs/{job}", headers={"If-Match": '"999"'}).status_code, 412)
    same(client.get(f"/jobs/{job}").json()["state"], "queued")
    same(client.delete(f"/jobs/{job}", headers={"If-Match": '"1"'}).json()["state"], "cancelled")
    for job in jobs[:-1]:
        same(client.delete(f"/jobs/{job}").json()["state"], "cancelled")
        same(client.get(f"/jobs/{job}").json()["state"], "cancelled")
    same(client.get("/jobs/0000000000000000").status_code, 404)
    same(client.get("/checkstatus").status_code, 400)
    same(client.get("/checkstatus", params={"jobId": job, "wait": "soon"}).status_code, 400)
    same(client.put("/submit", content="x").status_code, 405)
    same(client.post("/submit", content="x", headers={"Origin": "http://elsewhere.example"}).status_code, 403)
    same(client.post("/submit", content="x", headers={"Origin": HTTP}).status_code, 202)


with httpx.Client(base_url=HTTP, timeout=30) as client:
    main(client)
