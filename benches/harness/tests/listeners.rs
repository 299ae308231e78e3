//! Listeners before a feed that is honest, and before feeds that lose an event, tell it twice, or in another order: in each way the
//! first is counted, and the others are refused.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use harness::listeners::{Audience, Heard, Pace, Way};
use harness::load::{Edge, Plan};

const WAYS: [Way; 5] = [
    Way::ShortPoll { every: Duration::from_millis(5) },
    Way::LongPoll { wait: Duration::from_secs(5) },
    Way::Stream,
    Way::Lines,
    Way::WebSocket,
];

const PLAN: Plan = Plan { warm_up: Duration::from_millis(20), window: Duration::from_millis(60) };
const PACE: Pace = Pace { rate: 200.0, burst: 1, text: 40 };

/// What a feed does with its fourth event, or what else it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Loses,
    Doubles,
    /// The fifth comes before it.
    Swaps,
    /// Says something else.
    Alters,
    /// Hangs up on whoever was to hear it.
    HangsUp,
    /// Has forgotten all before it.
    Forgets,
}

/// A feed with a thread for each connection.
struct Feed {
    log: Mutex<Log>,
    grown: Condvar,
    fault: Fault,
}

#[derive(Default)]
struct Log {
    /// As the listeners are told.
    told: Vec<String>,
    published: usize,
    held_back: Option<String>,
}

impl Feed {
    fn serve(fault: Fault) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let feed = Arc::new(Feed { log: Mutex::default(), grown: Condvar::new(), fault });
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (feed, stream) = (Arc::clone(&feed), stream?);
                thread::spawn(move || feed.converse(&stream));
            }
            Ok::<_, io::Error>(())
        });
        address
    }

    fn publish(&self, text: &str) -> String {
        let mut log = self.log.lock().unwrap();
        log.published += 1;
        let number = log.published;
        let event = format!("{{\"id\":\"7-{number}\",\"text\":\"{text}\"}}");
        match self.fault {
            Fault::Loses if number == 4 => {}
            Fault::Doubles if number == 4 => log.told.extend([event.clone(), event]),
            Fault::Swaps if number == 4 => log.held_back = Some(event),
            Fault::Alters if number == 4 => log.told.push(event.replace("t=", "t=1")),
            _ => log.told.push(event),
        }
        if number > 4 {
            let late = log.held_back.take();
            log.told.extend(late);
        }
        self.grown.notify_all();
        format!("7-{number}")
    }

    /// What follows this place, once there is something or the time is over. `None` if it hangs up.
    fn after(&self, place: usize, wait: Duration) -> Option<Vec<String>> {
        let log = self.log.lock().unwrap();
        let (log, _) = self.grown.wait_timeout_while(log, wait, |log| log.told.len() <= place).unwrap();
        let hangs_up = self.fault == Fault::HangsUp && log.told.len() > 3;
        (!hangs_up).then(|| log.told[place.min(log.told.len())..].to_vec())
    }

    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut input = BufReader::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if input.read_line(&mut head)? == 0 {
                    return Ok(());
                }
            }
            let target = head.split(' ').nth(1).unwrap_or_default();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            let after = parameter("after").and_then(|id| id.rsplit('-').next()?.parse::<usize>().ok());
            match path {
                "/publish" => {
                    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap_or("0");
                    let mut body = vec![0; length.parse().unwrap()];
                    input.read_exact(&mut body)?;
                    let id = self.publish(std::str::from_utf8(&body).unwrap());
                    answer(stream, "201 Created", &format!("{{\"id\":\"{id}\"}}"))?;
                }
                "/events" => {
                    let wait = Duration::from_millis(parameter("wait").map_or(0, |wait| wait.parse().unwrap()));
                    let place = after.unwrap_or_else(|| self.log.lock().unwrap().told.len());
                    let Some(events) = self.after(place, wait) else { return Ok(()) };
                    if events.is_empty() && after.is_some() {
                        write(stream, "HTTP/1.1 204 No Content\r\n\r\n")?;
                        continue;
                    }
                    let (events, next) = (events.join(","), place + events.len());
                    let resync = self.fault == Fault::Forgets && next > 3;
                    answer(stream, "200 OK", &format!("{{\"events\":[{events}],\"next\":\"7-{next}\",\"resync\":{resync}}}"))?;
                }
                _ => return self.stream(stream, path, after.unwrap_or(0)),
            }
        }
    }

    fn stream(&self, stream: &TcpStream, path: &str, mut place: usize) -> io::Result<()> {
        let head = match path {
            "/stream" => {
                "200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nd\r\nretry: 2000\n\n\r\n"
            }
            "/lines" => "200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
            _ => "101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        };
        write(stream, &format!("HTTP/1.1 {head}"))?;
        loop {
            let Some(events) = self.after(place, Duration::from_secs(10)) else { return Ok(()) };
            for event in events {
                place += 1;
                let forgets = self.fault == Fault::Forgets && place > 3;
                let id = event.split('"').nth(3).unwrap_or_default();
                let octets = match path {
                    "/stream" if forgets => chunk("event: resync\ndata: {\"oldest\":\"7-9\"}\n\n"),
                    // In two chunks, and a comment.
                    "/stream" => chunk(&format!(": \n\nid: {id}\ndata: ")) + &chunk(&format!("{event}\n\n")),
                    "/lines" if forgets => chunk("{\"resync\":\"7-9\"}\n"),
                    "/lines" => chunk(&format!("\n{event}\n")),
                    _ if forgets => frame(1 | 0x80, "{\"resync\":\"7-9\"}"),
                    // A ping between two fragments.
                    _ => frame(1, &event[..9]) + &frame(9 | 0x80, "hm?") + &frame(0x80, &event[9..]),
                };
                let octets: Vec<u8> = octets.chars().map(|octet| octet as u8).collect();
                // Cut anywhere.
                for piece in octets.chunks(29) {
                    { stream }.write_all(piece)?;
                }
            }
        }
    }
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// Each character is one octet.
fn frame(first: u8, payload: &str) -> String {
    assert!(payload.len() < 126);
    format!("{}{}{payload}", char::from(first), char::from(payload.len() as u8))
}

fn answer(stream: &TcpStream, status: &str, body: &str) -> io::Result<()> {
    write(stream, &format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

fn write(mut stream: &TcpStream, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())
}

fn listen(way: Way, fault: Fault) -> io::Result<Heard> {
    Audience::gather(Feed::serve(fault), way, 3)?.run(PLAN, PACE, &mut |_: Edge| {})
}

#[test]
fn each_listener_hears_each_event_once_in_every_way() {
    for way in WAYS {
        let heard = listen(way, Fault::None).unwrap_or_else(|error| panic!("{way:?}: {error}"));
        let (window, all) = (heard.counts, heard.counts_in_all);
        assert!(all.deliveries >= 6 && all.deliveries.is_multiple_of(3), "{way:?}: {all:?}");
        assert!(window.deliveries > 0 && window.deliveries <= all.deliveries, "{way:?}: {window:?}");
        assert!(all.received > 40 * all.deliveries, "{way:?}: {all:?}");
        // Published in the window: about 12 of 16, whatever has been heard by its end.
        assert!(heard.latency.len() >= 3 && heard.latency.len().is_multiple_of(3), "{way:?}: {}", heard.latency.len());
        assert!(heard.busy <= heard.elapsed && heard.elapsed >= PLAN.window);
        match way {
            Way::ShortPoll { .. } => assert!(all.requests >= 6, "{all:?}"),
            // The first poll is said before the run.
            Way::LongPoll { .. } => assert!(all.requests <= all.deliveries, "no answer is empty: {all:?}"),
            Way::Stream | Way::Lines => assert_eq!((all.requests, all.sent), (0, 0)),
            Way::WebSocket => assert_eq!((all.requests, all.sent), (0, 9 * all.deliveries), "pongs of nine octets"),
        }
    }
}

#[test]
fn an_event_that_is_lost_doubled_late_or_altered_fails_the_run_in_every_way() {
    let faults = [
        (Fault::Loses, "event 5 came after 3: what is between them is lost, or late"),
        (Fault::Doubles, "event 4 came again, or late: 4 was there before it"),
        (Fault::Swaps, "event 5 came after 3: what is between them is lost, or late"),
        (Fault::Alters, "event 4 has another text than was published"),
        (Fault::HangsUp, "the server hung up"),
        (Fault::Forgets, "the server has forgotten events before the listener heard them (resync)"),
    ];
    for (way, (fault, why)) in WAYS.into_iter().flat_map(|way| faults.map(|fault| (way, fault))) {
        let error = listen(way, fault).err().unwrap_or_else(|| panic!("{way:?} did not see that the feed {fault:?}"));
        let told = error.to_string();
        let told = told.split_once(": ").map_or("", |(_, told)| told);
        assert!(told.starts_with(why), "{way:?}, {fault:?}: {told}");
    }
}

#[test]
fn bursts_are_published_at_one_time() {
    let pace = Pace { rate: 100.0, burst: 10, text: 0 };
    let mut audience = Audience::gather(Feed::serve(Fault::None), Way::Stream, 2).unwrap();
    let plan = Plan { warm_up: Duration::ZERO, window: Duration::from_millis(150) };
    let heard = audience.run(plan, pace, &mut |_| {}).unwrap();
    assert!(heard.counts_in_all.deliveries.is_multiple_of(20), "{heard:?}");
}

#[test]
fn an_audience_grows_and_one_event_reaches_all() {
    for way in WAYS {
        let mut audience = Audience::gather(Feed::serve(Fault::None), way, 2).unwrap();
        audience.fan_out().unwrap();
        audience.grow(5).unwrap();
        assert_eq!(audience.listeners(), 7);
        if matches!(way, Way::ShortPoll { .. }) {
            continue;
        }
        let began = Instant::now();
        let reached = audience.fan_out().unwrap();
        assert!(reached.first <= reached.last && reached.last <= began.elapsed(), "{way:?}: {reached:?}");
        audience.listen(Duration::from_millis(1)).unwrap();
        audience.fan_out().unwrap();
    }
}
