//! The end of a server: in good order, at the drain limit, at once.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::child::{Server, until};
use crate::client::{Client, GET, bytes, post};
use crate::{PATIENCE, figure};

const LARGE: u64 = 64 << 20;

/// An upload and a download are finished, whole; who is idle is told good-bye; and so the server ends.
pub fn what_is_under_way_is_finished(model: &str) {
    let Some(mut server) = Server::start(model, &[]) else { return };
    let connect = || Client::connect(server.address);
    let (mut upload, mut echo, mut download, mut idle) = (connect(), connect(), connect(), connect());
    // An answer that comes at once, and one that waits for the whole body.
    assert_eq!(idle.ask(GET).unwrap().status, 200);
    let body = "up and back\n".repeat(5_000);
    let upload_octets = post(&body);
    let (first, rest) = upload_octets.split_at(20_000);
    upload.say(first).unwrap();
    // An echo whose answer has begun.
    let long = "long, and on its way\n".repeat(100_000);
    let long_octets = post(&long);
    echo.say(&long_octets[..200_000]).unwrap();
    assert_eq!(echo.hear_head().unwrap(), (200, long.len() as u64));
    download.say(&bytes(LARGE)).unwrap();
    assert_eq!(download.hear_head().unwrap(), (200, LARGE));

    // ANCHOR: drained
    server.signal(Signal::SIGTERM);
    let start = Instant::now();
    idle.hear_end().expect("an idle connection is closed in good order");
    upload.say(rest).unwrap();
    let answer = upload.hear().expect("an upload is finished");
    assert!(answer.status == 200 && answer.body == body.as_bytes(), "{model}: {} octets came back", answer.body.len());
    upload.hear_end().unwrap();
    let mut voice = echo.stream.get_ref().try_clone().unwrap();
    let voice = thread::spawn(move || std::io::Write::write_all(&mut voice, &long_octets[200_000..]).unwrap());
    let mut back = vec![0; long.len()];
    std::io::Read::read_exact(&mut echo.stream, &mut back).expect("an echo is finished");
    voice.join().unwrap();
    assert!(back == long.as_bytes(), "{model}: the echo is another");
    echo.hear_end().unwrap();
    download.hear_lines(LARGE).expect("a download is finished");
    download.hear_end().unwrap();
    // ANCHOR_END: drained
    // A server hears out whoever has not finished.
    drop((upload, echo, download, idle));
    let (status, printed) = server.end();
    assert_eq!(status.code(), Some(0), "{model}: {printed}");
    figure(model, format_args!("SIGTERM: upload, echo, download whole, exit 0 after {:.2} s", start.elapsed().as_secs_f64()));
}

pub fn a_stuck_reader_ends_at_the_drain_limit(model: &str) {
    const LIMIT: Duration = Duration::from_secs(1);
    let Some(mut server) = Server::start(model, &["--drain-timeout", "1s"]) else { return };
    let mut stuck = Client::connect(server.address);
    stuck.say(&bytes(LARGE)).unwrap();
    assert_eq!(stuck.hear_head().unwrap(), (200, LARGE));
    server.signal(Signal::SIGTERM);
    let start = Instant::now();
    let (status, printed) = server.end();
    let took = start.elapsed();
    assert_eq!(status.code(), Some(0), "{model}: {printed}");
    assert!(took >= LIMIT, "{model}: it left after {took:?}, before its time was over");
    assert!(took < PATIENCE / 2, "{model}: it left only after {took:?}");
    assert!(stuck.hear_lines(LARGE).is_err(), "{model}: nobody had time to say all of it");
    figure(model, format_args!("a stuck reader and a drain limit of 1 s: exit 0 after {:.2} s", took.as_secs_f64()));
}

pub fn a_second_signal_leaves_at_once(model: &str) {
    let Some(mut server) = Server::start(model, &["--drain-timeout", "60s"]) else { return };
    let mut stuck = Client::connect(server.address);
    stuck.say(&bytes(LARGE)).unwrap();
    assert_eq!(stuck.hear_head().unwrap(), (200, LARGE));
    server.signal(Signal::SIGTERM);
    until("it listens no more", || Client::try_connect(server.address).is_err());
    server.signal(Signal::SIGINT);
    let start = Instant::now();
    let (status, _) = server.end();
    assert_eq!(status.code(), Some(128 + Signal::SIGINT as i32), "{model}: {status}");
    figure(
        model,
        format_args!("a second signal: exit {} after {:.3} s", 128 + Signal::SIGINT as i32, start.elapsed().as_secs_f64()),
    );
}
