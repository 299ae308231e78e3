//! Jobs and polls, move by move: with every seed a job that is not cancelled is done, and rightly; versions only grow; and nobody
//! is left on the board.

mod jobs_client;
mod seeds;

use std::io::{self, Read};
use std::time::Duration;

use iolab::http1::{HttpLimits, TimeLimits};
use iolab::limits::{LINGER, ServeLimits};
use iolab::models::simulated::World;
use iolab::patterns::Jobs;
use iolab::patterns::jobs::{Naive, Settings};

use jobs_client::{Answer, ask, ask_with, counts, poll, submit, text};
use seeds::{Outcome, Play, play_all};

/// In a plain `cargo test`.
const SEEDS: u64 = 4_000;

const STEP: Duration = Duration::from_millis(100);

type Hold = fn(&mut Way<'_>) -> Result<(), String>;

struct Scene {
    name: &'static str,
    hold: Hold,
    workers: usize,
    queue: usize,
    kept: usize,
    coming: usize,
    step: Duration,
    has_faults: bool,
    connections: usize,
}

const USUAL: Scene = Scene {
    name: "",
    hold: polled_to_the_end,
    workers: 2,
    queue: 8,
    kept: 100,
    coming: 1 << 20,
    step: STEP,
    has_faults: false,
    connections: 100,
};

const AN_HOUR: Duration = Duration::from_secs(3600);

const SCENES: [Scene; 17] = [
    Scene { name: "polled to the end", ..USUAL },
    Scene { name: "a full queue", hold: a_full_queue, workers: 1, queue: 1, ..USUAL },
    Scene { name: "cancelled at any moment", hold: cancelled_at_any_moment, workers: 1, ..USUAL },
    Scene { name: "told of a step", hold: told_of_a_step, ..USUAL },
    Scene { name: "told at the limit", hold: told_at_the_limit, step: AN_HOUR, ..USUAL },
    Scene { name: "news and limit at one time", hold: news_and_limit_at_one_time, ..USUAL },
    Scene { name: "the client hangs up", hold: the_client_hangs_up, step: AN_HOUR, ..USUAL },
    Scene { name: "the client is reset", hold: the_client_is_reset, step: AN_HOUR, ..USUAL },
    Scene { name: "the client leaves at any moment", hold: the_client_leaves_at_any_moment, ..USUAL },
    Scene { name: "the server stops", hold: the_server_stops, workers: 1, step: Duration::from_secs(3), ..USUAL },
    Scene { name: "the server stops at any moment", hold: the_server_stops_at_any_moment, workers: 1, queue: 2, ..USUAL },
    Scene { name: "the last state is not waited for", hold: the_last_state_is_not_waited_for, kept: 1, ..USUAL },
    Scene { name: "only as it was seen", hold: only_as_it_was_seen, workers: 1, step: AN_HOUR, ..USUAL },
    Scene { name: "refused before its body", hold: refused_before_its_body, ..USUAL },
    Scene { name: "too much text under way", hold: too_much_text_under_way, coming: 1000, ..USUAL },
    Scene { name: "no room for a second worker", hold: no_room_for_a_second_worker, connections: 2, ..USUAL },
    Scene { name: "connections fail", hold: the_client_leaves_at_any_moment, has_faults: true, ..USUAL },
];

#[test]
fn jobs_go_the_same_way_with_every_seed() {
    let ways = [(Naive::None, ""), (Naive::Recheck, ", by rechecks"), (Naive::Hold, ", held")];
    let plays: Vec<Play> = ways
        .iter()
        .flat_map(|&(naive, how)| {
            SCENES.iter().map(move |scene| Play {
                name: format!("{}{how}", scene.name),
                is_long: false,
                play: Box::new(move |seed, is_told| play(scene, naive, seed, is_told)),
            })
        })
        .collect();
    play_all(&plays, SEEDS);
}

fn play(scene: &Scene, naive: Naive, seed: Option<u64>, is_told: bool) -> Outcome {
    let &Scene { hold, workers, queue, kept, coming, step, has_faults, connections, .. } = scene;
    let settings = Settings { step, workers, queue, kept, coming, naive };
    // Nobody is sent away for having nothing to ask while moves, or time, go by.
    let time_limits = TimeLimits { idle: AN_HOUR * 24, ..TimeLimits::default() };
    let jobs = Jobs::new(HttpLimits::default(), time_limits, settings);
    let world = seed.map_or_else(|| World::whole(&jobs), |seed| World::seeded(&jobs, seed));
    let world = world.with_limits(ServeLimits { connections, ..ServeLimits::default() });
    let world = if has_faults { world.with_faults() } else { world };
    let mut way = Way { world, jobs: &jobs, naive, peers: 0, dice: seed.unwrap_or(0), has_faults };
    let verdict = hold(&mut way).and_then(|()| way.check());
    let story = if is_told { way.world.story() } else { String::new() };
    Outcome { verdict, story }
}

struct Way<'s> {
    world: World<'s, Jobs>,
    jobs: &'s Jobs,
    naive: Naive,
    peers: usize,
    /// Of the test: when it does what may be done at any moment.
    dice: u64,
    has_faults: bool,
}

/// What one peer reads.
struct Ear<'w, 's>(&'w mut World<'s, Jobs>, usize);

impl Read for Ear<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(self.1, buffer)
    }
}

impl Way<'_> {
    fn client(&mut self) -> usize {
        self.peers += 1;
        self.world.connect()
    }

    fn throw(&mut self, below: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % below
    }

    /// Makes fewer moves than this, but none when only an idle connection's limit could come.
    fn go(&mut self, below: u64) {
        for _ in 0..self.throw(below) {
            let figures = self.jobs.figures();
            let is_over = figures.submitted() == figures.done() + figures.cancelled() && self.parked() == 0;
            if self.world.go(usize::from(!is_over)) == 0 {
                return;
            }
        }
    }

    fn hear(&mut self, peer: usize) -> Result<Answer, String> {
        let answer = Answer::read(&mut Ear(&mut self.world, peer), false).map_err(|error| format!("peer {peer}: {error}"))?;
        is_in_order(&answer).map(|()| answer)
    }

    fn ask(&mut self, peer: usize, request: &[u8]) -> Result<Answer, String> {
        self.world.say(peer, request);
        self.hear(peer)
    }

    /// Of a job that is taken in.
    fn submit(&mut self, peer: usize, steps: u32, text: &[u8]) -> Result<String, String> {
        let answer = self.ask(peer, &submit(steps, text))?;
        let id = answer.id();
        expect(answer.status, 202)?;
        expect(answer.field("Location"), Some(format!("/jobs/{id}").as_str()))?;
        Ok(id)
    }

    /// Polls until the job has come to its end, and never goes back.
    fn follow(&mut self, peer: usize, id: &str) -> Result<Answer, String> {
        let (mut version, mut step) = (0, 0);
        for _ in 0..1000 {
            let answer = self.ask(peer, &poll(id, 1000, version))?;
            if !matches!(answer.status, 200 | 204) {
                return Err(format!("peer {peer}: {answer:?}"));
            }
            expect(answer.status, if answer.version() == version { 204 } else { 200 })?;
            if answer.version() < version {
                return Err(format!("version {} after {version}", answer.version()));
            }
            version = answer.version();
            if answer.status == 204 {
                continue;
            }
            let its = answer.json()["step"].as_u64().unwrap();
            if its < step {
                return Err(format!("step {its} after {step}"));
            }
            step = its;
            match answer.state().as_str() {
                "queued" | "running" if answer.field("Retry-After").is_some() => {}
                "done" | "cancelled" if answer.field("Retry-After").is_none() => return Ok(answer),
                _ => return Err(format!("{answer:?}")),
            }
        }
        Err(format!("job {id} never ends"))
    }

    fn is_done(&mut self, peer: usize, id: &str, text: &[u8]) -> Result<(), String> {
        let answer = self.follow(peer, id)?;
        expect(answer.state().as_str(), "done")?;
        expect(&answer.json()["result"], &counts(text))
    }

    fn parked(&self) -> u64 {
        self.jobs.figures().parked()
    }

    /// Sees that a poll is parked, however it was written.
    fn sees_parked(&mut self, wanted: u64) -> Result<(), String> {
        self.world.pass(Duration::ZERO);
        expect(self.parked(), wanted)
    }

    /// All leave, the server stops, and nothing is left.
    fn check(&mut self) -> Result<(), String> {
        for peer in 0..self.peers {
            self.world.finish(peer);
        }
        self.world.pass(LINGER * 2);
        expect(self.parked(), 0)?;
        self.world.stop(Duration::from_secs(10_000));
        self.world.pass(Duration::from_secs(10_001));
        let figures = self.jobs.figures();
        expect((self.parked(), self.jobs.figures().coming(), self.world.connections()), (0, 0, 0))?;
        expect(figures.submitted(), figures.done() + figures.cancelled() + figures.dropped())?;
        self.world.check()
    }
}

/// What is so of all answers: none that a cache may keep goes without a word about it, and what is refused is told in a line.
fn is_in_order(answer: &Answer) -> Result<(), String> {
    let (cache, kind) = (answer.field("Cache-Control"), answer.field("Content-Type"));
    let lines = answer.body.split(|octet| *octet == b'\n').count() - 1;
    let is_right = match answer.status {
        200 => (cache, kind) == (Some("no-cache"), Some("application/json")),
        202 => (cache, kind) == (Some("no-store"), Some("application/json")),
        204 => (cache, kind) == (Some("no-store"), None),
        304 => (cache, kind) == (Some("no-cache"), None),
        404 | 405 | 409 | 412 | 413 => {
            (cache, kind, lines) == (Some("no-store"), Some("text/plain; charset=utf-8"), 1) && answer.body.ends_with(b"\n")
        }
        _ => true,
    };
    if is_right { Ok(()) } else { Err(format!("not in order: {answer:?}")) }
}

fn expect<T: PartialEq + std::fmt::Debug>(seen: T, wanted: T) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("{seen:?} instead of {wanted:?}")) }
}

fn polled_to_the_end(way: &mut Way<'_>) -> Result<(), String> {
    let texts = [text(700), text(0), b"one word".to_vec(), text(3000)];
    let mut jobs = Vec::new();
    for (text, steps) in texts.iter().zip([1, 3, 7, 5]) {
        let client = way.client();
        jobs.push((way.submit(client, steps, text)?, client));
    }
    for ((id, client), text) in jobs.iter().zip(&texts) {
        way.is_done(*client, id, text)?;
        let done = way.ask(*client, &ask("GET", &format!("/jobs/{id}")))?;
        let tag = done.field("ETag").unwrap().to_owned();
        let again = way.ask(*client, &ask_with("GET", &format!("/jobs/{id}"), &[("If-None-Match", &tag)]))?;
        expect((done.status, again.status, again.field("ETag")), (200, 304, Some(tag.as_str())))?;
        expect(way.ask(*client, &ask("DELETE", &format!("/jobs/{id}")))?.status, 409)?;
    }
    expect(way.jobs.figures().done(), 4)
}

fn a_full_queue(way: &mut Way<'_>) -> Result<(), String> {
    let client = way.client();
    let words = text(100);
    let (first, second) = (way.submit(client, 20, &words)?, way.submit(client, 20, &words)?);
    let refused = way.ask(client, &submit(1, &words))?;
    expect((refused.status, refused.field("Retry-After")), (503, Some("2")))?;
    way.is_done(client, &first, &words)?;
    let third = way.submit(client, 1, &words)?;
    way.is_done(client, &second, &words)?;
    way.is_done(client, &third, &words)?;
    expect(way.jobs.figures().refused(), 1)
}

fn cancelled_at_any_moment(way: &mut Way<'_>) -> Result<(), String> {
    let (client, other, waiting) = (way.client(), way.client(), way.client());
    let words = text(500);
    let (first, second) = (way.submit(client, 5, &words)?, way.submit(other, 3, &words)?);
    let chosen = if way.throw(2) == 0 { &first } else { &second };
    // Somebody waits for it, perhaps.
    let version = way.throw(5);
    way.world.say(waiting, &poll(chosen, 60_000, version));
    way.go(60);
    let span = Duration::from_millis(way.throw(900));
    way.world.pass(span);
    let answer = way.ask(client, &ask("DELETE", &format!("/jobs/{chosen}")))?;
    let its = way.hear(waiting)?;
    if its.status == 200 && its.version() == version {
        return Err("no news".into());
    }
    let left = if *chosen == first { &second } else { &first };
    way.is_done(other, left, &words)?;
    match answer.status {
        200 => {
            let (tag, now) = (answer.version(), way.follow(client, chosen)?);
            expect((answer.state().as_str(), now.state().as_str(), now.version()), ("cancelled", "cancelled", tag))?;
            let again = way.ask(client, &ask("DELETE", &format!("/jobs/{chosen}")))?;
            expect((again.status, again.version()), (200, tag))?;
            expect(way.jobs.figures().cancelled(), 1)
        }
        409 => way.is_done(client, chosen, &words),
        other => Err(format!("{other}")),
    }
}

fn told_of_a_step(way: &mut Way<'_>) -> Result<(), String> {
    let (client, waiting) = (way.client(), way.client());
    let id = way.submit(client, 3, b"a b c")?;
    let mut version = way.ask(client, &ask("GET", &format!("/checkstatus?jobId={id}")))?.version();
    loop {
        let before = way.world.elapsed();
        let answer = way.ask(waiting, &poll(&id, 60_000, version))?;
        expect(answer.status, 200)?;
        let late = (way.world.elapsed() - before).saturating_sub(STEP);
        // By itself it would have looked at most so much later.
        let bearable = if way.naive == Naive::Recheck { Duration::from_secs(1) } else { Duration::from_millis(1) };
        if late > bearable {
            return Err(format!("told {late:?} late"));
        }
        if answer.version() <= version {
            return Err(format!("version {} after {version}", answer.version()));
        }
        version = answer.version();
        if answer.state() == "done" {
            break;
        }
    }
    expect(way.jobs.figures().done(), 1)
}

fn told_at_the_limit(way: &mut Way<'_>) -> Result<(), String> {
    let (client, waiting) = (way.client(), way.client());
    let id = way.submit(client, 1, b"slow")?;
    for millis in [50, 2500] {
        let before = way.world.elapsed();
        way.world.say(waiting, &poll(&id, millis, 2));
        way.sees_parked(1)?;
        let answer = way.hear(waiting)?;
        let waited = way.world.elapsed() - before;
        expect((answer.status, answer.version(), way.parked()), (204, 2, 0))?;
        expect(answer.field("Retry-After"), Some("3600"))?;
        let limit = Duration::from_millis(millis);
        if waited < limit || waited > limit + Duration::from_millis(1) {
            return Err(format!("{waited:?} instead of {limit:?}"));
        }
    }
    let tag = [("If-None-Match", "\"1\", W/\"2\"")];
    for after in ["", "&after=1", "&after=2"] {
        let answer = way.ask(waiting, &ask_with("GET", &format!("/checkstatus?jobId={id}&wait=10{after}"), &tag))?;
        expect((answer.status, answer.version(), answer.body.len()), (304, 2, 0))?;
    }
    let answer = way.ask(waiting, &ask("GET", &format!("/checkstatus?jobId={id}&after=2")))?;
    expect((answer.status, answer.field("Retry-After")), (204, Some("3600")))?;
    // Whoever has seen whatever there is is told of the next: here that it is cancelled.
    way.world.say(waiting, &ask_with("GET", &format!("/checkstatus?jobId={id}&wait=5000"), &[("If-None-Match", "*")]));
    way.sees_parked(1)?;
    expect(way.ask(client, &ask("DELETE", &format!("/jobs/{id}")))?.version(), 3)?;
    let answer = way.hear(waiting)?;
    expect((answer.status, answer.version(), answer.state().as_str()), (200, 3, "cancelled"))?;
    // Nobody works on it any more: there are two clients and the board.
    way.world.pass(Duration::ZERO);
    expect(way.world.connections(), 3)?;
    Ok(())
}

/// Both are due when the step is taken: whichever comes first, each poll has one answer, and the next one tells the rest.
fn news_and_limit_at_one_time(way: &mut Way<'_>) -> Result<(), String> {
    let (client, waiting) = (way.client(), way.client());
    let id = way.submit(client, 4, b"on time")?;
    let (mut version, mut told) = (2, 0);
    while told < 4 {
        let answer = way.ask(waiting, &poll(&id, STEP.as_millis() as u64, version))?;
        match answer.status {
            204 => expect(answer.version(), version)?,
            _ => told += answer.version().saturating_sub(version),
        }
        version = answer.version();
    }
    expect((version, way.jobs.figures().done()), (6, 1))
}

fn the_client_hangs_up(way: &mut Way<'_>) -> Result<(), String> {
    let (client, waiting, other) = (way.client(), way.client(), way.client());
    let id = way.submit(client, 1, b"slow")?;
    way.world.say(waiting, &poll(&id, 60_000, 2));
    way.world.say(other, &poll(&id, 60_000, 2));
    way.sees_parked(2)?;
    way.world.finish(waiting);
    way.sees_parked(1)?;
    // Who has only finished still listens.
    let answer = way.hear(waiting)?;
    expect((answer.status, answer.version()), (204, 2))?;
    expect(Answer::is_last(&mut Ear(&mut way.world, waiting)), true)?;
    expect(way.jobs.figures().forgotten(), 1)?;
    expect(way.ask(client, &ask("DELETE", &format!("/jobs/{id}")))?.status, 200)?;
    expect(way.hear(other)?.state().as_str(), "cancelled")
}

fn the_client_is_reset(way: &mut Way<'_>) -> Result<(), String> {
    let (client, waiting) = (way.client(), way.client());
    let id = way.submit(client, 1, b"slow")?;
    way.world.say(waiting, &poll(&id, 60_000, 2));
    way.sees_parked(1)?;
    way.world.reset(waiting);
    way.sees_parked(0)?;
    expect(way.jobs.figures().forgotten(), 1)?;
    // Its job is there all the same.
    expect(way.ask(client, &ask("GET", &format!("/jobs/{id}")))?.state().as_str(), "running")
}

fn the_client_leaves_at_any_moment(way: &mut Way<'_>) -> Result<(), String> {
    let words = text(900);
    let mut jobs = Vec::new();
    for number in 0..3 {
        let client = way.client();
        // In the last case not even the answer to what it has submitted is waited for.
        way.world.say(client, &submit(4, &words));
        match way.hear(client) {
            Ok(answer) if answer.status == 202 => jobs.push(answer.id()),
            // It was too slow, or there was no place.
            _ if way.has_faults => continue,
            Ok(answer) => return Err(format!("{answer:?}")),
            Err(error) => return Err(error),
        }
        for _ in 0..2 {
            let waiting = way.client();
            let (millis, version) = (way.throw(1000), way.throw(4));
            way.world.say(waiting, &poll(&jobs[jobs.len() - 1], millis, version));
            way.go(20);
            match way.throw(3) {
                0 => way.world.finish(waiting),
                1 => way.world.reset(waiting),
                _ => {}
            }
        }
        if number == 1 {
            way.world.reset(client);
        }
    }
    let span = Duration::from_millis(way.throw(3000));
    way.world.pass(span);
    for id in jobs {
        let client = way.client();
        match way.is_done(client, &id, &words) {
            Err(error) if !way.has_faults || !error.starts_with("peer") => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn the_server_stops(way: &mut Way<'_>) -> Result<(), String> {
    let (client, waiting, late) = (way.client(), way.client(), way.client());
    let (running, queued) = (way.submit(client, 1, b"a b")?, way.submit(client, 1, b"c")?);
    let asks = [(waiting, &running, 2), (late, &queued, 1)];
    asks.iter().for_each(|(peer, id, version)| way.world.say(*peer, &poll(id, 60_000, *version)));
    way.sees_parked(2)?;
    let (fresh, asking) = (way.client(), way.client());
    let before = way.world.elapsed();
    way.world.stop(Duration::from_secs(5));
    let (answer, its) = (way.hear(waiting)?, way.hear(late)?);
    expect((answer.status, answer.version(), answer.field("Connection")), (204, 2, Some("close")))?;
    if way.naive == Naive::Recheck {
        expect((its.status, its.version()), (204, 1))?;
    } else {
        expect((its.status, its.state().as_str()), (200, "cancelled"))?;
    }
    let refused = way.ask(fresh, &submit(1, b"too late"))?;
    expect((refused.status, refused.field("Connection")), (503, Some("close")))?;
    // A poll that comes after that is not parked any more.
    let unchanged = way.ask(asking, &poll(&running, 60_000, 2))?;
    expect((unchanged.status, unchanged.version()), (204, 2))?;
    if way.world.elapsed() - before > Duration::from_millis(1) {
        return Err("not at once".into());
    }
    expect(way.jobs.figures().done(), 0)?;
    way.world.pass(Duration::from_secs(4));
    let figures = way.jobs.figures();
    expect((figures.done(), figures.dropped(), figures.refused()), (1, 1, 1))
}

fn the_server_stops_at_any_moment(way: &mut Way<'_>) -> Result<(), String> {
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let client = way.client();
        let steps = 1 + way.throw(4) as u32;
        let answer = way.ask(client, &submit(steps, b"some words"))?;
        if answer.status != 202 {
            continue;
        }
        waiting.push(client);
        let (millis, version) = (way.throw(2000), way.throw(4));
        way.world.say(client, &poll(&answer.id(), millis, version));
        way.go(10);
    }
    let span = Duration::from_millis(way.throw(2000));
    way.world.pass(span);
    let drain = Duration::from_millis(way.throw(300));
    way.world.stop(drain);
    for peer in waiting {
        let answer = way.hear(peer)?;
        if !matches!(answer.status, 200 | 204) {
            return Err(format!("{answer:?}"));
        }
    }
    way.world.pass(drain + LINGER * 2);
    expect(way.world.connections(), 0)
}

/// Whoever has seen it is told so at once, and whoever has seen it before it came as soon as it does.
fn the_last_state_is_not_waited_for(way: &mut Way<'_>) -> Result<(), String> {
    let (client, waiting) = (way.client(), way.client());
    let old = way.submit(client, 1, b"old")?;
    let last = way.follow(client, &old)?;
    let (version, tag) = (last.version(), last.field("ETag").unwrap());
    let path = format!("/checkstatus?jobId={old}&wait=60000");
    let before = way.world.elapsed();
    expect(way.ask(waiting, &poll(&old, 60_000, version))?.status, 204)?;
    expect(way.ask(waiting, &ask_with("GET", &path, &[("If-None-Match", tag)]))?.status, 304)?;
    expect(way.ask(waiting, &ask_with("GET", &path, &[("If-None-Match", "*")]))?.status, 304)?;
    expect((way.world.elapsed() - before < Duration::from_millis(1), way.parked()), (true, 0))?;
    // One version comes that has been seen, and the last one has been seen too.
    let young = way.submit(client, 2, b"young")?;
    let tags = [("If-None-Match", "\"1\", \"2\", \"3\", \"4\"")];
    let before = way.world.elapsed();
    let path = format!("/checkstatus?jobId={young}&wait=60000");
    let answer = way.ask(waiting, &ask_with("GET", &path, &tags))?;
    expect((answer.status, answer.version(), answer.field("Retry-After")), (304, 4, None))?;
    if way.world.elapsed() - before > Duration::from_secs(2) {
        return Err("not once it came".into());
    }
    // There is room for one that is done, and nobody waits for the other.
    for request in [ask("GET", &format!("/jobs/{old}")), ask("DELETE", &format!("/jobs/{old}")), poll(&old, 1000, version)] {
        expect(way.ask(client, &request)?.status, 404)?;
    }
    Ok(())
}

/// RFC 9110 section 13.2: what is asked for on a condition is not done without it.
fn only_as_it_was_seen(way: &mut Way<'_>) -> Result<(), String> {
    let client = way.client();
    let (running, queued) = (way.submit(client, 1, b"slow")?, way.submit(client, 1, b"slow")?);
    let mut ask_if = |method, target: &str, fields: &[(&str, &str)]| way.ask(client, &ask_with(method, target, fields));
    let path = format!("/jobs/{running}");
    let against: [&[(&str, &str)]; 7] = [
        &[("If-Match", "\"999\"")],
        &[("If-Match", "\"1\", \"3\"")],
        &[("If-Match", "")],
        // The comparison is a strong one here,
        &[("If-Match", "W/\"2\"")],
        // and a weak one here.
        &[("If-None-Match", "W/\"2\"")],
        &[("If-None-Match", "*")],
        &[("If-Match", "\"2\""), ("If-None-Match", "\"2\"")],
    ];
    for fields in against {
        expect(ask_if("DELETE", &path, fields)?.status, 412)?;
    }
    let now = ask_if("GET", &path, &[])?;
    expect((now.version(), now.state().as_str()), (2, "running"))?;
    // The same of a look, where If-Match is the first to be asked; and nobody waits for what cannot come.
    let status = format!("/checkstatus?jobId={running}&wait=60000&after=2");
    for target in [&path, &status] {
        expect(ask_if("GET", target, &[("If-Match", "\"1\""), ("If-None-Match", "\"2\"")])?.status, 412)?;
    }
    expect(ask_if("GET", &path, &[("If-Match", "*"), ("If-None-Match", "\"2\"")])?.status, 304)?;
    expect(ask_if("GET", &path, &[("If-Match", "\"2\"")])?.status, 200)?;
    expect(ask_if("DELETE", &path, &[("If-Match", "2")])?.status, 400)?;
    // What is not there has no version, and none was asked for in vain.
    expect(ask_if("DELETE", "/jobs/0000000000000000", &[("If-Match", "*")])?.status, 404)?;
    let cancelled = ask_if("DELETE", &path, &[("If-Match", "\"7\", \"2\""), ("If-None-Match", "\"1\"")])?;
    expect((cancelled.status, cancelled.state().as_str()), (200, "cancelled"))?;
    expect(ask_if("DELETE", &path, &[("If-Match", "\"2\"")])?.status, 412)?;
    expect(ask_if("DELETE", &format!("/jobs/{queued}"), &[("If-Match", "*")])?.status, 200)?;
    expect(way.jobs.figures().cancelled(), 2)
}

/// Nobody reads on to find the end of what nobody wants; a request without a body has none, and the connection goes on.
fn refused_before_its_body(way: &mut Way<'_>) -> Result<(), String> {
    let refused = [("POST", "/", 404), ("PUT", "/submit", 405), ("POST", "/submit?steps=0", 400), ("DELETE", "/jobs/x", 404)];
    for (method, target, status) in refused {
        for length in [("Content-Length", "1000000"), ("Content-Length", "2000000"), ("Transfer-Encoding", "chunked")] {
            let client = way.client();
            let answer = way.ask(client, &ask_with(method, target, &[("Content-Length", "0")]))?;
            expect((answer.status, answer.field("Connection")), (status, None))?;
            let answer = way.ask(client, &ask_with(method, target, &[length]))?;
            // Whose text would be too long is told so first.
            let status = if target.starts_with("/submit?") && length.1 == "2000000" { 413 } else { status };
            expect((answer.status, answer.field("Connection")), (status, Some("close")))?;
            expect(Answer::is_last(&mut Ear(&mut way.world, client)), true)?;
        }
    }
    Ok(())
}

fn too_much_text_under_way(way: &mut Way<'_>) -> Result<(), String> {
    let (slow, leaving) = (way.client(), way.client());
    let words = text(900);
    let whole = submit(2, &words);
    let (begun, rest) = whole.split_at(whole.len() - 300);
    way.world.say(slow, begun);
    way.world.pass(Duration::ZERO);
    let coming = way.jobs.figures().coming();
    expect((600..=900).contains(&coming), true)?;
    // What was only announced takes nothing.
    way.world.say(leaving, &ask_with("POST", "/submit", &[("Content-Length", "1000000")]));
    way.world.pass(Duration::ZERO);
    expect(way.jobs.figures().coming(), coming)?;
    for octets in [401, 900] {
        let client = way.client();
        let answer = way.ask(client, &submit(1, &text(octets)))?;
        expect((answer.status, answer.field("Retry-After"), answer.field("Connection")), (503, Some("1"), Some("close")))?;
        expect(Answer::is_last(&mut Ear(&mut way.world, client)), true)?;
        expect(way.jobs.figures().coming(), coming)?;
    }
    expect(way.jobs.figures().refused(), 2)?;
    // Who was there first goes on, and once it is taken in there is room again.
    way.world.say(slow, rest);
    let id = way.hear(slow)?.id();
    expect(way.jobs.figures().coming(), 0)?;
    way.is_done(slow, &id, &words)?;
    let id = way.submit(slow, 1, &text(1000))?;
    way.is_done(slow, &id, &text(1000))?;
    // So there is when one leaves in the middle.
    way.world.say(leaving, &text(500));
    way.world.pass(Duration::ZERO);
    expect(way.jobs.figures().coming() >= 500, true)?;
    if way.throw(2) == 0 {
        way.world.reset(leaving)
    } else {
        way.world.finish(leaving)
    };
    way.world.pass(LINGER * 2);
    expect(way.jobs.figures().coming(), 0)
}

/// The founder and one worker are all who may be born.
fn no_room_for_a_second_worker(way: &mut Way<'_>) -> Result<(), String> {
    let client = way.client();
    let words = text(300);
    let jobs = [way.submit(client, 3, &words)?, way.submit(client, 5, &words)?, way.submit(client, 2, &words)?];
    jobs.iter().try_for_each(|id| way.is_done(client, id, &words))
}
