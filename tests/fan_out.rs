//! One feed and 5,000 clients that follow it: everybody hears every event once and in order; and what a client and a delivery cost,
//! each on one line. The server is a process of its own, so that its memory is not that of the clients.

mod examples;
mod listeners;
mod skip;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{SysconfVar, sysconf};

use examples::Example;
use listeners::{Listener, Way, number_of, publish};

const CLIENTS: usize = 5000;
const EVENTS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client that follows may cost the server, beside what the kernel keeps for it: its HTTP connection, its place in the loop
/// and in the hub, and its share of what is left over from the moment when all were told something at once. Seen were 1 to 2 KiB.
const MOST_OCTETS: u64 = 4 << 10;

/// They are measured one after the other.
static MACHINE: Mutex<()> = Mutex::new(());

#[test]
fn epoll() {
    fans_out("epoll");
}

#[test]
fn uring() {
    fans_out("uring");
}

fn fans_out(model: &str) {
    let _turn = MACHINE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let needed = CLIENTS as u64 + 200;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if hard < needed {
        return skip::skipped(format_args!("fan_out, {model}: {CLIENTS} clients: the limit of open files is {hard}"));
    }
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(needed), hard).unwrap();
    let Some(server) = Example::start("notifications", model, &["--heartbeat", "10m"]) else { return };

    let mut publisher = connect(&server.address);
    tell(&mut publisher, "nobody hears this", 1);
    let before = resident_octets(server.id());
    let mut clients: Vec<(TcpStream, Listener)> = (0..CLIENTS)
        .map(|_| {
            let (mut stream, listener) = (connect(&server.address), Listener::new(Way::Events, ""));
            stream.write_all(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            (stream, listener)
        })
        .collect();
    for (stream, listener) in &mut clients {
        // The head and the first field: now it follows.
        while listener.statuses.is_empty() {
            hear(stream, listener);
        }
    }
    let memory_waiting = resident_octets(server.id()).saturating_sub(before);

    let (start, cpu) = (Instant::now(), cpu_time(server.id()));
    for number in 0..EVENTS {
        tell(&mut publisher, &format!("event {number}"), number + 2);
    }
    for (stream, listener) in &mut clients {
        while listener.numbers().last() < Some(&(EVENTS + 1)) {
            hear(stream, listener);
        }
    }
    let (took, cpu) = (start.elapsed(), cpu_time(server.id()) - cpu);
    let memory_after = resident_octets(server.id()).saturating_sub(before);
    for (number, (_, listener)) in clients.iter().enumerate() {
        listener.expect(2, EVENTS + 1).unwrap_or_else(|error| panic!("{model}, client {number}: {error}"));
        assert!(listener.resyncs.is_empty());
    }
    let deliveries = CLIENTS as f64 * EVENTS as f64;
    let each = |span: Duration| span.as_secs_f64() * 1e6 / deliveries;
    // It goes past the harness, which keeps what a passing test prints to itself.
    let _ = writeln!(
        std::io::stderr(),
        "fan_out, {model}: {CLIENTS} clients cost {} octets each while they wait and {} after {EVENTS} events; a delivery took \
         {:.2} us, {:.2} us of them the server's CPU",
        memory_waiting / CLIENTS as u64,
        memory_after / CLIENTS as u64,
        each(took),
        each(cpu),
    );
    let most = memory_waiting.max(memory_after) / CLIENTS as u64;
    assert!(most <= MOST_OCTETS, "{model}: a client costs {most} octets");
    drop(clients);
    let cost = server.stop();
    assert!(cost.contains(&format!("\ndeliveries            {}, ", CLIENTS as u64 * EVENTS)), "{cost}");
    assert!(cost.contains(&format!("\nclients at most       {CLIENTS} followed")), "{cost}");
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a server that listens");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Publishes one event, which must be given this number.
fn tell(publisher: &mut TcpStream, text: &str, number: u64) {
    publisher.write_all(publish(text, "").as_bytes()).unwrap();
    let mut heard = String::new();
    while !heard.ends_with("\"}\n") {
        heard += std::str::from_utf8(&read(publisher)).unwrap();
    }
    let id = heard.split("{\"id\":\"").nth(1).and_then(|rest| rest.strip_suffix("\"}\n")).expect(&heard);
    assert_eq!(number_of(id), number);
}

fn hear(stream: &mut TcpStream, listener: &mut Listener) {
    listener.hear(&read(stream)).unwrap();
}

fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut octets = vec![0; 16 << 10];
    loop {
        match stream.read(&mut octets) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("{error}"),
            Ok(0) => panic!("the end of the stream"),
            Ok(count) => {
                octets.truncate(count);
                return octets;
            }
        }
    }
}

/// `VmRSS` of proc_pid_status(5).
fn resident_octets(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a living server");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().strip_suffix(" kB").and_then(|kib| kib.parse::<u64>().ok()).expect("a number of KiB") << 10
}

/// What all its threads have spent, in steps of a clock tick: utime and stime of proc_pid_stat(5).
fn cpu_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a living server");
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_secs(ticks) / sysconf(SysconfVar::CLK_TCK).unwrap().unwrap() as u32
}
