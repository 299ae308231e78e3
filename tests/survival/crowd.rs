//! Too much at once: of one connection's requests, and of connections.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::child::{Server, until};
use crate::client::{Client, GET, Over, bytes, others};
use crate::{NOTICED, figure, once_more, skip};

/// Connections that ask without a pause.
const FLOODS: usize = 2;
/// As long as a browser's: of shorter ones a build without optimisation works through one read for longer than it should take.
const FLOOD: &[u8] = concat!(
    "GET /flood HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101\r\n",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n",
    "Accept-Encoding: gzip, deflate, br\r\nReferer: http://localhost:8080/\r\nCookie: nothing=at-all; more=of-the-same\r\n\r\n"
)
.as_bytes();
const FLOODED: Duration = Duration::from_secs(1);

pub fn a_pipelining_flood(model: &str) {
    others_beside(model, "pipelining floods", flood);
}

/// Who reads as fast as it is written to is always ready for more.
pub fn answers_without_end(model: &str) {
    others_beside(model, "answers without end", |address, over| {
        let mut peer = Client::connect(address).stream.into_inner();
        peer.write_all(&bytes(1 << 40)).unwrap();
        let (mut heard, mut scrap) = (0, vec![0; 1 << 20]);
        while !over.load(Ordering::Relaxed) {
            heard += peer.read(&mut scrap).unwrap_or_else(|error| panic!("a reader who keeps up was cut: {error}")) as u64;
        }
        heard
    });
}

/// What others notice of those who have the server at work without a pause; each says how many octets came back.
fn others_beside(model: &str, whom: &str, each: impl Fn(SocketAddr, &AtomicBool) -> u64 + Sync) {
    once_more(model, || {
        let Some(server) = Server::start(model, &[]) else { return Ok(()) };
        let over = AtomicBool::new(false);
        let (others, octets) = thread::scope(|scope| {
            let busy: Vec<_> = (0..FLOODS).map(|_| scope.spawn(|| each(server.address, &over))).collect();
            let others = scope.spawn(|| others(server.address, &over));
            let end = Over(&over);
            thread::sleep(FLOODED);
            drop(end);
            (others.join().unwrap(), busy.into_iter().map(|one| one.join().unwrap()).sum::<u64>())
        });
        let others = others.unwrap_or_else(|error| panic!("{model}, one who behaved: {error}"));
        let mib = octets as f64 / FLOODED.as_secs_f64() / f64::from(1 << 20);
        figure(model, format_args!("{FLOODS} {whom}, {mib:.0} MiB/s: others' {others}"));
        server.stop();
        if others.p99() > NOTICED { Err(format!("others noticed: {others}")) } else { Ok(()) }
    });
}

// ANCHOR: flood
/// Says how many octets came back.
fn flood(address: SocketAddr, over: &AtomicBool) -> u64 {
    let stream = Client::connect(address).stream.into_inner();
    let (mut voice, mut ear) = (&stream, &stream);
    thread::scope(|scope| {
        scope.spawn(move || {
            let many = FLOOD.repeat(500);
            while !over.load(Ordering::Relaxed) && voice.write_all(&many).is_ok() {}
            let _ = voice.shutdown(Shutdown::Write);
        });
        let (mut heard, mut scrap) = (0, vec![0; 256 << 10]);
        loop {
            match ear.read(&mut scrap) {
                Ok(0) => return heard,
                Ok(count) => heard += count as u64,
                Err(error) => panic!("a flood that reads its answers was cut: {error}"),
            }
        }
    })
}
// ANCHOR_END: flood

const BURST: usize = 5000;

/// Everyone is answered: 200, or 503 where there is no room; nobody is reset.
pub fn a_burst_of_connects(model: &str) {
    let needed = BURST as u64 + 200;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if hard < needed {
        return skip::skipped(format_args!("survival, {model}: {BURST} connects at once: the limit of open files is {hard}"));
    }
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(needed), hard).unwrap();
    let Some(server) = Server::start(model, &[]) else { return };
    let start = Instant::now();
    // ANCHOR: burst
    let mut peers: Vec<Client> = (0..BURST).map(|_| Client::connect(server.address)).collect();
    let connected = start.elapsed();
    let (mut served, mut refused) = (0, 0);
    for peer in &mut peers {
        // Who has been turned away already may not be heard any more; but has been told.
        let _ = peer.say(GET);
    }
    // ANCHOR_END: burst
    for (number, peer) in peers.iter_mut().enumerate() {
        let answer = peer.hear().unwrap_or_else(|error| panic!("{model}: number {number} of {BURST}: {error}"));
        match answer.status {
            200 => served += 1,
            503 => {
                refused += 1;
                peer.hear_end().unwrap_or_else(|error| panic!("{model}: number {number}, turned away: {error}"));
            }
            status => panic!("{model}: number {number} was answered {status}"),
        }
    }
    figure(
        model,
        format_args!(
            "{BURST} connects in {:.2} s, all answered after {:.2} s: {served} served, {refused} turned away",
            connected.as_secs_f64(),
            start.elapsed().as_secs_f64()
        ),
    );
    // Where the system has fewer threads to give, that is the limit.
    let room = if matches!(model, "blocking" | "pool") { 1024 } else { BURST };
    assert!(served == room || room < BURST && served < room && served > 200, "{model}: {served} served, {refused} turned away");
    drop(peers);
    until("there is room again", || Client::connect(server.address).ask(GET).unwrap().status == 200);
}
