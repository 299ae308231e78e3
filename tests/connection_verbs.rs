//! The rules of the verbs: messages, births, hang-ups, half-closes, files, bounds and panics, each on puppets.

mod connection_support;

use std::io;
use std::time::Duration;

use bytes::Bytes;
use connection_support::{BYTES, GRACE, Log, MESSAGES, Message, NOTHING, NOW, Puppet, at, common, due, kernel_takes, unsent};
use iolab::limits::{FILE_OPERATIONS, LINGER, MAILBOX_MESSAGES, SEND_LIMIT_OCTETS};
use iolab::{
    Close, Connection, Context, End, Event, FileDone, FileOp, FileRequest, Interest, Letter, Mail, Peer, SendQueue, Why,
};

const HANG_UP: Interest = Interest { peer: Peer::HangUp, ..NOTHING };

const SECOND: Duration = Duration::from_secs(1);

type Cx<'a> = Context<'a, Message>;

/// Tells its friend each octet it hears.
fn tell_octets(puppet: &mut Puppet, input: &[u8], cx: &mut Cx<'_>) -> usize {
    for &octet in input {
        cx.message(puppet.friend.expect("a friend"), char::from(octet).to_string());
    }
    input.len()
}

/// Two on one server, of whom the first tells the second the octets it hears.
fn two(second: Puppet) -> (Connection<Puppet>, Connection<Puppet>, [Log; 2]) {
    let common = common();
    let (second, its_log) = second.connect_to(&common);
    let first = Puppet { receive: tell_octets, friend: Some(second.id()), ..Puppet::wants(BYTES) };
    let (first, log) = first.connect_to(&common);
    (first, second, [log, its_log])
}

fn letters(connection: &mut Connection<Puppet>) -> Vec<Letter<Message>> {
    connection.take_mail().letters
}

/// Takes what one has for the other; what comes back is delivered to the first.
fn deliver(from: &mut Connection<Puppet>, to: &mut Connection<Puppet>) {
    for letter in letters(from) {
        assert_eq!((letter.from(), letter.to()), (from.id(), to.id()));
        if let Some(returned) = to.deliver(letter, NOW) {
            assert!(from.deliver(returned, NOW).is_none(), "a letter goes back once at most");
        }
    }
}

// The beginning and the end.

#[test]
fn the_beginning_is_told_first_and_the_end_last_and_each_once() {
    let common = common();
    let accepted = |puppet: Puppet| puppet.connect_to(&common);
    let spawned = |puppet: Puppet| born(puppet, false);
    let connected = |puppet: Puppet| {
        let (mut connection, log) = born(puppet, true);
        assert_eq!(log.whole(), [""; 0]);
        connection.connected(Ok(()), NOW);
        (connection, log)
    };
    type Make<'a> = &'a dyn Fn(Puppet) -> (Connection<Puppet>, Log);
    let makes: [Make; 3] = [&accepted, &spawned, &connected];
    for make in makes {
        type End = fn(&mut Connection<Puppet>);
        let ends: [(End, Close); 3] = [
            (|connection| connection.closed(NOW), Close::Done),
            (|connection| connection.failed(NOW), Close::Failed),
            (|connection| connection.drained(NOW), Close::Drained),
        ];
        for (end, close) in ends {
            let (mut connection, log) = make(Puppet::wants(MESSAGES));
            end(&mut connection);
            connection.stopping(NOW);
            connection.received(b"late", NOW);
            connection.peer_finished(NOW);
            connection.hung_up(NOW);
            connection.connected(Ok(()), NOW);
            connection.failed(NOW);
            connection.closed(NOW);
            assert_eq!(
                (log.whole(), connection.close()),
                (vec!["Begun(Ok(()))".into(), format!("Closed({close:?})")], Some(close))
            );
        }
    }
}

/// One that was spawned, or is to be connected.
fn born(puppet: Puppet, to_be_connected: bool) -> (Connection<Puppet>, Log) {
    let spawn = |_: &mut Puppet, _: &Event<Message>, cx: &mut Cx<'_>| _ = cx.spawn(String::new());
    let common = common();
    let (mut parent, _) = Puppet { life: spawn, ..Puppet::wants(BYTES) }.connect_to(&common);
    let births = parent.take_mail().births;
    let log = puppet.log.clone();
    (Connection::born(puppet, births[0].id(), to_be_connected, &common, NOW), log)
}

#[test]
fn whoever_has_said_all_is_told_the_end_when_it_is_closed() {
    let (mut connection, log) = Puppet::wants(None).connect();
    connection.finished(NOW);
    connection.peer_finished(NOW);
    assert_eq!(log.whole(), ["Begun(Ok(()))", "Closed(Done)"], "it does not listen any more");

    let aborts = |_: &mut Puppet, _: &[u8], cx: &mut Cx<'_>| {
        cx.abort();
        0
    };
    let (mut connection, log) = Puppet { receive: aborts, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"x", NOW);
    assert_eq!(log.whole(), ["Begun(Ok(()))", "x", "Closed(Aborted)"]);
    assert_eq!(connection.needs().end, Some(End::Reset));
}

#[test]
fn last_words_to_others_may_be_said_at_the_end() {
    let (_, mut second, [_, its_log]) = two(Puppet::wants(MESSAGES));
    let life = |puppet: &mut Puppet, event: &Event<Message>, cx: &mut Cx<'_>| {
        if let Event::Closed(_) = event {
            cx.message(puppet.friend.unwrap(), "farewell".into());
            cx.file(FileOp::Unlink { path: "x".into() });
            cx.write(b"lost");
        }
    };
    let (mut connection, _) = Puppet { life, friend: Some(second.id()), ..Puppet::wants(BYTES) }.connect();
    connection.failed(NOW);
    assert!(second.deliver(letters(&mut connection).remove(0), NOW).is_none());
    assert_eq!(its_log.take(), ["Message farewell"]);
    assert!(!connection.has_files() && connection.queue().unsent() == 0, "nobody would hear of it");
}

// Being connected.

#[test]
fn while_connecting_only_time_and_the_shutdown_are_told() {
    let common = common();
    let moves_on = |puppet: &mut Puppet, event: &Event<Message>, _: &mut Cx<'_>| match event {
        Event::Deadline => puppet.interest = Some(Interest { deadline: None, ..puppet.interest.unwrap() }),
        Event::Message(..) => puppet.interest = Some(BYTES),
        _ => {}
    };
    let wants = Interest { messages: true, room: true, deadline: due(SECOND), ..BYTES };
    let (mut connection, log) = born(Puppet { event: moves_on, ..Puppet::wants(wants) }, true);
    let (mut other, _) =
        Puppet { receive: tell_octets, friend: Some(connection.id()), ..Puppet::wants(BYTES) }.connect_to(&common);
    other.received(b"12", NOW);
    deliver(&mut other, &mut connection);
    let needs = connection.needs();
    assert_eq!((needs.read, needs.write, needs.hang_up, needs.deadline, needs.end), (false, false, false, due(SECOND), None));
    connection.stopping(NOW);
    connection.time(at(SECOND));
    assert_eq!(log.whole(), ["Stopping", "Deadline"]);
    connection.connected(Ok(()), at(SECOND));
    assert_eq!(log.whole(), ["Begun(Ok(()))", "Room", "Message 1"], "and then it wants no more of them");
    assert!(connection.needs().read);
}

#[test]
fn a_connection_that_cannot_be_made_leaves_a_protocol_without_a_peer() {
    let speaks = |puppet: &mut Puppet, event: &Event<Message>, cx: &mut Cx<'_>| {
        if let Event::Begun(Err(_)) = event {
            cx.write(b"to nobody");
            puppet.interest = Some(MESSAGES);
        }
    };
    let hello = |_: &mut Puppet, _: &Event<Message>, cx: &mut Cx<'_>| cx.write(b"hello");
    let (mut connection, log) = born(Puppet { life: speaks, event: hello, ..Puppet::wants(BYTES) }, true);
    connection.stopping(NOW);
    assert_eq!(connection.queue().unsent(), 5, "what is said early goes out once there is somebody");
    connection.connected(Err(io::ErrorKind::ConnectionRefused.into()), NOW);
    assert_eq!(log.whole(), ["Stopping", "Begun(Err(Kind(ConnectionRefused)))"]);
    let needs = connection.needs();
    assert_eq!((connection.queue().unsent(), needs.write, needs.deadline, connection.close()), (0, false, None, None));
    connection.time(at(GRACE * 2));
    assert_eq!(connection.close(), None, "there is no peer to be impatient with");
}

#[test]
fn whoever_does_not_want_its_connection_any_more_ends_before_it_is_there() {
    let gives_up = |puppet: &mut Puppet, _: &Event<Message>, cx: &mut Cx<'_>| {
        cx.write(b"never mind");
        puppet.interest = None;
    };
    let limit = Interest { deadline: due(SECOND), ..BYTES };
    let (mut connection, log) = born(Puppet { event: gives_up, ..Puppet::wants(limit) }, true);
    connection.time(at(SECOND));
    assert_eq!(connection.needs().end, Some(End::Close));
    connection.connected(Ok(()), at(SECOND));
    connection.closed(at(SECOND));
    assert_eq!(log.whole(), ["Deadline", "Closed(Done)"]);
}

#[test]
fn patience_with_a_peer_begins_when_it_is_there() {
    let speaks = |_: &mut Puppet, _: &Event<Message>, cx: &mut Cx<'_>| cx.write(b"hello");
    let (mut connection, _) = born(Puppet { event: speaks, ..Puppet::wants(BYTES) }, true);
    connection.stopping(NOW);
    assert_eq!(connection.needs().deadline, None);
    connection.time(at(GRACE * 2));
    connection.connected(Ok(()), at(GRACE * 2));
    assert_eq!((connection.needs().deadline, connection.needs().write), (due(GRACE * 3), true));
}

// Messages.

#[test]
fn messages_are_told_in_their_order_to_who_wants_them() {
    let (mut first, mut second, [_, its_log]) = two(Puppet::wants(Interest { messages: true, ..BYTES }));
    first.received(b"123", NOW);
    deliver(&mut first, &mut second);
    assert_eq!(its_log.take(), ["Message 1", "Message 2", "Message 3"]);
}

#[test]
fn messages_wait_until_they_are_wanted_and_keep_their_order() {
    // It hears one message for each octet.
    let event = |puppet: &mut Puppet, _: &Event<Message>, _: &mut Cx<'_>| puppet.interest = Some(BYTES);
    let receive = |puppet: &mut Puppet, _: &[u8], _: &mut Cx<'_>| {
        puppet.interest = Some(Interest { messages: true, ..BYTES });
        1
    };
    let (mut first, mut second, [log, its_log]) = two(Puppet { event, receive, ..Puppet::wants(BYTES) });
    first.received(b"123", NOW);
    deliver(&mut first, &mut second);
    assert_eq!(its_log.take(), [""; 0]);
    second.received(b"x", NOW);
    assert_eq!(its_log.take(), ["x", "Message 1"]);
    first.received(b"4", NOW);
    deliver(&mut first, &mut second);
    second.received(b"x", NOW);
    second.received(b"x", NOW);
    second.received(b"x", NOW);
    assert_eq!(its_log.take(), ["x", "Message 2", "x", "Message 3", "x", "Message 4"]);
    assert_eq!(log.take(), ["123", "4"], "nothing came back");
}

#[test]
fn a_full_mailbox_returns_what_comes_and_keeps_what_came() {
    let (mut first, mut second, [log, its_log]) = two(Puppet::wants(BYTES));
    first.received(&vec![b'm'; MAILBOX_MESSAGES], NOW);
    deliver(&mut first, &mut second);
    log.take();
    first.received(b"z", NOW);
    deliver(&mut first, &mut second);
    assert_eq!(log.take(), ["z", "Returned z Full"], "though it does not want messages: this is an answer");
    second.closed(NOW);
    let returned = letters(&mut second);
    assert_eq!(returned.len(), MAILBOX_MESSAGES);
    for letter in returned {
        assert!(first.deliver(letter, NOW).is_none());
    }
    assert_eq!(log.take(), vec!["Returned m Gone"; MAILBOX_MESSAGES]);
    assert_eq!(its_log.take(), [""; 0]);
}

#[test]
fn what_comes_after_the_last_word_goes_back() {
    let quits = |puppet: &mut Puppet, input: &[u8], cx: &mut Cx<'_>| {
        cx.write(b"bye");
        puppet.interest = None;
        input.len()
    };
    let (mut first, mut second, [log, _]) = two(Puppet { receive: quits, ..Puppet::wants(BYTES) });
    first.received(b"1", NOW);
    deliver(&mut first, &mut second);
    second.received(b"x", NOW);
    for letter in letters(&mut second) {
        assert!(first.deliver(letter, NOW).is_none());
    }
    assert_eq!(log.take(), ["1", "Returned 1 Gone"], "at once, and not when its last word is out");
    first.received(b"2", NOW);
    deliver(&mut first, &mut second);
    assert_eq!(log.take(), ["2", "Returned 2 Gone"]);
    kernel_takes(&mut second, 3);
    second.finished(NOW);
    first.received(b"3", NOW);
    deliver(&mut first, &mut second);
    assert_eq!(log.take(), ["3", "Returned 3 Gone"], "while the peer is heard out");
}

#[test]
fn a_letter_that_finds_nobody_to_go_back_to_is_dropped() {
    let (mut first, mut second, _) = two(Puppet::wants(BYTES));
    first.received(b"1", NOW);
    first.failed(NOW);
    second.failed(NOW);
    let returned = second.deliver(letters(&mut first).remove(0), NOW).expect("it has ended");
    assert_eq!((returned.to(), returned.from()), (first.id(), second.id()));
    assert!(first.deliver(returned, NOW).is_none());
}

#[test]
fn whoever_waits_for_messages_alone_is_not_stuck() {
    let (connection, _) = born(Puppet::wants(MESSAGES), false);
    assert_eq!((connection.close(), connection.needs().end), (None, None));
    let (connection, _) = born(Puppet::wants(BYTES), false);
    assert_eq!(connection.close(), Some(Close::Stuck), "it has no peer");
    let (connection, _) = born(Puppet::wants(HANG_UP), false);
    assert_eq!(connection.close(), Some(Close::Stuck), "and none that could hang up");
}

// Births.

#[test]
fn births_come_before_letters_and_a_refused_one_gives_its_seed_back() {
    let common = common();
    let bears = |_: &mut Puppet, event: &Event<Message>, cx: &mut Cx<'_>| {
        if let Event::Begun(_) = event {
            let job = cx.spawn("job".into());
            cx.message(job, "hello".into());
            cx.connect("127.0.0.1:9".parse().unwrap(), "out".into());
        }
    };
    let (mut parent, log) = Puppet { life: bears, ..Puppet::wants(BYTES) }.connect_to(&common);
    let Mail { births, letters } = parent.take_mail();
    assert!(!parent.has_mail());
    let [job, out] = births.try_into().expect("two");
    assert_eq!((job.address(), out.address()), (None, Some("127.0.0.1:9".parse().unwrap())));
    assert!(job.id() != out.id() && job.id() != parent.id(), "names of their own");

    let mut child = Connection::born(Puppet::wants(MESSAGES), job.id(), false, &common, NOW);
    assert_eq!(job.into_seed(), "job");
    for letter in letters {
        assert_eq!(letter.to(), child.id(), "it may be told something before it is there");
        assert!(child.deliver(letter, NOW).is_none());
    }
    assert!(parent.deliver(out.refused(Why::Gone), NOW).is_none());
    assert_eq!(log.take(), ["Returned out Gone"]);
}

#[test]
fn a_spawned_one_has_deadlines_and_no_voice() {
    let event = |puppet: &mut Puppet, event: &Event<Message>, cx: &mut Cx<'_>| {
        cx.write(b"nobody hears this");
        cx.finish();
        if let Event::Deadline = event {
            puppet.interest = None;
        }
    };
    let (mut job, log) = born(Puppet { event, ..Puppet::wants(Interest { deadline: due(SECOND), ..NOTHING }) }, false);
    assert_eq!(job.needs().deadline, due(SECOND));
    job.stopping(NOW);
    let needs = job.needs();
    assert_eq!((needs.write, needs.read, needs.end, job.queue().unsent()), (false, false, None, 0));
    job.time(at(SECOND));
    assert_eq!(job.needs().end, Some(End::Close), "there is no FIN to send");
    job.closed(at(SECOND));
    assert_eq!(log.whole(), ["Begun(Ok(()))", "Stopping", "Deadline", "Closed(Done)"]);
}

// Hanging up.

#[test]
fn a_hang_up_is_told_once_and_the_rest_can_still_be_read() {
    let event = |puppet: &mut Puppet, event: &Event<Message>, _: &mut Cx<'_>| match event {
        Event::HangUp => puppet.interest = Some(Interest { deadline: due(SECOND), ..HANG_UP }),
        Event::Deadline => puppet.interest = Some(BYTES),
        _ => puppet.interest = None,
    };
    let (mut connection, log) = Puppet { event, ..Puppet::wants(HANG_UP) }.connect();
    let needs = connection.needs();
    assert_eq!((needs.hang_up, needs.read), (true, false));
    connection.hung_up(NOW);
    connection.hung_up(NOW);
    assert_eq!(log.take(), ["HangUp"]);
    assert!(!connection.needs().hang_up, "it knows");
    connection.time(at(SECOND));
    assert!(connection.needs().read);
    connection.received(b"what it said before", at(SECOND));
    connection.peer_finished(at(SECOND));
    assert_eq!(log.take(), ["Deadline", "what it said before", "PeerFinished"]);
    assert_eq!(connection.needs().end, Some(End::Close));
}

#[test]
fn a_hang_up_is_kept_for_who_waits_for_it_later() {
    let event = |puppet: &mut Puppet, event: &Event<Message>, _: &mut Cx<'_>| {
        puppet.interest = Some(if let Event::Deadline = event { HANG_UP } else { MESSAGES });
    };
    let (mut connection, log) = Puppet { event, ..Puppet::wants(Interest { deadline: due(SECOND), ..NOTHING }) }.connect();
    assert!(!connection.needs().hang_up, "it wants nothing of its peer");
    connection.hung_up(NOW);
    assert_eq!(log.take(), [""; 0]);
    connection.time(at(SECOND));
    assert_eq!(log.take(), ["Deadline", "HangUp"]);
}

#[test]
fn who_waits_for_a_hang_up_after_the_peers_fin_is_told_at_once() {
    // It has read FIN itself, so no other news will come.
    let event = |puppet: &mut Puppet, event: &Event<Message>, _: &mut Cx<'_>| {
        puppet.interest = Some(if let Event::PeerFinished = event { HANG_UP } else { MESSAGES });
    };
    let (mut connection, log) = Puppet { event, ..Puppet::wants(BYTES) }.connect();
    connection.peer_finished(NOW);
    assert_eq!((log.take(), connection.close()), (vec!["PeerFinished".to_string(), "HangUp".into()], None));

    let (mut connection, log) = Puppet::wants(HANG_UP).connect();
    connection.hung_up(NOW);
    assert_eq!((log.take(), connection.close()), (vec!["HangUp".to_string()], Some(Close::Stuck)), "it comes once");
}

#[test]
fn a_hang_up_is_told_whichever_call_finds_it_out() {
    let (mut connection, log) = Puppet::wants(Interest { messages: true, ..HANG_UP }).connect();
    connection.failed(NOW);
    connection.failed(NOW);
    assert_eq!(log.whole(), ["Begun(Ok(()))", "HangUp", "Closed(Failed)"]);

    let (mut connection, log) = Puppet::wants(Interest { messages: true, ..HANG_UP }).connect();
    connection.hung_up(NOW);
    connection.failed(NOW);
    assert_eq!(log.whole(), ["Begun(Ok(()))", "HangUp", "Closed(Failed)"], "once");
}

// Finishing.

#[test]
fn fin_goes_behind_the_last_octet_and_the_peer_may_go_on() {
    let receive = |_: &mut Puppet, input: &[u8], cx: &mut Cx<'_>| {
        cx.write(input);
        if input == b"last" {
            cx.finish();
            cx.write(b"lost");
            cx.send(Bytes::from_static(b"lost"));
            cx.append(vec![b'x'; 100_000]);
            cx.write_with(|buffer| buffer.push(b'x'));
        }
        input.len()
    };
    let event = |puppet: &mut Puppet, _: &Event<Message>, _: &mut Cx<'_>| puppet.interest = None;
    let (mut connection, log) = Puppet { receive, event, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"last", NOW);
    assert_eq!((unsent(&mut connection), connection.needs().end), (b"last".to_vec(), None));
    kernel_takes(&mut connection, 3);
    assert_eq!(connection.needs().end, None, "an octet is left");
    kernel_takes(&mut connection, 1);
    assert_eq!(connection.needs().end, Some(End::Finish));
    connection.finished(NOW);
    let needs = connection.needs();
    assert_eq!((needs.end, needs.read, needs.write), (None, true, false));

    connection.received(b"more", NOW);
    assert_eq!((log.take(), connection.queue().unsent()), (vec!["last".to_string(), "more".into()], 0), "what it says is lost");
    connection.peer_finished(NOW);
    assert_eq!(log.take(), ["PeerFinished"]);
    assert_eq!((connection.close(), connection.needs().end), (Some(Close::Done), Some(End::Close)), "without another FIN");
}

#[test]
fn who_has_sent_fin_and_says_no_more_hears_its_peer_out() {
    let event = |puppet: &mut Puppet, event: &Event<Message>, cx: &mut Cx<'_>| match event {
        Event::Stopping => cx.finish(),
        _ => puppet.interest = None,
    };
    let (mut connection, _) = Puppet { event, ..Puppet::wants(Interest { deadline: due(SECOND), ..BYTES }) }.connect();
    connection.stopping(NOW);
    assert_eq!(connection.needs().end, Some(End::Finish));
    connection.finished(NOW);
    connection.time(at(SECOND));
    let needs = connection.needs();
    assert_eq!((needs.read, needs.end, needs.deadline), (true, None, due(SECOND + LINGER)));
    connection.time(at(SECOND + LINGER));
    assert_eq!(connection.close(), Some(Close::Done));
}

#[test]
fn who_waits_for_a_peer_that_has_finished_after_its_own_fin_is_stuck() {
    let finishes = |_: &mut Puppet, _: &Event<Message>, cx: &mut Cx<'_>| cx.finish();
    let (mut connection, _) = Puppet { event: finishes, ..Puppet::wants(BYTES) }.connect();
    connection.peer_finished(NOW);
    assert_eq!(connection.close(), Some(Close::Stuck));
}

// Files.

fn unlink(cx: &mut Cx<'_>, count: usize) {
    for number in 0..count {
        cx.file(FileOp::Unlink { path: number.to_string().into() });
    }
}

fn done(connection: &mut Connection<Puppet>, files: Vec<FileRequest>) {
    for file in files {
        connection.file_done(file.ticket, Ok(FileDone::Done), NOW);
    }
}

fn paths(files: &[FileRequest]) -> Vec<String> {
    let path = |file: &FileRequest| match &file.op {
        FileOp::Unlink { path } => path.display().to_string(),
        other => panic!("{other:?}"),
    };
    files.iter().map(path).collect()
}

#[test]
fn so_many_files_and_no_more_are_under_way_and_the_others_wait() {
    let asks = |_: &mut Puppet, _: &[u8], cx: &mut Cx<'_>| {
        unlink(cx, FILE_OPERATIONS + 2);
        1
    };
    let (mut connection, log) = Puppet { receive: asks, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"x", NOW);
    let mut files = connection.take_files();
    assert_eq!((files.len(), connection.has_files()), (FILE_OPERATIONS, false));
    assert_eq!(connection.take_files().len(), 0);
    let first = files.remove(0);
    connection.file_done(first.ticket, Err(io::ErrorKind::NotFound.into()), NOW);
    assert!(connection.has_files());
    let next = connection.take_files();
    assert_eq!(paths(&next), [FILE_OPERATIONS.to_string()]);
    assert_eq!(log.take(), ["x", "File(FileTicket(0), Err(Kind(NotFound)))"]);
    done(&mut connection, files);
    done(&mut connection, next);
    let last = connection.take_files();
    assert_eq!(paths(&last), [(FILE_OPERATIONS + 1).to_string()]);
    done(&mut connection, last);
    assert_eq!(log.take().len(), FILE_OPERATIONS + 1);
    assert!(!connection.has_files());
}

#[test]
fn who_waits_for_a_file_alone_is_not_stuck() {
    let asks = |_: &mut Puppet, event: &Event<Message>, cx: &mut Cx<'_>| {
        if let Event::Begun(_) = event {
            unlink(cx, 1);
        }
    };
    let (mut connection, _) = born(Puppet { life: asks, ..Puppet::wants(NOTHING) }, false);
    assert_eq!(connection.close(), None);
    let files = connection.take_files();
    assert_eq!(connection.close(), None);
    done(&mut connection, files);
    assert_eq!(connection.close(), Some(Close::Stuck), "and after it nothing comes");
}

#[test]
fn an_orderly_end_waits_for_files_and_does_them_all() {
    let asks = |puppet: &mut Puppet, _: &[u8], cx: &mut Cx<'_>| {
        unlink(cx, FILE_OPERATIONS + 1);
        puppet.interest = None;
        1
    };
    let (mut connection, log) = Puppet { receive: asks, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"x", NOW);
    assert_eq!(connection.needs().end, None);
    let files = connection.take_files();
    done(&mut connection, files);
    assert_eq!(connection.needs().end, None, "one has not begun yet");
    let files = connection.take_files();
    assert_eq!((files.len(), connection.needs().end), (1, None));
    done(&mut connection, files);
    assert_eq!(
        (connection.needs().end, log.take()),
        (Some(End::Finish), vec!["x".to_string()]),
        "and it hears no more of them"
    );
}

#[test]
fn an_end_after_fin_waits_for_files_too() {
    // FIN has gone out long ago when it asks for its last file and ends.
    let event = |puppet: &mut Puppet, event: &Event<Message>, cx: &mut Cx<'_>| match event {
        Event::Stopping => cx.finish(),
        _ => {
            unlink(cx, 1);
            puppet.interest = None;
        }
    };
    for peer_has_finished in [true, false] {
        let interest = Interest { deadline: due(SECOND), ..BYTES };
        let (mut connection, _) = Puppet { event, ..Puppet::wants(interest) }.connect();
        connection.stopping(NOW);
        connection.finished(NOW);
        if peer_has_finished {
            connection.peer_finished(NOW)
        } else {
            connection.time(at(SECOND))
        }
        assert_eq!((connection.close(), connection.needs().end), (None, None));
        let files = connection.take_files();
        assert_eq!(files.len(), 1);
        done(&mut connection, files);
        let close = peer_has_finished.then_some(Close::Done);
        assert_eq!(
            (connection.close(), connection.needs().read),
            (close, !peer_has_finished),
            "and then it hears its peer out"
        );
    }
}

#[test]
fn a_reset_begins_no_more_files() {
    let asks = |_: &mut Puppet, _: &[u8], cx: &mut Cx<'_>| {
        unlink(cx, FILE_OPERATIONS + 1);
        1
    };
    let (mut connection, log) = Puppet { receive: asks, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"x", NOW);
    let files = connection.take_files();
    connection.failed(NOW);
    done(&mut connection, files);
    assert!(!connection.has_files() && connection.take_files().is_empty());
    assert_eq!(log.whole(), ["Begun(Ok(()))", "x", "Closed(Failed)"], "the end is the last it hears");
}

// Bounds on output.

#[test]
fn who_says_too_much_without_waiting_for_room_is_ended() {
    let says = |_: &mut Puppet, input: &[u8], cx: &mut Cx<'_>| {
        cx.send(Bytes::from_owner(Vec::from(input).repeat(SEND_LIMIT_OCTETS)));
        input.len()
    };
    let (mut connection, log) = Puppet { receive: says, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"x", NOW);
    assert_eq!(connection.close(), None);
    kernel_takes(&mut connection, SEND_LIMIT_OCTETS);
    let says = |_: &mut Puppet, _: &[u8], cx: &mut Cx<'_>| {
        cx.send(Bytes::from(vec![b'x'; SEND_LIMIT_OCTETS]));
        cx.write(b"x");
        1
    };
    let (mut other, its_log) = Puppet { receive: says, ..Puppet::wants(BYTES) }.connect();
    other.received(b"y", NOW);
    assert_eq!((other.close(), other.needs().end), (Some(Close::SendLimit), Some(End::Reset)));
    assert_eq!(its_log.whole(), ["Begun(Ok(()))", "y", "Closed(SendLimit)"]);
    assert_eq!(log.take(), ["x"]);
}

#[test]
fn what_is_lent_is_recalled_before_a_peer_is_judged() {
    let says = |_: &mut Puppet, _: &[u8], cx: &mut Cx<'_>| {
        cx.append(vec![b'x'; 10_000]);
        1
    };
    let overdue = || {
        let (mut connection, _) = Puppet { receive: says, ..Puppet::wants(BYTES) }.connect();
        connection.received(b"x", NOW);
        let lent = connection.queue().lend().expect("output");
        assert!(!connection.needs().recall);
        connection.time(at(GRACE));
        let needs = connection.needs();
        assert_eq!(
            (connection.close(), needs.recall, needs.deadline),
            (None, true, None),
            "only the kernel knows how much it has taken"
        );
        (connection, lent)
    };
    let (mut connection, lent) = overdue();
    connection.queue().give_back(lent, 5_000);
    connection.sent(at(GRACE));
    let needs = connection.needs();
    assert_eq!(
        (needs.recall, needs.write, needs.deadline),
        (false, true, due(GRACE + Duration::from_secs_f64(5000.0 / 1024.0)))
    );
    connection.time(at(GRACE));
    assert_eq!(connection.close(), None, "it has kept the rate");

    let (mut connection, lent) = overdue();
    connection.queue().give_back(lent, 0);
    let needs = connection.needs();
    assert_eq!((needs.recall, needs.write), (false, false), "nothing goes out before that is judged");
    assert!(needs.deadline <= due(GRACE));
    connection.time(at(GRACE));
    assert_eq!((connection.close(), connection.needs().end), (Some(Close::Unheard), Some(End::Reset)));
}

#[test]
fn what_is_lent_is_asked_back_now_and_then_and_goes_out_again() {
    let says = |_: &mut Puppet, _: &[u8], cx: &mut Cx<'_>| {
        cx.append(vec![b'x'; 10_000]);
        1
    };
    let (mut connection, _) = Puppet { receive: says, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"x", NOW);
    let mut now = Duration::ZERO;
    let mut looks = 0;
    while connection.close().is_none() {
        let lent = connection.queue().lend().expect("output");
        let deadline = connection.needs().deadline.expect("a look");
        now = deadline.after(NOW.at);
        connection.time(at(now));
        assert!(connection.needs().recall, "who takes nothing is looked after at {now:?}");
        connection.queue().give_back(lent, 0);
        connection.time(at(now));
        looks += 1;
        assert!(now >= GRACE || connection.needs().write, "it has time left at {now:?}");
    }
    assert_eq!((connection.close(), now, looks), (Some(Close::Unheard), GRACE, 8));
}

// Panics.

#[test]
fn a_panic_costs_its_connection_and_nothing_else() {
    let panics = |what: &str| -> Puppet {
        let wants = Puppet::wants(Interest { messages: true, room: true, ..BYTES });
        match what {
            "receive" => Puppet {
                receive: |puppet, _, cx| {
                    cx.message(puppet.friend.unwrap(), "my last word".into());
                    panic!("in receive");
                },
                ..wants
            },
            "event" => Puppet {
                event: |puppet, event, cx| {
                    if let Event::Stopping = event {
                        cx.message(puppet.friend.unwrap(), "my last word".into());
                        panic!("in event");
                    }
                },
                ..wants
            },
            "a count" => Puppet {
                receive: |puppet, input, cx| {
                    cx.message(puppet.friend.unwrap(), "my last word".into());
                    input.len() + 1
                },
                ..wants
            },
            _ => Puppet {
                receive: |puppet, input, cx| {
                    cx.message(puppet.friend.unwrap(), "my last word".into());
                    puppet.interest = None;
                    input.len()
                },
                asked: |puppet| assert!(puppet.interest.is_some(), "in interest"),
                ..wants
            },
        }
    };
    for what in ["receive", "a count", "event", "interest"] {
        let common = common();
        let (mut friend, its_log) = Puppet::wants(MESSAGES).connect_to(&common);
        let (mut connection, log) = Puppet { friend: Some(friend.id()), ..panics(what) }.connect_to(&common);
        log.whole();
        if what == "event" {
            connection.stopping(NOW)
        } else {
            connection.received(b"x and more", NOW)
        }
        assert_eq!((connection.close(), connection.needs().end), (Some(Close::Panicked), Some(End::Reset)), "{what}");
        let heard = log.whole();
        connection.stopping(NOW);
        connection.peer_finished(NOW);
        connection.closed(NOW);
        assert_eq!((heard.len(), log.whole()), (1, vec![]), "{what}: it is told nothing afterwards");
        for letter in letters(&mut connection) {
            assert!(friend.deliver(letter, NOW).is_none());
        }
        assert_eq!(its_log.take(), ["Message my last word"], "{what}");
    }
}

#[test]
fn who_panics_before_it_has_begun_is_caught_too() {
    let panics = || Puppet { asked: |_| panic!("asked for the first time"), ..Puppet::wants(BYTES) };
    let (connection, log) = panics().connect();
    assert_eq!((connection.close(), log.whole().len()), (Some(Close::Panicked), 1));
    for to_be_connected in [false, true] {
        let (connection, _) = born(panics(), to_be_connected);
        assert_eq!((connection.close(), connection.needs().end), (Some(Close::Panicked), Some(End::Reset)));
    }
}

#[test]
fn the_mail_of_one_that_panics_goes_back() {
    let panics = |_: &mut Puppet, _: &[u8], _: &mut Cx<'_>| panic!("with mail in its box");
    let (mut first, mut second, [log, _]) = two(Puppet { receive: panics, ..Puppet::wants(BYTES) });
    first.received(b"1", NOW);
    deliver(&mut first, &mut second);
    second.received(b"x", NOW);
    for letter in letters(&mut second) {
        assert!(first.deliver(letter, NOW).is_none());
    }
    first.received(b"2", NOW);
    deliver(&mut first, &mut second);
    assert_eq!(log.take(), ["1", "Returned 1 Gone", "2", "Returned 2 Gone"]);
}

// One within another.

#[test]
fn one_within_another_speaks_through_it_and_its_messages_are_lifted() {
    let receive = |puppet: &mut Puppet, input: &[u8], cx: &mut Cx<'_>| {
        let friend = puppet.friend.unwrap();
        let me = cx.me();
        cx.within(
            |number: u32| format!("number {number}"),
            |cx| {
                assert_eq!(cx.me(), me);
                cx.write(input);
                cx.message(friend, 7);
                cx.spawn(8);
                cx.file(FileOp::Unlink { path: "0".into() });
            },
        );
        input.len()
    };
    let (_, mut second, [_, its_log]) = two(Puppet::wants(MESSAGES));
    let (mut connection, _) = Puppet { receive, friend: Some(second.id()), ..Puppet::wants(BYTES) }.connect();
    connection.received(b"inner", NOW);
    assert_eq!(unsent(&mut connection), b"inner");
    let Mail { births, letters } = connection.take_mail();
    for letter in letters {
        assert!(second.deliver(letter, NOW).is_none());
    }
    assert_eq!(its_log.take(), ["Message number 7"]);
    assert_eq!(births.into_iter().map(|birth| birth.into_seed()).collect::<Vec<_>>(), ["number 8"]);
    assert_eq!(paths(&connection.take_files()), ["0"]);
}

#[test]
fn one_within_another_may_be_wrapped_and_its_fin_is_reported() {
    let receive = |_: &mut Puppet, input: &[u8], cx: &mut Cx<'_>| {
        let mut output = SendQueue::default();
        let ((), has_finished) = cx.within_on(
            &mut output,
            |()| String::new(),
            |cx| {
                cx.write(input);
                assert_eq!(cx.unsent(), input.len(), "its own");
                if input == b"last" {
                    cx.finish();
                    cx.write(b"lost");
                }
            },
        );
        cx.write(format!("<{}>", output.unsent()).as_bytes());
        if has_finished {
            cx.write(b"</>");
            cx.finish();
        }
        input.len()
    };
    let (mut connection, _) = Puppet { receive, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"some", NOW);
    connection.received(b"last", NOW);
    assert_eq!(unsent(&mut connection), b"<4><4></>", "the one around it has the last word");
    connection.received(b"more", NOW);
    kernel_takes(&mut connection, 9);
    assert_eq!(connection.needs().end, Some(End::Finish));
}
