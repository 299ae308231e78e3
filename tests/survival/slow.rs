//! Those who take their time: 400 at once, cut by limits that no drip of octets moves, while the others notice nothing.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use crate::child::Server;
use crate::client::{Over, bytes, connect_narrow, others};
use crate::{NOTICED, PATIENCE, figure, once_more};

const SLOW: usize = 400;

const GROUP: usize = 100;

/// How long each octet is thought about.
const PAUSE: Duration = Duration::from_millis(100);

/// The models that spend threads are told that there is room for all of them.
const ROOM: [&str; 2] = ["--max-connections", "1000"];

/// Somebody slow: what it says at first, and then again and again; how much it reads each time.
struct Manner {
    greeting: Vec<u8>,
    drip: &'static [u8],
    sip: usize,
}

// ANCHOR: slow-requests
pub fn heads(model: &str) {
    let manner = Manner { greeting: b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec(), drip: b"y", sip: 4096 };
    are_cut(model, "slow headers", &["--header-timeout", "1s"], manner);
}

pub fn bodies(model: &str) {
    let greeting = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n".to_vec();
    are_cut(model, "slow bodies", &["--body-timeout", "1s"], Manner { greeting, drip: b"y", sip: 4096 });
}
// ANCHOR_END: slow-requests

pub fn readers(model: &str) {
    let manner = Manner { greeting: bytes(64 << 20), drip: b"", sip: 1024 };
    are_cut(model, "slow readers", &["--send-grace", "500ms", "--send-rate", "1000000"], manner);
}

// ANCHOR: slow-readers
/// Slower than the kernel tells of room for more, but above the rate: it gets all of its answer, however long that takes.
pub fn readers_who_keep_the_rate(model: &str) {
    const LENGTH: usize = 512 << 10;
    const SIP: usize = 8 << 10;
    let Some(server) = Server::start(model, &["--send-grace", "500ms", "--send-rate", "20000"]) else { return };
    let mut peer = connect_narrow(server.address);
    peer.write_all(&bytes(LENGTH as u64)).unwrap();
    let start = Instant::now();
    let (mut heard, mut sip) = (0, vec![0; SIP]);
    while heard < LENGTH {
        thread::sleep(Duration::from_millis(30));
        heard += match peer.read(&mut sip) {
            Ok(count) if count > 0 => count,
            end => panic!("{model}: cut after {heard} octets and {:.1} s: {end:?}", start.elapsed().as_secs_f64()),
        };
    }
    let rate = heard as f64 / start.elapsed().as_secs_f64() / 1e3;
    figure(model, format_args!("an answer of 512 KiB read at {rate:.0} kB/s, with half a second's grace, came whole"));
}
// ANCHOR_END: slow-readers

fn are_cut(model: &str, whom: &str, limits: &[&str], manner: Manner) {
    once_more(model, || {
        let Some(server) = Server::start(model, &[&ROOM, limits].concat()) else { return Ok(()) };
        let over = AtomicBool::new(false);
        let (took, others) = thread::scope(|scope| {
            let others = scope.spawn(|| others(server.address, &over));
            let end = Over(&over);
            let took = dawdle(server.address, &manner);
            drop(end);
            (took, others.join().unwrap())
        });
        let others = others.unwrap_or_else(|error| panic!("{model}, one who behaved: {error}"));
        figure(model, format_args!("{SLOW} {whom} cut in {:.1} s, others' {others}", took.as_secs_f64()));
        if others.p99() > NOTICED { Err(format!("others noticed: {others}")) } else { Ok(()) }
    });
}

/// Goes on until the server has cut all of them; says how long that took.
fn dawdle(address: SocketAddr, manner: &Manner) -> Duration {
    let mut slow = Vec::new();
    let mut scrap = vec![0; manner.sip];
    let mut came = 0;
    let start = Instant::now();
    while came < SLOW || !slow.is_empty() {
        assert!(start.elapsed() < PATIENCE, "{} are still there", slow.len());
        // They come in groups: it is their number that is to be survived, and not the kernel's first gulp of all their answers.
        for _ in 0..GROUP.min(SLOW - came) {
            let mut peer = connect_narrow(address);
            peer.write_all(&manner.greeting).unwrap();
            peer.set_nonblocking(true).unwrap();
            slow.push(peer);
            came += 1;
        }
        thread::sleep(PAUSE);
        slow.retain_mut(|peer| {
            // What is said to one who has been cut fails; that it was cut is judged by what it hears.
            let _ = peer.write(manner.drip);
            match peer.read(&mut scrap) {
                Ok(0) => false,
                Ok(_) => true,
                Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            }
        });
    }
    start.elapsed()
}
