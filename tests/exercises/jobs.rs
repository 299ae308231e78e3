//! Jobs, in the simulator: each move is as large as it can be, and time jumps when nothing else can happen.

#[path = "../jobs_client/mod.rs"]
pub mod jobs_client;

use std::io::{self, Read};
use std::time::Duration;

use iolab::http1::{HttpLimits, TimeLimits};
use iolab::models::simulated::World;
use iolab::patterns::Jobs;
use iolab::patterns::jobs::Settings;

use super::check;
use jobs_client::{Answer, ask_with, poll, submit};

const TEXT: &[u8] = b"how many words are these";

/// One worker, and room for one more job.
fn jobs() -> Jobs {
    let settings = Settings { step: Duration::from_secs(1), workers: 1, queue: 1, ..Settings::default() };
    let time_limits = TimeLimits { idle: Duration::from_secs(3600), ..TimeLimits::default() };
    Jobs::new(HttpLimits::default(), time_limits, settings)
}

/// What a client hears.
struct Ear<'w, 's>(&'w mut World<'s, Jobs>, usize);

impl Read for Ear<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(self.1, buffer)
    }
}

fn hear(world: &mut World<'_, Jobs>, client: usize) -> Answer {
    Answer::read(&mut Ear(world, client), false).expect("an answer")
}

fn ask(world: &mut World<'_, Jobs>, client: usize, request: &[u8]) -> Answer {
    world.say(client, request);
    hear(world, client)
}

/// Follows a job of ten steps by long polls. Its name, and its last version.
fn to_the_end(world: &mut World<'_, Jobs>, client: usize) -> (String, u64) {
    let id = ask(world, client, &submit(10, TEXT)).id();
    let mut version = 1;
    loop {
        let answer = ask(world, client, &poll(&id, 30_000, version));
        assert!(answer.version() > version, "{answer:?}");
        version = answer.version();
        if answer.state() == "done" {
            return (id, version);
        }
    }
}

#[test]
fn jobs_1() {
    let service = jobs();
    let mut world = World::whole(&service);
    let client = world.connect();
    let (_, version) = to_the_end(&mut world, client);
    check("jobs-1", version);
}

#[test]
fn jobs_2() {
    let service = jobs();
    let mut world = World::whole(&service);
    let client = world.connect();
    let (id, version) = to_the_end(&mut world, client);
    let before = world.elapsed();
    let answer = ask(&mut world, client, &poll(&id, 30_000, version));
    assert_eq!((answer.status, answer.version()), (204, version));
    check("jobs-2", (world.elapsed() - before).as_millis());
}

#[test]
fn jobs_3() {
    let service = jobs();
    let mut world = World::whole(&service);
    let client = world.connect();
    (0..5).for_each(|_| world.say(client, &submit(10, TEXT)));
    let statuses: Vec<u16> = (0..5).map(|_| next(&mut world, client).status).collect();
    assert!(statuses.iter().all(|status| matches!(status, 202 | 503)), "{statuses:?}");
    check("jobs-3", statuses.iter().filter(|status| **status == 202).count());
}

/// One of several answers that are on their way: octet by octet, so that nothing of the next is read.
fn next(world: &mut World<'_, Jobs>, client: usize) -> Answer {
    struct Slowly<'w, 's>(Ear<'w, 's>);
    impl Read for Slowly<'_, '_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }
    Answer::read(&mut Slowly(Ear(world, client)), false).expect("an answer")
}

#[test]
fn jobs_4() {
    let service = jobs();
    let mut world = World::whole(&service);
    let client = world.connect();
    let answer = ask(&mut world, client, &submit(10, TEXT));
    assert_eq!(answer.status, 202);
    let cancel = ask_with("DELETE", &format!("/jobs/{}", answer.id()), &[("If-Match", "\"1\"")]);
    check("jobs-4", ask(&mut world, client, &cancel).status);
}
