//! The rules between a protocol and a model, one by one, on a protocol that is little more than its wishes.

mod connection_support;

use std::time::Duration;

use connection_support::{BYTES, GRACE, Message, NOTHING, NOW, Puppet, ROOM, at, due, kernel_takes};
use iolab::limits::{LINGER, LINGER_IN_ALL, SEND_HIGH_OCTETS, SEND_LOW_OCTETS, TAIL_OCTETS};
use iolab::{Close, Context, End, Event, Interest};

#[test]
fn what_is_left_is_shown_again_with_more_behind_it() {
    let (mut connection, log) =
        Puppet { receive: |_, input, _| if input.len() < 3 { 0 } else { 3 }, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"a", NOW);
    connection.received(b"bcdefgh", NOW);
    assert_eq!(log.take(), ["a", "abcdefgh", "defgh", "gh"]);
    assert_eq!(connection.unconsumed(), 2);
    connection.stopping(NOW);
    assert_eq!(log.take(), ["Stopping", "gh"], "an event may have changed its mind");
}

#[test]
fn all_octets_come_before_the_end() {
    // It falls silent after every octet until its output has drained, as behind a long answer.
    let receive = |_: &mut Puppet, _: &[u8], cx: &mut Context<'_, Message>| {
        cx.append(vec![b'x'; SEND_HIGH_OCTETS]);
        1
    };
    let (mut connection, log) = Puppet { receive, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"ab", NOW);
    assert!(!connection.needs().read, "above the high mark");
    kernel_takes(&mut connection, SEND_HIGH_OCTETS - SEND_LOW_OCTETS);
    connection.peer_finished(NOW);
    assert_eq!(log.take(), ["ab"], "not yet below the low mark");
    kernel_takes(&mut connection, 1);
    assert_eq!(log.take(), ["b"]);
    kernel_takes(&mut connection, SEND_HIGH_OCTETS);
    assert_eq!(log.take(), ["PeerFinished"]);
}

#[test]
fn a_peer_that_takes_too_little_is_cut_off() {
    let receive = |_: &mut Puppet, input: &[u8], cx: &mut Context<'_, Message>| {
        cx.write(input);
        input.len()
    };
    let (mut connection, _) = Puppet { receive, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"ab", NOW);
    assert_eq!(connection.needs().deadline, due(GRACE));
    connection.queue().sent(1);
    connection.sent(at(GRACE / 2));
    connection.time(at(GRACE));
    assert_eq!(connection.close(), None, "it has taken some");
    connection.time(at(GRACE + Duration::from_millis(1)));
    assert_eq!((connection.close(), connection.needs().end), (Some(Close::Unheard), Some(End::Reset)));
}

#[test]
fn the_end_is_told_to_one_that_listens() {
    let event = |puppet: &mut Puppet, event: &Event<Message>, _: &mut Context<'_, Message>| {
        if let Event::Deadline = event {
            puppet.interest = Some(BYTES);
        }
    };
    let (mut connection, log) = Puppet { event, ..Puppet::wants(Interest { deadline: due(LINGER), ..NOTHING }) }.connect();
    connection.peer_finished(NOW);
    assert_eq!(log.take(), [""; 0]);
    connection.time(at(LINGER));
    assert_eq!(log.take(), ["Deadline", "PeerFinished"]);
    assert_eq!(connection.close(), Some(Close::Stuck), "it goes on listening, and nothing can come");
}

#[test]
fn after_room_and_after_the_end_the_rest_is_shown() {
    // It ignores its peer until it has been told.
    let wakes = |puppet: &mut Puppet, _: &Event<Message>, _: &mut Context<'_, Message>| puppet.interest = Some(BYTES);
    let receive = |puppet: &mut Puppet, input: &[u8], _: &mut Context<'_, Message>| {
        puppet.interest = Some(if input.starts_with(b"r") { ROOM } else { BYTES });
        1
    };
    let (mut connection, log) = Puppet { receive, event: wakes, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"rest", NOW);
    assert_eq!(log.take(), ["rest", "Room", "est", "st", "t"], "nothing is unsent, so there is room at once");

    let receive = |puppet: &mut Puppet, input: &[u8], _: &mut Context<'_, Message>| {
        let is_over = puppet.log.has("PeerFinished");
        if is_over { input.len() } else { 0 }
    };
    let (mut connection, log) = Puppet { receive, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"rest", NOW);
    connection.peer_finished(NOW);
    assert_eq!(log.take(), ["rest", "rest", "PeerFinished", "rest"]);
    assert_eq!(connection.unconsumed(), 0);
}

#[test]
fn one_may_speak_first() {
    let event = |puppet: &mut Puppet, _: &Event<Message>, cx: &mut Context<'_, Message>| {
        cx.write(b"220 hello\r\n");
        puppet.interest = Some(BYTES);
    };
    let (mut connection, log) = Puppet { event, ..Puppet::wants(ROOM) }.connect();
    assert_eq!(log.take(), ["Room"]);
    assert_eq!(connection.queue().unsent(), 11);
    let needs = connection.needs();
    assert!(needs.read && needs.write);
}

#[test]
fn one_that_has_nothing_to_say_ends_at_once() {
    let (mut connection, _) = Puppet::wants(None).connect();
    assert_eq!(connection.needs().end, Some(End::Finish));
    connection.finished(NOW);
    assert_eq!(connection.needs().deadline, due(LINGER), "the peer is heard out");
    connection.time(at(LINGER));
    assert_eq!((connection.needs().end, connection.close()), (Some(End::Close), Some(Close::Done)));

    let (mut connection, _) = Puppet::wants(None).connect();
    connection.finished(NOW);
    connection.peer_finished(NOW);
    assert_eq!(connection.close(), Some(Close::Done), "it has nothing more to say either");
}

#[test]
fn a_peer_is_heard_out_for_as_long_as_it_speaks_and_not_for_ever() {
    let (mut connection, _) = Puppet::wants(None).connect();
    connection.finished(NOW);
    let mut spoke = Duration::ZERO;
    while spoke + LINGER < LINGER_IN_ALL {
        spoke += LINGER / 2;
        connection.received(b"x", at(spoke));
        connection.time(at(spoke));
        assert_eq!((connection.needs().read, connection.needs().deadline), (true, due(spoke + LINGER)));
    }
    spoke += LINGER / 2;
    connection.received(b"x", at(spoke));
    assert_eq!(connection.needs().deadline, due(LINGER_IN_ALL), "it has said enough");
    connection.time(at(LINGER_IN_ALL));
    assert_eq!((connection.needs().end, connection.close()), (Some(End::Close), Some(Close::Done)));
}

#[test]
fn who_waits_for_nothing_is_stuck() {
    for interest in [NOTHING, ROOM] {
        let (connection, _) = Puppet::wants(interest).connect();
        assert_eq!((connection.needs().end, connection.close()), (Some(End::Reset), Some(Close::Stuck)), "{interest:?}");
    }
}

#[test]
fn a_deadline_that_stays_is_a_bug_and_one_that_moves_is_not() {
    let limit = Interest { deadline: due(LINGER), ..BYTES };
    let (mut connection, log) = Puppet::wants(limit).connect();
    connection.time(at(LINGER - Duration::from_nanos(1)));
    assert_eq!(log.take(), [""; 0], "too early");
    connection.time(at(LINGER));
    assert_eq!((log.take(), connection.close()), (vec!["Deadline".to_string()], Some(Close::Stuck)));

    let event = |puppet: &mut Puppet, _: &Event<Message>, _: &mut Context<'_, Message>| {
        puppet.interest = Some(Interest { deadline: due(GRACE), ..BYTES });
    };
    let (mut connection, log) = Puppet { event, ..Puppet::wants(limit) }.connect();
    connection.time(at(LINGER));
    connection.time(at(LINGER));
    assert_eq!((log.take(), connection.close()), (vec!["Deadline".to_string()], None));

    let aborts = |_: &mut Puppet, _: &Event<Message>, cx: &mut Context<'_, Message>| cx.abort();
    let (mut connection, _) = Puppet { event: aborts, ..Puppet::wants(limit) }.connect();
    connection.time(at(LINGER));
    assert_eq!(connection.close(), Some(Close::Aborted), "it did not care for its deadline any more");
}

#[test]
fn that_the_server_stops_is_told_once() {
    let (mut connection, log) = Puppet::wants(BYTES).connect();
    connection.stopping(NOW);
    connection.stopping(NOW);
    assert_eq!(log.take(), ["Stopping"]);
}

#[test]
fn what_is_never_consumed_has_a_limit() {
    let (mut connection, _) = Puppet { receive: |_, _, _| 0, ..Puppet::wants(BYTES) }.connect();
    let block = vec![b'x'; TAIL_OCTETS / 16];
    for _ in 0..16 {
        connection.received(&block, NOW);
    }
    assert_eq!(connection.close(), None);
    connection.received(b"x", NOW);
    assert_eq!((connection.close(), connection.needs().end), (Some(Close::TailLimit), Some(End::Reset)));
}

#[test]
fn what_comes_uncalled_for_is_kept_and_consumed_in_time() {
    // A multishot receive delivers more than the limit while the protocol does not listen; once it does, it takes all of it.
    let event = |puppet: &mut Puppet, _: &Event<Message>, _: &mut Context<'_, Message>| puppet.interest = Some(BYTES);
    let (mut connection, _) = Puppet { event, ..Puppet::wants(Interest { deadline: due(LINGER), ..NOTHING }) }.connect();
    connection.received(&vec![b'x'; TAIL_OCTETS], NOW);
    connection.received(b"x", NOW);
    assert_eq!((connection.unconsumed(), connection.close()), (TAIL_OCTETS + 1, None));
    connection.time(at(LINGER));
    assert_eq!((connection.unconsumed(), connection.close()), (0, None));
}

#[test]
fn last_words_go_out_before_the_end_and_not_for_ever() {
    let receive = |puppet: &mut Puppet, input: &[u8], cx: &mut Context<'_, Message>| {
        cx.write(b"bye");
        puppet.interest = None;
        input.len()
    };
    let (mut connection, _) = Puppet { receive, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"x", NOW);
    let needs = connection.needs();
    assert_eq!((needs.write, needs.read, needs.end, needs.deadline), (true, false, None, due(GRACE)));
    kernel_takes(&mut connection, 3);
    assert_eq!(connection.needs().end, Some(End::Finish));

    let (mut connection, _) = Puppet { receive, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"x", NOW);
    connection.time(at(GRACE));
    assert_eq!((connection.close(), connection.needs().end), (Some(Close::Unheard), Some(End::Reset)));
}

#[test]
fn a_lent_buffer_holds_the_end_back() {
    let receive = |puppet: &mut Puppet, input: &[u8], cx: &mut Context<'_, Message>| {
        cx.write(b"bye");
        puppet.interest = None;
        input.len()
    };
    let (mut connection, _) = Puppet { receive, ..Puppet::wants(BYTES) }.connect();
    connection.received(b"x", NOW);
    let lent = connection.queue().lend().expect("last words");
    let needs = connection.needs();
    assert_eq!((needs.write, needs.end), (false, None), "the kernel has them");
    connection.queue().give_back(lent, 1);
    connection.sent(NOW);
    assert_eq!((connection.needs().write, connection.needs().end), (true, None));
    kernel_takes(&mut connection, 2);
    assert_eq!(connection.needs().end, Some(End::Finish));
}
