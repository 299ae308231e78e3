//! The feed, move by move: whichever way one hears of events, it is all of them, in order, each once, with every seed.

mod listeners;
mod seeds;

use std::io;
use std::time::Duration;

use iolab::http1::{Http, HttpLimits, TimeLimits};
use iolab::limits::LINGER;
use iolab::models::simulated::{Ending, World};
use iolab::patterns::Notifications;
use iolab::patterns::feed::{Policy, Retention, Slow};
use iolab::patterns::notifications::{Naive, Settings};

use listeners::{ALL_WAYS, Listener, STREAMS, Way, publish};
use seeds::{Outcome, Play, play_all};

/// In a plain `cargo test`.
const SEEDS: u64 = 5_000;

/// When the simulator's server begins.
const EPOCH: u64 = 784_111_777;

const DRAIN: Duration = Duration::from_secs(5);

/// Long enough for whoever has gone to be gone.
const A_WHILE: Duration = LINGER.saturating_mul(3);

type Hold = fn(&mut Town<'_>) -> Result<(), String>;

#[test]
fn everybody_hears_everything_with_every_seed() {
    let plain = Settings::default();
    let short = Settings { retention: Retention { events: 3, ..Retention::default() }, ..plain };
    let slow = |bound, policy| Settings { slow: Slow { bound, policy }, ..plain };
    let naive = |naive| Settings { naive, ..plain };
    let scenes: [(&str, Settings, Hold); 25] = [
        ("all ways at once", plain, all_ways_at_once),
        ("who comes late is brought up to date, page by page", slow(1024, Policy::Disconnect), page_by_page),
        ("some are forgotten", short, some_are_forgotten),
        ("hang-ups and resets", plain, hang_ups_and_resets),
        ("a poll waits for its least", plain, a_poll_waits_for_its_least),
        ("a poll of a naive server that looks each second", naive(Naive::Recheck), a_poll_waits_for_its_least),
        ("a poll of a naive server that holds on", naive(Naive::Hold), a_poll_waits_for_its_least),
        ("hang-ups with a naive server that holds on", naive(Naive::Hold), hang_ups_and_resets),
        ("a poll that begins now", plain, a_poll_that_begins_now),
        ("a poll that begins now, of one that looks each second", naive(Naive::Recheck), a_poll_that_begins_now),
        ("a poll that begins now, of one that holds on", naive(Naive::Hold), a_poll_that_begins_now),
        ("who waits for much hears it before it is forgotten", short, who_waits_for_much),
        ("who says no more is answered", plain, who_says_no_more),
        ("who says no more, to one that looks each second", naive(Naive::Recheck), who_says_no_more),
        ("a slow reader, and the oldest are dropped", slow(2500, Policy::DropOldest), a_slow_reader),
        ("a slow reader, and topics are conflated", slow(2500, Policy::Conflate), a_slow_reader),
        ("a slow reader is disconnected, and comes back", slow(2500, Policy::Disconnect), a_slow_reader),
        ("the server stops", plain, the_server_stops),
        ("the server stops, and looks each second", naive(Naive::Recheck), the_server_stops),
        ("a poll has waited when the server stops", plain, a_poll_has_waited),
        ("a poll has waited, and the server looked each second", naive(Naive::Recheck), a_poll_has_waited),
        ("an event is too large for the bound", slow(1024, Policy::DropOldest), too_large_for_the_bound),
        ("it is too large, and nobody is disconnected for that", slow(1024, Policy::Disconnect), too_large_for_the_bound),
        ("refusals", plain, refusals),
        ("silence", plain, silence),
    ];
    let plays = scenes.map(|(name, settings, hold)| Play {
        name: name.into(),
        is_long: false,
        play: Box::new(move |seed, is_told| play(settings, hold, seed, is_told)),
    });
    play_all(&plays, SEEDS);
}

fn play(settings: Settings, hold: Hold, seed: Option<u64>, is_told: bool) -> Outcome {
    let service = Notifications::new(Http::new(HttpLimits::default(), TimeLimits::default()), settings);
    let world = seed.map_or_else(|| World::whole(&service), |seed| World::seeded(&service, seed));
    let mut town = Town { world, service: &service, settings, dice: seed.unwrap_or(0) };
    let verdict = hold(&mut town).and_then(|()| town.check());
    let story = if is_told { town.world.story() } else { String::new() };
    Outcome { verdict, story }
}

struct Town<'s> {
    world: World<'s, Notifications>,
    service: &'s Notifications,
    settings: Settings,
    dice: u64,
}

/// A client with a connection.
struct Client {
    peer: usize,
    listener: Listener,
}

impl Town<'_> {
    /// What the peers do at random follows from the seed too.
    fn below(&mut self, count: usize) -> usize {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) as usize % count
    }

    /// Makes less than so many moves.
    fn go(&mut self, moves: usize) {
        let moves = self.below(moves);
        self.world.go_at_once(moves);
    }

    fn listen(&mut self, way: Way, after: &str) -> Client {
        let client = Client { peer: self.world.connect(), listener: Listener::new(way, after) };
        self.world.say(client.peer, client.listener.request().as_bytes());
        client
    }

    /// One who publishes these, one behind the other, without waiting.
    fn publish(&mut self, texts: &[(&str, &str)]) -> usize {
        let peer = self.world.connect();
        texts.iter().for_each(|(text, topic)| self.world.say(peer, publish(text, topic).as_bytes()));
        peer
    }

    /// Publishes them and waits until it is told the number of the last.
    fn publish_and_wait(&mut self, texts: &[(&str, &str)]) -> Result<Vec<u64>, String> {
        let peer = self.publish(texts);
        let numbers = self.numbers(peer, texts.len())?;
        self.world.finish(peer);
        Ok(numbers)
    }

    /// The numbers that so many events of a publisher were given.
    fn numbers(&mut self, peer: usize, count: usize) -> Result<Vec<u64>, String> {
        let mut heard = String::new();
        loop {
            let ids: Vec<_> = heard.split("{\"id\":\"").skip(1).filter_map(|rest| rest.split_once("\"}")).collect();
            if ids.len() == count {
                assert_eq!(heard.matches("HTTP/1.1 201 Created\r\n").count(), count, "{heard}");
                return Ok(ids.iter().map(|(id, _)| listeners::number_of(id)).collect());
            }
            let mut octets = [0; 1000];
            match self.world.read(peer, &mut octets) {
                Ok(0) => return Err(format!("a publisher heard the end after {heard}")),
                Ok(count) => heard += &String::from_utf8_lossy(&octets[..count]),
                Err(error) => return Err(format!("a publisher: {error} after {heard}")),
            }
        }
    }

    /// Something more of what a client hears; false if it was the end.
    fn hear(&mut self, client: &mut Client) -> Result<bool, String> {
        let mut octets = [0; 4000];
        match self.world.read(client.peer, &mut octets) {
            Ok(0) => client.listener.hear_end().map(|()| false),
            Ok(count) => {
                let before = (client.listener.heartbeats, client.listener.is_over);
                let is_answered = client.listener.hear(&octets[..count])?;
                if client.listener.way == Way::Socket {
                    self.answer_frames(client, before);
                }
                if is_answered && client.listener.statuses.last() < Some(&300) {
                    if client.listener.way == Way::ShortPoll {
                        self.world.pass(Duration::from_millis(200));
                    }
                    self.world.say(client.peer, client.listener.request().as_bytes());
                }
                Ok(true)
            }
            Err(error) => Err(format!("{:?}: {error}", client.listener.way)),
        }
    }

    /// A ping with a pong, and a close with a close.
    fn answer_frames(&mut self, client: &Client, (heartbeats, was_over): (usize, bool)) {
        for _ in heartbeats..client.listener.heartbeats {
            self.world.say(client.peer, &listeners::frame(10, b""));
        }
        if client.listener.is_over && !was_over {
            self.world.say(client.peer, &listeners::frame(8, &1001_u16.to_be_bytes()));
        }
    }

    /// Until it has heard of this one.
    fn hear_to(&mut self, client: &mut Client, number: u64) -> Result<(), String> {
        while client.listener.numbers().last() < Some(&number) {
            if !self.hear(client)? {
                return Err(format!("{:?} heard the end before {number}", client.listener.way));
            }
            if client.listener.statuses.len() > 500 {
                return Err(format!("{:?} asks again and again, and does not hear of {number}", client.listener.way));
            }
        }
        Ok(())
    }

    /// Everybody who has come has gone, and nobody is remembered.
    fn nobody_is_left(&mut self) -> Result<(), String> {
        self.world.pass(A_WHILE);
        let figures = self.service.figures();
        if (figures.followers, figures.parked) != (0, 0) {
            return Err(format!("{} follow and {} are parked", figures.followers, figures.parked));
        }
        match self.world.connections() {
            1 => Ok(()),
            some => Err(format!("{some} are here: the hub and who else?")),
        }
    }

    fn check(&mut self) -> Result<(), String> {
        let held = self.world.most_unsent().max(self.service.figures().most_held as usize);
        if held > self.settings.slow.bound {
            return Err(format!("{held} octets were held for one client"));
        }
        self.world.check()
    }
}

/// Publishers and clients of all ways come at any moment, and some come back on another connection.
fn all_ways_at_once(town: &mut Town<'_>) -> Result<(), String> {
    const EACH: usize = 3;
    let texts: Vec<(&str, &str)> = vec![("one", ""), ("and \"two\"", "b"), ("ä\nö", "")];
    let mut clients = Vec::new();
    let mut publishers = Vec::new();
    for (round, way) in ALL_WAYS.into_iter().enumerate() {
        let after = ["0".to_string(), format!("{EPOCH}-0")][town.below(2)].clone();
        clients.push(town.listen(way, &after));
        town.go(60);
        if round % 2 == 0 {
            publishers.push(town.publish(&texts));
        }
    }
    let all = (publishers.len() * EACH) as u64;
    for client in &mut clients {
        // In part first, and then another one.
        let part = 1 + town.below(all as usize) as u64;
        town.hear_to(client, part)?;
        if town.below(3) == 0 {
            town.world.reset(client.peer);
            client.listener.comes_back();
            client.peer = town.world.connect();
            town.world.say(client.peer, client.listener.request().as_bytes());
        }
    }
    for client in &mut clients {
        town.hear_to(client, all)?;
        client.listener.expect(1, all)?;
        if !client.listener.resyncs.is_empty() {
            return Err(format!("{:?} was told to begin anew", client.listener.way));
        }
    }
    let mut given = Vec::new();
    for publisher in publishers {
        let numbers = town.numbers(publisher, EACH)?;
        if !numbers.is_sorted() {
            return Err(format!("what one has said has the order {numbers:?}"));
        }
        for (number, (text, topic)) in numbers.iter().zip(&texts) {
            for client in &clients {
                let event = &client.listener.events[*number as usize - 1];
                if event["text"] != *text || event["topic"].as_str().unwrap_or_default() != *topic {
                    return Err(format!("{event} is not {text:?} about {topic:?}"));
                }
            }
        }
        given.extend(numbers);
        town.world.finish(publisher);
    }
    given.sort_unstable();
    if !given.iter().copied().eq(1..=all) {
        return Err(format!("the publishers were told {given:?}"));
    }
    clients.iter().for_each(|client| town.world.finish(client.peer));
    town.nobody_is_left()
}

/// The bound is small, and so are the pages: nobody is too slow for the past.
fn page_by_page(town: &mut Town<'_>) -> Result<(), String> {
    let long = "x".repeat(150);
    for _ in 0..12 {
        town.publish_and_wait(&[(&*long, "")])?;
    }
    let mut clients: Vec<_> = ALL_WAYS.iter().map(|way| town.listen(*way, "0")).collect();
    town.go(200);
    for client in &mut clients {
        town.hear_to(client, 12)?;
    }
    // Two letters more, while they are told or have been.
    town.publish_and_wait(&[("live", "")])?;
    for client in &mut clients {
        town.hear_to(client, 13)?;
        client.listener.expect(1, 13)?;
        town.world.reset(client.peer);
    }
    match town.service.figures() {
        figures if (figures.dropped, figures.disconnected) == (0, 0) => town.nobody_is_left(),
        figures => Err(format!("the past was too much: {figures:?}")),
    }
}

/// The history keeps three.
fn some_are_forgotten(town: &mut Town<'_>) -> Result<(), String> {
    let texts = ["a", "b", "c", "d", "e", "f", "g"].map(|text| (text, ""));
    town.publish_and_wait(&texts)?;
    let now = format!("{EPOCH}-7");
    for (after, from) in [("0", 5), ("784111777-3", 5), ("784111777-4", 5), ("784111777-6", 7), ("784111776-6", 5), (&now, 8)] {
        let is_lost = !matches!(after, "784111777-4" | "784111777-6") && after != now;
        for way in ALL_WAYS {
            let mut client = town.listen(way, after);
            if after == now {
                town.hear_anything(&mut client)?;
                town.world.reset(client.peer);
                continue;
            }
            town.hear_to(&mut client, 7)?;
            client.listener.expect(from, 7)?;
            let expected: &[&str] = if is_lost { &["784111777-5"] } else { &[] };
            if client.listener.resyncs != expected {
                return Err(format!("{way:?} after {after} was told {:?}", client.listener.resyncs));
            }
            town.world.reset(client.peer);
        }
    }
    match town.service.figures().forgotten {
        4 => town.nobody_is_left(),
        other => Err(format!("{other} were forgotten")),
    }
}

impl Town<'_> {
    /// The head of a stream, or an answer.
    fn hear_anything(&mut self, client: &mut Client) -> Result<(), String> {
        while client.listener.statuses.is_empty() {
            if !self.hear(client)? {
                return Err("the end, before anything was said".into());
            }
        }
        Ok(())
    }
}

/// At any moment, while they wait or hear.
fn hang_ups_and_resets(town: &mut Town<'_>) -> Result<(), String> {
    let mut clients: Vec<_> = ALL_WAYS.iter().map(|way| town.listen(*way, "0")).collect();
    let mut finished = Vec::new();
    let publisher = town.publish(&[("a", ""), ("b", "t")]);
    while !clients.is_empty() {
        town.go(100);
        let leaves = town.below(clients.len());
        let client = clients.swap_remove(leaves);
        match town.below(2) {
            0 => town.world.finish(client.peer),
            _ => town.world.reset(client.peer),
        }
        if town.world.ending(client.peer) != Some(Ending::Reset) && client.listener.way != Way::Socket {
            finished.push(client);
        }
    }
    for mut client in finished {
        while town.hear(&mut client)? {}
        let numbers = client.listener.numbers();
        client.listener.expect(1, numbers.len() as u64)?;
        if !client.listener.statuses.iter().all(|status| [200, 204].contains(status)) {
            return Err(format!("{:?} said no more, and was told {:?}", client.listener.way, client.listener.statuses));
        }
    }
    town.numbers(publisher, 2)?;
    town.world.finish(publisher);
    // They are forgotten before anything more is published, which would find out who has gone.
    town.nobody_is_left()?;
    town.publish_and_wait(&[("c", "")])?;
    town.nobody_is_left()
}

/// The meaning of Kafka's `fetch.min.bytes` and `fetch.max.wait.ms`.
fn a_poll_waits_for_its_least(town: &mut Town<'_>) -> Result<(), String> {
    let is_naive = town.settings.naive == Naive::Recheck;
    let peer = town.world.connect();
    let event = "{\"id\":\"784111777-1\",\"text\":\"0123456789\"}".len();
    let poll = |after: &str, least: usize, most: usize| {
        let target = format!("/events?after={after}&wait=3500&min_bytes={least}&max_bytes={most}");
        format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
    };
    let mut heard = Listener::new(Way::LongPoll, "0");
    let mut ask = |town: &mut Town<'_>, request: &str, publishes: usize, numbers: &[u64]| {
        let (before, from) = (town.world.elapsed(), heard.events.len());
        town.world.say(peer, request.as_bytes());
        town.world.pass(Duration::from_millis(1200));
        for _ in 0..publishes {
            town.publish_and_wait(&[("0123456789", "")])?;
        }
        let mut octets = [0; 4000];
        while !heard.hear(match town.world.read(peer, &mut octets) {
            Ok(0) => return Err("the end instead of an answer".to_string()),
            Ok(count) => &octets[..count],
            Err(error) => return Err(error.to_string()),
        })? {}
        let took = (town.world.elapsed() - before).as_millis();
        match &heard.numbers()[from..] {
            seen if seen == numbers => Ok((*heard.statuses.last().unwrap_or(&0), took)),
            seen => Err(format!("{seen:?} instead of {numbers:?}, at {request}")),
        }
    };
    let soon = if is_naive { 1200..=2400 } else { 1200..=1400 };
    let expect = |what: &str, (status, took): (u16, u128), wanted: u16, within: std::ops::RangeInclusive<u128>| {
        let is_so = status == wanted && within.contains(&took);
        if is_so { Ok(()) } else { Err(format!("{what}: {status} after {took} ms")) }
    };
    expect("nothing comes", ask(town, &poll("0", 1, 9999), 0, &[])?, 204, 3500..=3600)?;
    expect("one is enough", ask(town, &poll("0", 1, 9999), 1, &[1])?, 200, soon.clone())?;
    expect("two are enough", ask(town, &poll("784111777-1", 2 * event, 9999), 2, &[2, 3])?, 200, soon.clone())?;
    expect("one is too little", ask(town, &poll("784111777-3", event + 1, 9999), 1, &[4])?, 200, 3500..=3600)?;
    // It is answered before anything is published: those are there already.
    expect("enough is there", ask(town, &poll("784111777-1", 3 * event, 9999), 0, &[2, 3, 4])?, 200, 1200..=1210)?;
    expect("no more than that", ask(town, &poll("784111777-1", 9999, 2 * event + 1), 0, &[2, 3])?, 200, 1200..=1210)?;
    expect("but one at least", ask(town, &poll("784111777-1", 9999, 0), 0, &[2])?, 200, 1200..=1210)?;
    expect("a foreign cursor", ask(town, &poll("784111776-9", 9999, 9999), 0, &[1, 2, 3, 4])?, 200, 1200..=1210)?;
    expect("no octets are one event", ask(town, &poll("784111777-4", 1, 0), 1, &[5])?, 200, soon)?;
    town.world.finish(peer);
    town.nobody_is_left()
}

/// From where, nobody has told it yet. One event comes before its limit and is too little, and one just when the limit does.
fn a_poll_that_begins_now(town: &mut Town<'_>) -> Result<(), String> {
    const LIMIT: Duration = Duration::from_millis(800);
    let publisher = town.world.connect();
    let mut client = Client { peer: town.world.connect(), listener: Listener::new(Way::LongPoll, "") };
    let is_little = town.below(2) == 0;
    (client.listener.wait, client.listener.least) = (LIMIT.as_millis() as u64, if is_little { 1000 } else { 1 });
    let asked = town.world.elapsed();
    town.world.say(client.peer, client.listener.request().as_bytes());
    town.world.pass(Duration::ZERO);
    // Somewhere in between it was heard; and each move takes its time.
    let moves = (town.world.elapsed() - asked).as_micros() as usize;
    if is_little {
        town.world.pass(LIMIT / 3);
        town.publish_and_wait(&[("too little", "")])?;
    }
    let before = Duration::from_micros(200 - town.below(200 + moves).min(200) as u64);
    let limit = asked + Duration::from_micros(moves as u64) + LIMIT;
    town.world.pass(limit - before - town.world.elapsed());
    town.world.say(publisher, publish("at the limit", "").as_bytes());
    let last = 1 + u64::from(is_little);
    town.hear_to(&mut client, last)?;
    client.listener.expect(1, last)?;
    town.world.finish(client.peer);
    town.world.finish(publisher);
    town.nobody_is_left()
}

/// The history keeps three, and they are less than it waits for.
fn who_waits_for_much(town: &mut Town<'_>) -> Result<(), String> {
    let mut client = Client { peer: town.world.connect(), listener: Listener::new(Way::LongPoll, "0") };
    client.listener.least = 10_000;
    town.world.say(client.peer, client.listener.request().as_bytes());
    for fourth in [4, 8, 12] {
        town.world.pass(Duration::ZERO);
        town.publish_and_wait(&[("a", ""), ("b", "t"), ("c", ""), ("d", "")])?;
        town.hear_to(&mut client, fourth)?;
    }
    client.listener.expect(1, 12)?;
    match &client.listener.resyncs[..] {
        [] if town.world.elapsed() < Duration::from_secs(1) => {}
        resyncs => return Err(format!("after {:?} it was told to begin anew at {resyncs:?}", town.world.elapsed())),
    }
    town.world.finish(client.peer);
    town.nobody_is_left()
}

/// FIN comes right behind the request, or while it is looked at, and there is something to tell.
fn who_says_no_more(town: &mut Town<'_>) -> Result<(), String> {
    town.publish_and_wait(&[("a", ""), ("b", "t")])?;
    for way in [Way::ShortPoll, Way::LongPoll, Way::Events, Way::Lines] {
        let mut client = Client { peer: town.world.connect(), listener: Listener::new(way, "0") };
        client.listener.least = [1, 1000][town.below(2)];
        town.world.say(client.peer, client.listener.request().as_bytes());
        if town.below(2) == 0 {
            town.go(40);
        }
        town.world.finish(client.peer);
        let before = town.world.elapsed();
        while town.hear(&mut client)? {}
        client.listener.expect(1, 2)?;
        let is_whole = client.listener.is_over || way == Way::ShortPoll || way == Way::LongPoll;
        let took = town.world.elapsed() - before;
        if client.listener.statuses != [200] || !is_whole || took > Duration::from_millis(1100) {
            return Err(format!("{way:?}: {:?}, whole: {is_whole}, after {took:?}", client.listener.statuses));
        }
    }
    town.nobody_is_left()
}

/// It is answered as if its limit had come.
fn a_poll_has_waited(town: &mut Town<'_>) -> Result<(), String> {
    let mut clients = ["0", ""].map(|after| town.listen(Way::LongPoll, after));
    town.world.pass(Duration::from_millis(1500));
    town.go(20);
    town.world.stop(DRAIN);
    for client in &mut clients {
        while town.hear(client)? {}
        town.world.finish(client.peer);
    }
    let heard = clients.map(|client| (client.listener.statuses, client.listener.after));
    match heard == [(vec![204], "0".into()), (vec![200], format!("{EPOCH}-0"))] {
        true => Ok(()),
        false => Err(format!("{heard:?}")),
    }
}

/// It reads nothing for a while, and then all there is.
fn a_slow_reader(town: &mut Town<'_>) -> Result<(), String> {
    const TOPICS: [&str; 4] = ["a", "b", "c", ""];
    const COUNT: u64 = 60;
    let way = STREAMS[town.below(3)];
    let mut client = town.listen(way, "0");
    // It is there before there is anything to hear, or its past is read to it.
    town.hear_anything(&mut client)?;
    town.world.pass(Duration::ZERO);
    let long = "y".repeat(100);
    let mut left = COUNT;
    while left > 0 {
        let count = (1 + town.below(20) as u64).min(left);
        let texts: Vec<_> = (0..count).map(|number| (&*long, TOPICS[(left - number) as usize % 4])).collect();
        town.publish_and_wait(&texts)?;
        left -= count;
        if town.below(4) == 0 {
            let _ = town.hear(&mut client);
        }
    }
    town.world.pass(Duration::ZERO);
    let policy = town.settings.slow.policy;
    loop {
        match town.hear_to(&mut client, COUNT) {
            Ok(()) => break,
            // What was on its way when it was cut off may be cut short.
            Err(_) if policy == Policy::Disconnect && town.world.ending(client.peer) == Some(Ending::Reset) => {
                client.listener.comes_back();
                client.peer = town.world.connect();
                town.world.say(client.peer, client.listener.request().as_bytes());
            }
            Err(error) => return Err(error),
        }
    }
    let (figures, numbers) = (town.service.figures(), client.listener.numbers());
    let (mut sorted, count) = (numbers.clone(), numbers.len() as u64);
    sorted.dedup();
    if sorted != numbers || !numbers.is_sorted() {
        return Err(format!("{numbers:?} are not in order, or not all once"));
    }
    match policy {
        Policy::Disconnect => client.listener.expect(1, COUNT)?,
        _ if count + figures.dropped + figures.conflated != COUNT => {
            return Err(format!("{count} were heard, and the rest does not add up: {figures:?}"));
        }
        Policy::Conflate if figures.dropped > 0 => return Err(format!("four topics have room: {figures:?}")),
        Policy::Conflate => {
            let heard = |topic: &str| {
                let is_about = |event: &&serde_json::Value| event["topic"].as_str().unwrap_or_default() == topic;
                client.listener.events.iter().rfind(is_about).map(|event| event["id"].clone())
            };
            if TOPICS.iter().any(|topic| heard(topic).is_none()) {
                return Err("the newest of a topic is missing".into());
            }
        }
        Policy::DropOldest => {}
    }
    town.world.reset(client.peer);
    town.nobody_is_left()
}

/// Polls are answered and streams end whole, whatever the moment.
fn the_server_stops(town: &mut Town<'_>) -> Result<(), String> {
    let mut clients: Vec<_> = ALL_WAYS.iter().map(|way| town.listen(*way, "0")).collect();
    let publisher = town.publish(&[("a", ""), ("b", "t"), ("c", "")]);
    town.go(300);
    let before = town.world.elapsed();
    town.world.stop(DRAIN);
    for client in &mut clients {
        loop {
            match town.hear(client) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if town.world.close(client.peer).is_none() && client.listener.statuses.is_empty() => {
                    return Err(format!("not accepted: {error}"));
                }
                Err(error) => return Err(error),
            }
        }
        let numbers = client.listener.numbers();
        client.listener.expect(1, numbers.len() as u64)?;
        if let Some(strange) = client.listener.statuses.iter().find(|status| ![101, 200, 204, 503, 1001].contains(status)) {
            return Err(format!("{:?} was told {strange}", client.listener.way));
        }
        town.world.finish(client.peer);
    }
    let mut octets = [0; 4000];
    loop {
        match town.world.read(publisher, &mut octets) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(format!("the publisher: {error}")),
        }
    }
    town.world.finish(publisher);
    town.world.pass(A_WHILE);
    let took = town.world.elapsed() - before;
    match town.world.connections() {
        0 if took < A_WHILE + DRAIN => Ok(()),
        some => Err(format!("{some} are left after {took:?}")),
    }
}

/// Those who follow are told that there is something they do not hear, in its place; and polls hear it.
fn too_large_for_the_bound(town: &mut Town<'_>) -> Result<(), String> {
    let mut clients: Vec<_> = STREAMS.iter().map(|way| town.listen(*way, "0")).collect();
    let large = "x".repeat(600);
    if town.below(2) == 0 {
        town.world.pass(Duration::ZERO);
    }
    let publisher = town.publish(&[("a", ""), (&large, ""), ("c", "")]);
    for client in &mut clients {
        town.hear_to(client, 3)?;
        let heard = (client.listener.numbers(), client.listener.resyncs.clone());
        if heard != (vec![1, 3], vec![format!("{EPOCH}-3")]) {
            return Err(format!("{:?} heard {heard:?}", client.listener.way));
        }
        town.world.finish(client.peer);
    }
    town.numbers(publisher, 3)?;
    town.world.finish(publisher);
    let figures = town.service.figures();
    match (figures.dropped, figures.disconnected, figures.resyncs) {
        (3, 0, 3) => town.nobody_is_left(),
        _ => Err(format!("three clients were not told of one: {figures:?}")),
    }
}

/// They say why, in a line; and a body that was refused is not waited for.
fn refusals(town: &mut Town<'_>) -> Result<(), String> {
    let topic = "t".repeat(300);
    let requests = [
        ("POST", "/publish".to_string(), 65_537, 413),
        ("POST", format!("/publish?topic={topic}"), 5, 400),
        ("PUT", "/publish".into(), 5, 405),
        ("POST", "/events".into(), 5, 405),
        ("GET", "/events?after=x".into(), 5, 400),
    ];
    for (method, target, length, status) in requests {
        let peer = town.world.connect();
        let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        town.world.say(peer, request.as_bytes());
        let mut heard = Vec::new();
        let mut octets = [0; 1000];
        loop {
            match town.world.read(peer, &mut octets) {
                Ok(0) => break,
                Ok(count) => heard.extend_from_slice(&octets[..count]),
                Err(error) => return Err(format!("{error}, after {heard:?}")),
            }
        }
        town.world.finish(peer);
        let heard = String::from_utf8_lossy(&heard);
        let says = |what: &str| heard.contains(what);
        let is_said = says("\r\nConnection: close\r\n") && says("\r\nContent-Type: text/plain; charset=utf-8\r\n");
        if !heard.starts_with(&format!("HTTP/1.1 {status} ")) || !is_said || heard.ends_with("\r\n\r\n") {
            return Err(format!("{method} {target} heard {heard}"));
        }
    }
    town.nobody_is_left()
}

/// A heartbeat each 15 s, and a poll's limit.
fn silence(town: &mut Town<'_>) -> Result<(), String> {
    let mut clients: Vec<_> = STREAMS.iter().map(|way| town.listen(*way, "0")).collect();
    for beat in 1..=3 {
        for client in &mut clients {
            while client.listener.heartbeats < beat {
                town.hear(client)?;
            }
        }
    }
    let elapsed = town.world.elapsed();
    if elapsed < Duration::from_secs(45) {
        return Err(format!("three heartbeats within {elapsed:?}"));
    }
    town.publish_and_wait(&[("at last", "")])?;
    for client in &mut clients {
        town.hear_to(client, 1)?;
        client.listener.expect(1, 1)?;
        town.world.finish(client.peer);
    }
    town.nobody_is_left()
}
