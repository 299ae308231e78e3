//! The life of a WebSocket beside what is said: time limits, pings, back-pressure, stopping, messages from others.

mod websocket_support;

use std::io::{IoSlice, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use iolab::limits::{LINGER, SEND_LOW_OCTETS, ServeLimits};
use iolab::models::simulated::{self, Ending, World};
use iolab::websocket::{
    CONTROL_OCTETS, Conversation, SILENT_SPANS, Socket, WebSocket, WebSocketLimits, binary_frame, close_code, text_frame,
};
use iolab::{Close, Common, Connection, ConnectionId, End, Event, Interest, Now, Peer, Protocol, Service, Time};

use websocket_support::{BINARY, CLOSE, Echoes, FIN, LAST, Log, PING, PONG, TEXT, client, closed, server};

const SEEDS: u64 = 200;
const SPAN: Duration = Duration::from_secs(10);
const PINGING: WebSocketLimits = WebSocketLimits { ping_every: Some(SPAN), ..LIMITS };
const LIMITS: WebSocketLimits =
    WebSocketLimits { message: 1 << 20, fragments: 16, close: Duration::from_secs(5), ping_every: None };
const STOPPING: &str = "the server is stopping";

fn at(seconds: u64) -> Now {
    Now { at: time(seconds), unix_seconds: 0 }
}

fn time(seconds: u64) -> Time {
    Time::from_nanos((1 + seconds) * 1_000_000_000)
}

/// Wants what it is told to want, does what its function says, and keeps a record.
struct Puppet {
    interest: Interest,
    does: Does,
    log: Log,
}

type Speaker<'a, 'cx> = Socket<'a, 'cx, String>;
type Does = fn(&mut Puppet, &str, &mut Speaker<'_, '_>);

impl Puppet {
    /// Listens, and does this whenever it hears something.
    fn new(does: Does) -> Puppet {
        let interest = Interest { peer: Peer::Bytes, ..Interest::default() };
        Puppet { interest, does, log: Log::default() }
    }

    fn heard(&mut self, entry: &str, socket: &mut Speaker<'_, '_>) {
        self.log.note(entry.into());
        (self.does)(self, entry, socket);
    }
}

impl Conversation for Puppet {
    type Message = String;

    fn text(&mut self, text: &str, socket: &mut Speaker<'_, '_>) {
        self.heard(text, socket);
    }

    fn binary(&mut self, octets: &[u8], socket: &mut Speaker<'_, '_>) {
        self.heard(&format!("{} octets", octets.len()), socket);
    }

    fn event(&mut self, event: Event<String>, socket: &mut Speaker<'_, '_>) {
        let entry = match event {
            Event::Message(_, message) => message,
            Event::Returned(_, message, why) => format!("{message} returned, {why:?}"),
            event => format!("{event:?}"),
        };
        self.heard(&entry, socket);
    }

    fn closing(&mut self, code: u16, reason: &str, socket: &mut Speaker<'_, '_>) {
        self.heard(&format!("closing {code} {reason}"), socket);
    }

    fn interest(&self) -> Interest {
        self.interest
    }
}

/// Accepted at second 0, and the record of what it has heard since it begun.
fn meet(puppet: Puppet, limits: WebSocketLimits) -> (Connection<WebSocket<Puppet>>, Log) {
    let log = puppet.log.clone();
    let common = Common::new(0, ServeLimits::default(), 0);
    let connection = Connection::accepted(WebSocket::new(puppet, limits), &common, at(0));
    assert_eq!(log.take(), ["Begun(Ok(()))"]);
    (connection, log)
}

/// What was said since the last look; the kernel takes it.
fn take<P: Protocol>(connection: &mut Connection<P>, now: Now) -> Vec<u8> {
    let mut octets = Vec::new();
    while connection.unsent() > 0 {
        let mut slices = [IoSlice::new(&[]); 16];
        let filled = connection.queue().slices(&mut slices);
        let before = octets.len();
        slices[..filled].iter().for_each(|slice| octets.extend_from_slice(slice));
        let count = octets.len() - before;
        connection.queue().sent(count);
        connection.sent(now);
    }
    octets
}

#[test]
fn a_peer_is_pinged_and_lives_as_long_as_it_says_anything() {
    let (mut connection, log) = meet(Puppet::new(|_, _, _| ()), PINGING);
    for second in 1..10 {
        connection.time(at(second));
        assert_eq!(connection.unsent(), 0);
    }
    for round in 1..21 {
        assert_eq!(connection.needs().deadline, Some(time(10 * round)));
        connection.time(at(10 * round));
        assert_eq!(take(&mut connection, at(10 * round)), server(PING, ""));
        match round % 3 {
            0 => connection.received(&client(PONG, ""), at(10 * round + 1)),
            1 => connection.received(&client(TEXT, "xyz")[..7], at(10 * round + 1)),
            _ => connection.received(&client(TEXT, "xyz")[7..], at(10 * round + 1)),
        }
        assert_eq!(connection.close(), None);
    }
    log.take();
    // This is no whole header: it is shown again and again, and that is no news.
    connection.received(&client(TEXT, "x")[..1], at(202));
    let silence = SILENT_SPANS * SPAN;
    let gone = 201 + silence.as_secs();
    for round in 21..24 {
        connection.time(at(10 * round));
        assert_eq!(take(&mut connection, at(10 * round)), server(PING, ""));
    }
    connection.time(at(gone - 1));
    assert_eq!((connection.close(), connection.needs().deadline), (None, Some(time(gone))));
    connection.time(at(gone));
    assert_eq!((connection.close(), connection.needs().end), (Some(Close::Aborted), Some(End::Reset)));
    assert_eq!(log.take(), ["closing 1006 ", "Closed(Aborted)"]);
}

#[test]
fn a_peer_that_is_not_listened_to_is_not_silent() {
    let mut puppet = Puppet::new(|puppet, heard, _| {
        if heard == "listen" {
            puppet.interest.peer = Peer::Bytes;
        }
    });
    puppet.interest = Interest { peer: Peer::Ignore, messages: true, ..Interest::default() };
    let (mut connection, _) = meet(puppet, PINGING);
    for round in 1..=10 {
        assert!(!connection.needs().read);
        connection.time(at(10 * round));
        assert_eq!(take(&mut connection, at(10 * round)), server(PING, ""));
    }
    tell(&mut connection, "listen", at(101));
    assert!(connection.needs().read);
    connection.time(at(110));
    connection.time(at(129));
    assert_eq!(connection.close(), None);
    connection.time(at(130));
    assert_eq!(connection.close(), Some(Close::Aborted), "three spans after it was last ignored");
}

#[test]
fn a_peer_that_has_much_to_take_is_neither_silent_nor_pinged() {
    let does: Does = |_, heard, socket| {
        if heard == "fill" {
            socket.binary(&vec![0; SEND_LOW_OCTETS]);
        }
    };
    let (mut connection, _) = meet(Puppet::new(does), WebSocketLimits { ping_every: Some(SPAN / 4), ..LIMITS });
    connection.received(&client(TEXT, "fill"), at(0));
    let unsent = connection.unsent();
    for second in 1..30 {
        connection.time(at(second));
        assert_eq!((connection.unsent(), connection.close()), (unsent, None), "second {second}");
    }
    connection.time(at(30));
    assert_eq!(connection.close(), Some(Close::Unheard), "that is for another limit to judge");
}

/// Somebody else of the server tells it something; what comes back of that.
fn tell(connection: &mut Connection<WebSocket<Puppet>>, what: &str, now: Now) -> Option<String> {
    struct Teller(ConnectionId, String);
    impl Protocol for Teller {
        type Message = String;
        fn receive(&mut self, _: &[u8], _: &mut iolab::Context<'_, String>) -> usize {
            0
        }
        fn event(&mut self, event: Event<String>, cx: &mut iolab::Context<'_, String>) {
            if let Event::Begun(_) = event {
                cx.message(self.0, self.1.clone());
            }
        }
        fn interest(&self) -> Option<Interest> {
            None
        }
    }
    let common = Common::new(1, ServeLimits::default(), 0);
    let mut teller = Connection::accepted(Teller(connection.id(), what.into()), &common, now);
    let letter = teller.take_mail().letters.remove(0);
    connection.deliver(letter, now).map(|_| what.into())
}

#[test]
fn deadlines_of_both_are_kept() {
    let mut puppet = Puppet::new(|puppet, heard, socket| {
        if heard == "Deadline" {
            socket.text("tick");
            puppet.interest.deadline = Some(socket.now() + Duration::from_secs(5));
        }
    });
    puppet.interest.deadline = Some(time(5));
    let (mut connection, log) = meet(puppet, PINGING);
    for second in 1..=20 {
        let due = connection.needs().deadline.expect("two of them");
        assert!(due >= time(second), "put off");
        connection.time(at(second));
        let said = take(&mut connection, at(second));
        assert_eq!(said.is_empty(), second % 5 != 0, "{second}");
    }
    assert_eq!(log.take(), ["Deadline"; 4]);
    // At second 10 and 20 both were due.
    connection.received(&client(PONG, ""), at(20));
    connection.time(at(30));
    assert_eq!(take(&mut connection, at(30)), b"\x89\x00\x81\x04tick", "a deadline missed is told once");
}

#[test]
fn a_deadline_is_told_to_whom_it_belongs() {
    let mut puppet = Puppet::new(|puppet, heard, _| {
        if heard == "Deadline" {
            puppet.interest.deadline = None;
        }
    });
    puppet.interest.deadline = Some(time(15));
    let (mut connection, log) = meet(puppet, PINGING);
    assert_eq!(connection.needs().deadline, Some(time(10)));
    connection.time(at(10));
    assert_eq!((take(&mut connection, at(10)), log.take()), (server(PING, ""), vec![]));
    assert_eq!(connection.needs().deadline, Some(time(15)));
    connection.time(at(15));
    assert_eq!((connection.unsent(), log.take(), connection.needs().deadline), (0, vec!["Deadline".into()], Some(time(20))));
}

#[test]
fn a_close_that_is_not_answered_is_waited_for_so_long() {
    let (mut connection, log) = meet(
        Puppet::new(|_, heard, socket| {
            if heard == "bye" {
                socket.close(4000, heard)
            }
        }),
        PINGING,
    );
    connection.received(&client(TEXT, "bye"), at(1));
    assert_eq!(take(&mut connection, at(1)), server(CLOSE, closed(4000, "bye")));
    assert_eq!(connection.needs().deadline, Some(time(6)));
    connection.received(&[client(TEXT, "late"), client(PING, "late")].concat(), at(5));
    connection.time(at(5));
    assert_eq!((log.take(), connection.unsent(), connection.needs().read), (vec!["bye".into()], 0, true));
    connection.time(at(6));
    assert_eq!(
        (log.take(), connection.needs().end),
        (vec!["closing 1006 ".into()], Some(End::Finish)),
        "no reset: it may be slow"
    );
}

#[test]
fn nothing_is_said_after_the_close() {
    let (mut connection, log) = meet(
        Puppet::new(|_, heard, socket| match heard {
            "bye" => {
                socket.close(1000, "");
                assert!(!socket.is_open());
                socket.text("a");
                socket.binary(b"b");
                socket.frame(text_frame("c"));
                socket.ping(b"d");
                socket.close(1001, "again");
            }
            _ => socket.text("e"),
        }),
        LIMITS,
    );
    assert_eq!(take(&mut connection, at(0)), server(TEXT, "e"));
    connection.received(&[client(TEXT, "bye"), client(PING, "")].concat(), at(1));
    connection.stopping(at(2));
    connection.received(&client(CLOSE, ""), at(3));
    assert_eq!(take(&mut connection, at(3)), server(CLOSE, closed(1000, "")));
    assert_eq!(log.take(), ["bye", "Stopping", "closing 1005 "]);
    assert_eq!(connection.needs().end, Some(End::Finish), "the server closes first");
}

#[test]
fn a_server_that_stops_closes() {
    let (mut connection, log) = meet(
        Puppet::new(|_, heard, socket| {
            if heard == "Stopping" {
                socket.text("soon")
            }
        }),
        LIMITS,
    );
    connection.received(&client(TEXT & !FIN, "within a mess"), at(1));
    connection.stopping(at(1));
    let said = [server(TEXT, "soon"), server(CLOSE, closed(1001, STOPPING))].concat();
    assert_eq!((take(&mut connection, at(1)), log.take()), (said, vec!["Stopping".into()]));
    connection.received(&[client(LAST, "age"), client(CLOSE, closed(1001, ""))].concat(), at(2));
    assert_eq!((log.take(), connection.needs().end), (vec!["closing 1001 ".into()], Some(End::Finish)));

    let own_words: Does = |_, heard, socket| {
        if heard == "Stopping" {
            socket.close(4001, "tomorrow")
        }
    };
    let (mut connection, _) = meet(Puppet::new(own_words), LIMITS);
    connection.stopping(at(1));
    assert_eq!(take(&mut connection, at(1)), server(CLOSE, closed(4001, "tomorrow")));
}

#[test]
fn of_a_flood_of_pings_the_latest_is_answered_once_there_is_room() {
    let (mut connection, log) = meet(Puppet::new(|_, _, _| ()), LIMITS);
    let ping = |number: u32| client(PING, number.to_be_bytes().repeat(31));
    let pong = |number: u32| server(PONG, number.to_be_bytes().repeat(31));
    let flood: Vec<u8> = (0..10_000).flat_map(ping).collect();
    for part in flood.chunks(60_000) {
        connection.received(part, at(1));
    }
    assert!(connection.needs().read, "who floods is still read, and what it says is bounded");
    let bound = SEND_LOW_OCTETS + CONTROL_OCTETS + 2;
    assert!(connection.unsent() < bound, "{} octets are unsent", connection.unsent());
    let answered = connection.unsent() / pong(0).len();
    let expected: Vec<u8> = (0..answered as u32).chain([9_999]).flat_map(pong).collect();
    assert_eq!(take(&mut connection, at(2)), expected);
    connection.received(&ping(7), at(2));
    assert_eq!((take(&mut connection, at(2)), log.take()), (pong(7), vec![]), "and no room is told that was not asked for");
}

#[test]
fn a_pong_that_is_owed_does_not_follow_a_close() {
    let (mut connection, _) = meet(
        Puppet::new(|_, heard, socket| {
            if heard == "bye" {
                socket.close(1000, "")
            }
        }),
        LIMITS,
    );
    let flood: Vec<u8> = (0..1000).flat_map(|_| client(PING, [0; 100])).collect();
    connection.received(&flood, at(1));
    connection.received(&client(TEXT, "bye"), at(1));
    assert!(take(&mut connection, at(1)).ends_with(&[server(PONG, [0; 100]), server(CLOSE, closed(1000, ""))].concat()));
}

#[test]
fn a_frame_is_shared_and_a_message_that_comes_whole_is_not_kept() {
    let shared: Bytes = binary_frame(&[7; 5000]);
    static SENT: std::sync::OnceLock<Bytes> = std::sync::OnceLock::new();
    SENT.set(shared.clone()).unwrap();
    let does: Does = |_, heard, socket| {
        if heard == "65536 octets" {
            socket.frame(SENT.get().unwrap().clone());
        }
    };
    let (mut one, _) = meet(Puppet::new(does), LIMITS);
    let (mut two, _) = meet(Puppet::new(does), LIMITS);
    for connection in [&mut one, &mut two] {
        connection.received(&client(BINARY, [1; 65_536]), at(1));
        let mut slices = [IoSlice::new(&[]); 16];
        let filled = connection.queue().slices(&mut slices);
        assert_eq!((filled, slices[0].as_ptr(), slices[0].len()), (1, shared.as_ptr(), shared.len()));
        assert_eq!((connection.octets_copied(), connection.unconsumed()), (0, 0));
    }
}

#[test]
fn who_ignores_its_peer_is_told_nothing_of_it_but_that_it_has_gone() {
    let mut puppet = Puppet::new(|_, _, _| ());
    puppet.interest = Interest { peer: Peer::HangUp, messages: true, ..Interest::default() };
    let (mut connection, log) = meet(puppet, LIMITS);
    assert!(!connection.needs().read && connection.needs().hang_up);
    connection.hung_up(at(1));
    assert_eq!(log.take(), ["HangUp", "closing 1006 "]);
    assert_eq!(connection.needs().end, Some(End::Finish));

    // One that listens after all hears it out.
    let mut puppet = Puppet::new(|puppet, heard, _| {
        if heard == "HangUp" {
            puppet.interest.peer = Peer::Bytes
        }
    });
    puppet.interest = Interest { peer: Peer::HangUp, messages: true, ..Interest::default() };
    let (mut connection, log) = meet(puppet, LIMITS);
    connection.hung_up(at(1));
    connection.received(&client(TEXT, "last words"), at(1));
    connection.received(&client(CLOSE, closed(1000, "")), at(1));
    assert_eq!(log.take(), ["HangUp", "last words", "closing 1000 "]);
}

#[test]
fn messages_are_told_until_it_closes_and_go_back_then() {
    let mut puppet = Puppet::new(|_, heard, socket| match heard {
        "news" => socket.text(heard),
        "enough" => socket.close(1000, ""),
        _ => {}
    });
    puppet.interest.messages = true;
    let (mut connection, log) = meet(puppet, LIMITS);
    assert_eq!(tell(&mut connection, "news", at(1)), None);
    assert_eq!(tell(&mut connection, "enough", at(1)), None);
    assert_eq!(tell(&mut connection, "more", at(1)), None, "it waits, in vain");
    assert_eq!(take(&mut connection, at(1)), [server(TEXT, "news"), server(CLOSE, closed(1000, ""))].concat());
    connection.received(&client(CLOSE, ""), at(2));
    assert_eq!(connection.take_mail().letters.len(), 1, "back to its sender");
    assert_eq!(log.take(), ["news", "enough", "closing 1005 "]);
    assert_eq!(tell(&mut connection, "too late", at(3)), Some("too late".into()));
}

#[test]
fn closing_is_told_before_the_end_whatever_it_is() {
    type Ends = fn(&mut Connection<WebSocket<Puppet>>);
    let ends: [(Ends, &str); 4] = [
        (|connection| connection.failed(at(1)), "Closed(Failed)"),
        (|connection| connection.drained(at(1)), "Closed(Drained)"),
        (|connection| connection.received(&client(TEXT, "abort"), at(1)), "Closed(Aborted)"),
        (|connection| connection.time(at(1000)), "Closed(Unheard)"),
    ];
    for (end, closed) in ends {
        let does: Does = |_, heard, socket| match heard {
            "abort" => socket.context().abort(),
            _ => socket.text("unheard"),
        };
        let (mut connection, log) = meet(Puppet::new(does), LIMITS);
        end(&mut connection);
        let heard = log.take();
        assert_eq!(heard[heard.len() - 2..], ["closing 1006 ", closed]);
    }
}

#[test]
fn room_is_told_to_who_wants_it() {
    let puppet = Puppet::new(|puppet, heard, socket| {
        puppet.interest.room = heard == "fill";
        if heard == "fill" {
            socket.binary(&vec![0; SEND_LOW_OCTETS]);
        }
    });
    let (mut connection, log) = meet(puppet, LIMITS);
    connection.received(&client(TEXT, "fill"), at(1));
    connection.received(&client(PING, "x"), at(1));
    assert_eq!(log.take(), ["fill"]);
    assert!(take(&mut connection, at(1)).ends_with(&server(PONG, "x")));
    assert_eq!(log.take(), ["Room"], "once, for both of them");
}

/// Wherever the server begins to stop, what it says is whole frames, and a close is the last.
#[test]
fn a_stop_at_any_moment_cuts_no_frame() {
    let service = Echoes::default();
    let (echo, text) = (server(TEXT, "hello"), client(TEXT, "hello"));
    let last = server(CLOSE, closed(close_code::GOING_AWAY, STOPPING));
    for heard_before in (0..6 * echo.len()).step_by(5) {
        for seed in 0..SEEDS {
            let mut peer = simulated::Conversation::seeded(&service, seed).expect("nobody is turned away");
            peer.say(&text.repeat(6));
            let mut octets = vec![0; heard_before];
            peer.read_exact(&mut octets).unwrap();
            peer.stop(Duration::from_secs(10));
            peer.read_to_end(&mut octets).unwrap();
            let rest =
                octets.strip_suffix(&last[..]).unwrap_or_else(|| panic!("seed {seed}: no close: {}", octets.escape_ascii()));
            assert!(rest.len() % echo.len() == 0 && rest == echo.repeat(rest.len() / echo.len()), "seed {seed}");
            assert_eq!(peer.ending(), Some(Ending::Finished));
            peer.pass(LINGER * 2);
            peer.check().unwrap();
        }
    }
}

/// Everybody hears what anybody says: one frame for all.
#[test]
fn what_one_says_all_hear() {
    struct Room;
    struct Member;
    #[derive(Clone)]
    enum News {
        Come,
        Said(Bytes),
    }
    impl Conversation for Member {
        type Message = News;
        fn text(&mut self, text: &str, socket: &mut Socket<'_, '_, News>) {
            socket.context().message(ConnectionId::FOUNDER, News::Said(text_frame(text)));
        }
        fn binary(&mut self, _: &[u8], socket: &mut Socket<'_, '_, News>) {
            socket.close(close_code::UNSUPPORTED, "text only");
        }
        fn event(&mut self, event: Event<News>, socket: &mut Socket<'_, '_, News>) {
            match event {
                Event::Begun(_) => socket.context().message(ConnectionId::FOUNDER, News::Come),
                Event::Message(_, News::Said(frame)) => socket.frame(frame),
                _ => {}
            }
        }
    }
    #[derive(Default)]
    struct Host {
        members: Vec<ConnectionId>,
        is_over: bool,
    }
    impl Protocol for Host {
        type Message = News;
        fn receive(&mut self, _: &[u8], _: &mut iolab::Context<'_, News>) -> usize {
            0
        }
        fn event(&mut self, event: Event<News>, cx: &mut iolab::Context<'_, News>) {
            match event {
                Event::Message(member, News::Come) => self.members.push(member),
                Event::Message(_, said) => self.members.iter().for_each(|member| cx.message(*member, said.clone())),
                Event::Stopping => self.is_over = true,
                _ => {}
            }
        }
        fn interest(&self) -> Option<Interest> {
            (!self.is_over).then(|| Interest { messages: true, ..Interest::default() })
        }
    }
    impl Service for Room {
        type Protocol = iolab::Either<WebSocket<Member>, Host>;
        fn accept(&self, _: Now) -> Option<Self::Protocol> {
            Some(iolab::Either::Left(WebSocket::new(Member, LIMITS)))
        }
        fn grow(&self, _: News, _: Now) -> Result<Self::Protocol, News> {
            Ok(iolab::Either::Right(Host::default()))
        }
        fn founder(&self) -> Option<News> {
            Some(News::Come)
        }
    }
    let room = Arc::new(Room);
    for seed in 0..SEEDS {
        let mut world = World::seeded(&*room, seed);
        let peers = [world.connect(), world.connect(), world.connect()];
        world.pass(Duration::ZERO);
        peers.iter().for_each(|&peer| world.say(peer, &client(TEXT, format!("I am {peer}"))));
        world.pass(Duration::ZERO);
        world.stop(Duration::from_secs(10));
        let hear = |world: &mut World<'_, Room>, peer| {
            let (mut heard, mut octets) = (Vec::new(), [0; 64]);
            while let count @ 1.. = world.read(peer, &mut octets).unwrap() {
                heard.extend_from_slice(&octets[..count]);
            }
            heard
        };
        let heard = peers.map(|peer| hear(&mut world, peer));
        assert_eq!((&heard[0], &heard[1]), (&heard[1], &heard[2]), "seed {seed}: in the same order");
        assert!(heard[0].ends_with(&server(CLOSE, closed(1001, STOPPING))));
        for peer in peers {
            let said = server(TEXT, format!("I am {peer}"));
            assert!(heard[0].windows(said.len()).any(|part| part == said), "seed {seed}: {peer} was heard");
        }
    }
}
