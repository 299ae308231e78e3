//! Jobs over TCP with each of the four models, on one loop and on two; the same octets from all four; and `curl` through the
//! example.

#[macro_use]
mod every_model;
mod examples;
mod jobs_client;
mod skip;
mod tcp;

use std::fs;
use std::io::Write;
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use iolab::http1::{HttpLimits, TimeLimits};
use iolab::limits::ServeLimits;
use iolab::models::AnyModel;
use iolab::patterns::Jobs;
use iolab::patterns::jobs::{Naive, Settings, TEXT_OCTETS};
use iolab::{Model, Shutdown, listen};

use examples::Example;
use jobs_client::{Answer, ask, ask_with, counts, poll, submit, text};
use tcp::{PATIENCE, Server, model, ready};

macro_rules! models {
    ($($name:ident)*) => {$(
        mod $name {
            const MODEL: &str = stringify!($name);

            #[test]
            fn many_clients_follow_their_jobs() {
                super::on_one_loop_and_on_two(MODEL, super::many_clients_follow_their_jobs);
            }

            #[test]
            fn a_step_is_told_to_all_who_wait() {
                super::on_one_loop_and_on_two(MODEL, super::a_step_is_told_to_all_who_wait);
            }

            #[test]
            fn who_hangs_up_is_noticed_and_forgotten() {
                super::on_one_loop_and_on_two(MODEL, super::who_hangs_up_is_noticed_and_forgotten);
            }

            #[test]
            fn the_limit_comes_and_nothing_is_lost() {
                super::on_one_loop_and_on_two(MODEL, super::the_limit_comes_and_nothing_is_lost);
            }

            #[test]
            fn stops_when_what_runs_is_done() {
                super::on_one_loop_and_on_two(MODEL, super::stops_when_what_runs_is_done);
            }

            #[test]
            fn a_text_that_is_too_long_is_refused_in_the_middle() {
                super::on_one_loop_and_on_two(MODEL, super::a_text_that_is_too_long_is_refused_in_the_middle);
            }

            #[test]
            fn naive_polls_are_answered_too() {
                super::naive_polls_are_answered_too(MODEL);
            }

            #[test]
            fn serves_curl() {
                super::serves_curl(MODEL);
            }
        }
    )*};
}

on_every_model!(models);

/// Longer than any test: what takes such a step is done only in another.
const NEVER: Duration = Duration::from_secs(3600);

struct House {
    jobs: Arc<Jobs>,
    server: Server,
}

impl House {
    fn new(name: &str, loops: usize, settings: Settings) -> Option<House> {
        let jobs = Arc::new(Jobs::new(HttpLimits::default(), TimeLimits::default(), settings));
        let server = Server::start(model(name, ServeLimits::default())?, loops, Arc::clone(&jobs));
        Some(House { jobs, server })
    }

    fn client(&self) -> Client {
        Client::new(self.server.address)
    }

    /// Waits until so many polls are parked, as the server sees it.
    fn await_parked(&self, wanted: u64) {
        let begun = Instant::now();
        while self.jobs.figures().parked() != wanted {
            assert!(begun.elapsed() < PATIENCE, "{} polls are parked instead of {wanted}", self.jobs.figures().parked());
            thread::yield_now();
        }
    }
}

fn on_one_loop_and_on_two(name: &str, test: fn(&str, usize)) {
    test(name, 1);
    test(name, 2);
}

struct Client(TcpStream);

impl Client {
    fn new(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).expect("a server that listens");
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(stream)
    }

    fn say(&mut self, request: &[u8]) {
        self.0.write_all(request).unwrap();
    }

    fn hear(&mut self) -> Answer {
        Answer::read(&mut self.0, false).unwrap()
    }

    fn ask(&mut self, request: &[u8]) -> Answer {
        self.say(request);
        self.hear()
    }

    fn submit(&mut self, steps: u32, text: &[u8]) -> String {
        let answer = self.ask(&submit(steps, text));
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.id()
    }

    fn get(&mut self, id: &str) -> Answer {
        self.ask(&ask("GET", &format!("/jobs/{id}")))
    }

    /// Polls until the job is done, and never goes back.
    fn follow(&mut self, id: &str) -> Answer {
        let mut version = 0;
        loop {
            let answer = self.ask(&poll(id, 20_000, version));
            assert!(answer.status == 200 && answer.version() > version, "{version}: {answer:?}");
            version = answer.version();
            if answer.state() == "done" {
                return answer;
            }
        }
    }

    fn is_at_end(&mut self) -> bool {
        Answer::is_last(&mut self.0)
    }

    fn reset(self) {
        socket2::SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

fn many_clients_follow_their_jobs(name: &str, loops: usize) {
    let settings = Settings { step: Duration::from_millis(2), workers: 3, ..Settings::default() };
    let Some(house) = House::new(name, loops, settings) else { return };
    thread::scope(|scope| {
        for number in 0..16 {
            let address = house.server.address;
            scope.spawn(move || {
                let text = text(10_000 * number + 7);
                let id = Client::new(address).submit(1 + number as u32, &text);
                // Whoever submitted it has left: it is done all the same.
                let done = Client::new(address).follow(&id);
                assert_eq!(done.json()["result"], counts(&text), "{name}: {done:?}");
            });
        }
    });
    house.server.stop().unwrap();
    let figures = house.jobs.figures();
    assert_eq!((figures.submitted(), figures.done(), figures.parked(), figures.dropped()), (16, 16, 0, 0));
}

fn a_step_is_told_to_all_who_wait(name: &str, loops: usize) {
    const CROWD: usize = 100;
    let settings = Settings { step: NEVER, workers: 1, ..Settings::default() };
    let Some(house) = House::new(name, loops, settings) else { return };
    let mut client = house.client();
    let id = client.submit(3, b"a b c");
    let mut crowd: Vec<Client> = (0..CROWD).map(|_| house.client()).collect();
    crowd.iter_mut().for_each(|one| one.say(&poll(&id, 60_000, 2)));
    house.await_parked(CROWD as u64);
    let cancelled = client.ask(&ask("DELETE", &format!("/jobs/{id}")));
    assert_eq!((cancelled.status, cancelled.state().as_str(), cancelled.version()), (200, "cancelled", 3));
    for one in &mut crowd {
        let answer = one.hear();
        assert_eq!((answer.status, answer.body), (200, cancelled.body.clone()));
    }
    house.await_parked(0);
    assert_eq!(house.jobs.figures().most_parked(), CROWD as u64);
    // Nobody keeps the server listening to the end of a connection.
    drop((crowd, client));
    house.server.stop().unwrap();
}

fn who_hangs_up_is_noticed_and_forgotten(name: &str, loops: usize) {
    let Some(house) = House::new(name, loops, Settings { step: NEVER, ..Settings::default() }) else { return };
    let id = house.client().submit(1, b"slow");
    // ANCHOR: forgotten
    for (number, leave) in [|client: Client| drop(client), Client::reset].into_iter().enumerate() {
        let mut crowd: Vec<Client> = (0..8).map(|_| house.client()).collect();
        crowd.iter_mut().for_each(|one| one.say(&poll(&id, 60_000, 2)));
        house.await_parked(8);
        crowd.into_iter().for_each(leave);
        house.await_parked(0);
        assert_eq!(house.jobs.figures().forgotten(), 8 * (number as u64 + 1));
    }
    // ANCHOR_END: forgotten
    // One who has only finished still listens.
    let mut client = house.client();
    client.say(&poll(&id, 60_000, 2));
    house.await_parked(1);
    client.0.shutdown(Half::Write).unwrap();
    let answer = client.hear();
    assert!(answer.status == 204 && answer.version() == 2 && client.is_at_end(), "{answer:?}");
    assert_eq!(house.client().get(&id).state(), "running", "the job does not care");
    assert_eq!(house.client().ask(&ask("DELETE", &format!("/jobs/{id}"))).status, 200);
    house.server.stop().unwrap();
}

fn the_limit_comes_and_nothing_is_lost(name: &str, loops: usize) {
    let settings = Settings { step: Duration::from_millis(20), ..Settings::default() };
    let Some(house) = House::new(name, loops, settings) else { return };
    let mut client = house.client();
    let id = client.submit(8, b"a b c d e f g h");
    // ANCHOR: nothing-lost
    let (mut version, mut unchanged) = (0, 0);
    loop {
        let begun = Instant::now();
        let answer = client.ask(&poll(&id, 5, version));
        if answer.status == 204 {
            assert_eq!((answer.version(), begun.elapsed() >= Duration::from_millis(5)), (version, true));
            unchanged += 1;
            continue;
        }
        assert!(answer.version() > version, "{version}: {answer:?}");
        version = answer.version();
        if answer.state() == "done" {
            break;
        }
    }
    // ANCHOR_END: nothing-lost
    // Queued, running, seven steps, done.
    assert_eq!((version, house.jobs.figures().parked()), (10, 0), "after {unchanged} times nothing");
    drop(client);
    house.server.stop().unwrap();
}

fn stops_when_what_runs_is_done(name: &str, loops: usize) {
    let settings = Settings { step: Duration::from_millis(400), workers: 1, ..Settings::default() };
    let Some(house) = House::new(name, loops, settings) else { return };
    let mut client = house.client();
    let (running, queued) = (client.submit(1, b"a b"), client.submit(1, b"c"));
    let (mut one, mut other) = (house.client(), house.client());
    one.say(&poll(&running, 60_000, 2));
    other.say(&poll(&queued, 60_000, 1));
    house.await_parked(2);
    house.server.shutdown.begin();
    let (answer, its) = (one.hear(), other.hear());
    assert_eq!((answer.status, answer.version()), (204, 2), "at once");
    assert_eq!((its.status, its.state().as_str()), (200, "cancelled"));
    assert!(one.is_at_end() && other.is_at_end() && client.is_at_end());
    drop((one, other, client));
    house.server.await_end().unwrap();
    let figures = house.jobs.figures();
    assert_eq!((figures.done(), figures.dropped(), figures.parked()), (1, 1, 0));
}

fn a_text_that_is_too_long_is_refused_in_the_middle(name: &str, loops: usize) {
    let Some(house) = House::new(name, loops, Settings { step: Duration::from_millis(1), ..Settings::default() }) else {
        return;
    };
    let longest = text(TEXT_OCTETS);
    let mut client = house.client();
    let id = client.submit(10, &longest);
    assert_eq!(client.follow(&id).json()["result"], counts(&longest));
    // One octet more is refused by its announcement,
    let length = (TEXT_OCTETS + 1).to_string();
    let refused = client.ask(&ask_with("POST", "/submit", &[("Content-Length", &length)]));
    assert!(refused.status == 413 && client.is_at_end(), "{refused:?}");
    // and in chunks once it comes.
    let mut client = house.client();
    client.say(&ask_with("POST", "/submit", &[("Transfer-Encoding", "chunked")]));
    for _ in 0..TEXT_OCTETS / 65_536 {
        client.say(b"10000\r\n");
        client.say(&longest[..65_536]);
        client.say(b"\r\n");
    }
    client.say(b"1\r\nx\r\n");
    let refused = client.hear();
    assert!(refused.status == 413 && client.is_at_end(), "{refused:?}");
    drop(client);
    house.server.stop().unwrap();
}

/// One is late, and another takes a worker each: but the answers are the same.
fn naive_polls_are_answered_too(name: &str) {
    for naive in [Naive::Recheck, Naive::Hold] {
        let Some(house) = House::new(name, 1, Settings { step: NEVER, naive, ..Settings::default() }) else { return };
        let mut client = house.client();
        let id = client.submit(1, b"slow");
        let mut crowd: Vec<Client> = (0..4).map(|_| house.client()).collect();
        crowd.iter_mut().for_each(|one| one.say(&poll(&id, 60_000, 2)));
        house.await_parked(4);
        drop(crowd.pop());
        house.await_parked(3);
        let short = house.client().ask(&poll(&id, 10, 2));
        assert_eq!((short.status, short.version()), (204, 2));
        assert_eq!(client.ask(&ask("DELETE", &format!("/jobs/{id}"))).status, 200);
        for one in &mut crowd {
            let answer = one.hear();
            assert_eq!((answer.status, answer.version(), answer.state().as_str()), (200, 3, "cancelled"));
        }
        assert_eq!((house.jobs.figures().forgotten(), house.jobs.figures().parked()), (1, 0));
        drop((crowd, client));
        house.server.stop().unwrap();
    }
}

// The same octets.

/// What is said, and whether the answer is waited for to know the job it is about.
type Script = fn(&mut Talk);

/// All that is heard, as it came.
struct Talk {
    client: Client,
    heard: Vec<u8>,
}

impl Talk {
    fn ask(&mut self, request: &[u8]) -> Answer {
        self.client.say(request);
        let answer = Answer::read(&mut self.client.0, request.starts_with(b"HEAD")).unwrap();
        self.heard.extend_from_slice(&answer.octets);
        answer
    }
}

/// Jobs of one step: nobody can ask between two.
fn quick(talk: &mut Talk) {
    for text in [b"one two\nthree".to_vec(), Vec::new(), text(100_000)] {
        let id = talk.ask(&submit(1, &text)).id();
        let status = format!("/checkstatus?jobId={id}");
        talk.ask(&poll(&id, 20_000, 2));
        talk.ask(&ask("GET", &format!("/jobs/{id}")));
        talk.ask(&ask("HEAD", &status));
        for tags in ["\"3\"", "\"2\"", "*", "\"x\", W/\"3\"", "3"] {
            for field in ["If-None-Match", "If-Match"] {
                talk.ask(&ask_with("GET", &status, &[(field, tags)]));
            }
        }
        talk.ask(&poll(&id, 20, 3));
        talk.ask(&ask("DELETE", &format!("/jobs/{id}")));
    }
}

/// Jobs without an end, of which one runs.
fn slow(talk: &mut Talk) {
    let running = talk.ask(&submit(2, b"a b c")).id();
    let queued = talk.ask(&submit(2, b"d e f")).id();
    talk.ask(&submit(2, b"no room"));
    for id in [&running, &queued] {
        talk.ask(&ask("GET", &format!("/checkstatus?jobId={id}")));
        talk.ask(&poll(id, 30, 1));
        talk.ask(&ask_with("GET", &format!("/checkstatus?jobId={id}&wait=30"), &[("If-None-Match", "*")]));
    }
    talk.ask(&ask_with("DELETE", &format!("/jobs/{running}"), &[("If-Match", "\"999\"")]));
    talk.ask(&ask("DELETE", &format!("/jobs/{running}")));
    talk.ask(&poll(&queued, 0, 1));
    talk.ask(&ask("DELETE", &format!("/jobs/{queued}")));
    talk.ask(&ask("GET", &format!("/jobs/{queued}")));
    for wrong in ["/checkstatus", "/checkstatus?jobId=", "/checkstatus?jobId=x&wait=60001", "/checkstatus?jobId=x&after=-1"] {
        talk.ask(&ask("GET", wrong));
    }
    for (method, target) in
        [("GET", "/submit"), ("POST", "/jobs/x"), ("DELETE", "/checkstatus"), ("GET", "/jobs/x"), ("GET", "/")]
    {
        talk.ask(&ask(method, target));
    }
    talk.ask(&submit(0, b"no steps"));
}

#[test]
fn all_models_send_the_same_octets() {
    let scripts: [(&str, Script, Duration); 2] = [("quick", quick, Duration::from_millis(1)), ("slow", slow, NEVER)];
    for (name, script, step) in scripts {
        let mut first: Option<(AnyModel, Vec<u8>)> = None;
        for model in AnyModel::all() {
            let Some(model) = ready(model, ServeLimits::default()) else { continue };
            let octets = octets_of(model, script, step);
            let (before, expected) = first.get_or_insert_with(|| (model, octets.clone()));
            let at = octets.iter().zip(&*expected).take_while(|(one, other)| one == other).count();
            let around = |octets: &[u8]| octets[at.saturating_sub(80)..octets.len().min(at + 80)].escape_ascii().to_string();
            assert!(
                octets == *expected,
                "{name}: {model} and {before} differ at {at}:\n{}\n{}",
                around(&octets),
                around(expected)
            );
        }
        let (_, octets) = first.expect("blocking needs nothing");
        assert!(octets.len() > 3000, "{name}: {} octets", octets.len());
    }
}

fn octets_of(model: AnyModel, script: Script, step: Duration) -> Vec<u8> {
    let settings = Settings { step, workers: 1, queue: 1, ..Settings::default() };
    let jobs = Jobs::new(HttpLimits::default(), TimeLimits::default(), settings);
    let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new().unwrap();
    thread::scope(|scope| {
        let server = scope.spawn(|| model.serve_reproducibly(listener, &jobs, &shutdown, 7, 784_111_777));
        let talk = scope.spawn(move || {
            let mut talk = Talk { client: Client::new(address), heard: Vec::new() };
            script(&mut talk);
            talk.heard
        });
        let heard = talk.join();
        shutdown.begin();
        server.join().unwrap().unwrap();
        heard.unwrap()
    })
}

// The example, by curl.

fn serves_curl(name: &str) {
    if !examples::has_curl() {
        return;
    }
    let Some(server) = Example::start("jobs", name, &["--step-ms", "20", "--workers", "2", "--queue", "3"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let words = text(300_000);
    let path = folder.path().join("words");
    fs::write(&path, &words).unwrap();
    let job = |octets: &[u8]| serde_json::from_slice::<serde_json::Value>(octets).unwrap();
    let submitted = job(&server.curl(&["-X", "POST", "-T", path.to_str().unwrap()], "/submit?steps=7"));
    assert_eq!((&submitted["state"], &submitted["of"]), (&"queued".into(), &7.into()));
    let id = submitted["id"].as_str().unwrap();
    let mut version = 0;
    let done = loop {
        let now = job(&server.curl(&[], &format!("/checkstatus?jobId={id}&wait=20000&after={version}")));
        version = now["version"].as_u64().unwrap();
        if now["state"] == "done" {
            break now;
        }
    };
    assert_eq!(done["result"], counts(&words));
    let code = ["-s", "-o", "/dev/null", "-w", "%{http_code}"];
    let tag = format!("If-None-Match: \"{version}\"");
    let path = format!("/jobs/{id}");
    let seen = server.run(&[&code[..], &["-H", &tag]].concat(), &[&path]);
    assert_eq!(String::from_utf8_lossy(&seen.stdout), "304");
    // A poll that its client does not wait for is forgotten. Two jobs are at work, and nothing is new of the third.
    let slow: Vec<_> = (0..3).map(|_| job(&server.curl(&["-d", "slow"], "/submit?steps=10000"))).collect();
    let slow: Vec<&str> = slow.iter().map(|job| job["id"].as_str().unwrap()).collect();
    let polled = std::process::Command::new("curl")
        .args(["--noproxy", "*", "-s", "-m", "0.2"])
        .arg(format!("http://{}/checkstatus?jobId={}&wait=20000&after=1", server.address, slow[2]))
        .status();
    assert_eq!(polled.unwrap().code(), Some(28), "curl: the operation timed out");
    for id in slow.iter().rev() {
        let cancelled = job(&server.curl(&["-X", "DELETE"], &format!("/jobs/{id}")));
        assert_eq!(cancelled["state"], "cancelled");
    }
    let says = server.stop();
    for line in ["4 submitted, 1 done, 3 cancelled, 0 dropped; 0 refused", "1 parked at most, 1 forgotten"] {
        assert!(says.contains(line), "{line}:\n{says}");
    }
}
