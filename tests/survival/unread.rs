//! Those who ask for much and read nothing for a while: their answers wait where they are asked from, not in the server's memory.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::child::Server;
use crate::client::{Client, bytes};
use crate::figure;

/// What the server may hold for one of them: its output below the high mark, what is being read and sent, a thread's stack.
const EACH_KIB: u64 = 1024;

pub fn answers_of_64_mib(model: &str) {
    const LENGTH: u64 = 64 << 20;
    stall(model, "20 unread answers of 64 MiB", 20, &bytes(LENGTH), &|peer| {
        assert_eq!(peer.hear_head()?, (200, LENGTH));
        peer.hear_lines(LENGTH)
    });
}

// ANCHOR: pipelined
/// 200 requests each, of which those behind the first are sent before anything is read.
pub fn pipelined_answers(model: &str) {
    const REQUESTS: usize = 200;
    // What is echoed must be kept, what is made up need not.
    let body = "all of this comes back\n".repeat(1000);
    let echo = crate::client::post(&body);
    let made_up = bytes(100_000);
    let asked: Vec<u8> = (0..REQUESTS).flat_map(|number| if number % 2 == 0 { &made_up } else { &echo }).copied().collect();
    stall(model, "50 times 200 pipelined answers unread", 50, &asked, &|peer| {
        for number in 0..REQUESTS {
            if number % 2 == 0 {
                assert_eq!(peer.hear_head()?, (200, 100_000));
                peer.hear_lines(100_000)?;
            } else if peer.hear()?.body != body.as_bytes() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("answer {number} is not the body sent")));
            }
        }
        Ok(())
    });
}
// ANCHOR_END: pipelined

fn stall(model: &str, what: &str, peers: u64, asked: &[u8], resume: &(dyn Fn(&mut Client) -> io::Result<()> + Sync)) {
    let Some(server) = Server::start(model, &[]) else { return };
    let before = server.resident_kib();
    let (held, took) = thread::scope(|scope| {
        let clients: Vec<Client> = (0..peers).map(|_| Client::connect(server.address)).collect();
        let voices: Vec<_> = clients
            .iter()
            .map(|client| {
                let mut voice = client.stream.get_ref().try_clone().unwrap();
                // It may be the peer who waits: a server that is not listened to does not listen.
                scope.spawn(move || io::Write::write_all(&mut voice, asked))
            })
            .collect();
        let held = at_its_most(&server) - before;
        let start = Instant::now();
        let ears: Vec<_> = clients.into_iter().map(|mut client| scope.spawn(move || resume(&mut client))).collect();
        for (number, ear) in ears.into_iter().enumerate() {
            ear.join().unwrap().unwrap_or_else(|error| panic!("{model}: number {number} of {what}: {error}"));
        }
        for voice in voices {
            voice.join().unwrap().unwrap();
        }
        (held, start.elapsed())
    });
    figure(model, format_args!("{what}: {held} KiB held, then every octet in {:.1} s", took.as_secs_f64()));
    assert!(held < peers * EACH_KIB, "{model}: {what} hold {held} KiB, more than {EACH_KIB} each");
    server.stop();
}

/// The resident memory once the server has come to rest: it spends no time any more.
fn at_its_most(server: &Server) -> u64 {
    let mut most = 0;
    let mut spent = server.cpu_time();
    let mut still = 0;
    while still < 10 {
        thread::sleep(Duration::from_millis(30));
        most = most.max(server.resident_kib());
        let now = server.cpu_time();
        still = if now == spent { still + 1 } else { 0 };
        spent = now;
    }
    most
}
