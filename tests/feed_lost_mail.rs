//! When a loop has more mail than it may have, the hub's letters come back to it. What a follower hears is the same.

mod listeners;

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use iolab::http1::{Http, HttpLimits, TimeLimits};
use iolab::limits::ServeLimits;
use iolab::patterns::Notifications;
use iolab::patterns::feed::News;
use iolab::patterns::notifications::Settings;
use iolab::{Common, Connection, ConnectionId, Letter, Mail, Now, Service, Time, Why};

use listeners::{Listener, Way, publish};

type Resident = Connection<<Notifications as Service>::Protocol>;

/// A hub, one who follows, and one who publishes; and the mail between them.
struct House {
    hub: Resident,
    follower: Resident,
    publisher: Resident,
    listener: Listener,
    now: Now,
}

impl House {
    fn new(service: &Notifications, listener: Listener) -> House {
        let common: &Arc<Common> = &Common::new(0, ServeLimits::default(), 0);
        let now = Now { at: Time::from_nanos(1), unix_seconds: 7 };
        let seed = service.founder().expect("the hub's");
        let hub = service.grow(seed, now).expect("the hub");
        let accepted = || Connection::accepted(service.accept(now).expect("HTTP"), common, now);
        let mut house = House {
            hub: Connection::born(hub, ConnectionId::FOUNDER, false, common, now),
            follower: accepted(),
            publisher: accepted(),
            listener,
            now,
        };
        let request = house.listener.request();
        house.follower.received(request.as_bytes(), now);
        house.carry(|_| false);
        house
    }

    /// Carries all letters; those for which `is_full` says so come back.
    fn carry(&mut self, mut is_full: impl FnMut(&Letter<News>) -> bool) {
        loop {
            let mut letters = Vec::new();
            for resident in [&mut self.hub, &mut self.follower, &mut self.publisher] {
                let Mail { letters: its, .. } = resident.take_mail();
                letters.extend(its);
            }
            if letters.is_empty() {
                break;
            }
            for letter in letters {
                let letter = if is_full(&letter) { letter.returned(Why::Full).expect("it comes back once") } else { letter };
                let to = [&mut self.hub, &mut self.follower, &mut self.publisher].into_iter().find(|it| it.id() == letter.to());
                assert!(to.expect("somebody here").deliver(letter, self.now).is_none());
            }
        }
        self.read();
    }

    /// The follower's client reads all there is.
    fn read(&mut self) {
        while self.follower.needs().write {
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = self.follower.queue().slices(&mut slices);
            let octets: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            self.follower.queue().sent(octets.len());
            self.follower.sent(self.now);
            self.listener.hear(&octets).unwrap();
        }
    }

    fn publish(&mut self, text: &str, is_full: impl FnMut(&Letter<News>) -> bool) {
        self.publisher.received(publish(text, "").as_bytes(), self.now);
        self.carry(is_full);
    }
}

#[test]
fn letters_that_find_no_place_are_told_again_and_what_is_missing_is_asked_for() {
    let http = Http::new(HttpLimits::default(), TimeLimits::default());
    let service = Notifications::new(http, Settings::default());
    let mut house = House::new(&service, Listener::new(Way::Lines, "0"));
    let follower = house.follower.id();
    house.publish("one", |_| false);
    house.listener.expect(1, 1).unwrap();
    // The second is lost on the way, and the third shows it; the page that is asked for then is lost too.
    let mut lost = 0;
    let mut is_full = |letter: &Letter<News>| {
        lost += usize::from(letter.to() == follower);
        letter.to() == follower
    };
    house.publish("two", &mut is_full);
    house.listener.expect(1, 1).unwrap();
    house.publish("three", |_| false);
    house.listener.expect(1, 3).expect("a page has brought what was missing");
    house.publish("four", &mut is_full);
    house.publish("five", |letter| letter.to() == follower);
    assert_eq!(lost, 2);
    house.listener.expect(1, 3).unwrap();
    // Soon it is told again: what it has heard already, and what it has not.
    let again = house.hub.needs().deadline.expect("a time to tell it again");
    assert!(again.after(house.now.at) < Duration::from_secs(1));
    house.now.at = again;
    house.hub.time(house.now);
    house.carry(|_| false);
    house.listener.expect(1, 5).unwrap();
    assert_eq!(house.hub.needs().deadline, None, "nothing is left to be told");
    house.publish("six", |_| false);
    house.listener.expect(1, 6).unwrap();
}

#[test]
fn of_many_events_that_came_back_the_newest_is_told_again() {
    let http = Http::new(HttpLimits::default(), TimeLimits::default());
    let service = Notifications::new(http, Settings::default());
    let mut house = House::new(&service, Listener::new(Way::Lines, "0"));
    let follower = house.follower.id();
    for number in 1..=100 {
        house.publish(&format!("number {number}"), |letter| letter.to() == follower);
    }
    house.listener.expect(1, 0).unwrap();
    house.now.at = house.hub.needs().deadline.expect("a time to tell it again");
    house.hub.time(house.now);
    let mut told = 0;
    house.carry(|letter| {
        told += usize::from(letter.to() == follower);
        false
    });
    assert_eq!(told, 2, "the newest, and the page that is asked for");
    house.listener.expect(1, 100).unwrap();
}

#[test]
fn a_hub_that_stops_tells_first_what_came_back() {
    let http = Http::new(HttpLimits::default(), TimeLimits::default());
    let service = Notifications::new(http, Settings::default());
    let mut house = House::new(&service, Listener::new(Way::LongPoll, "0"));
    let poller = house.follower.id();
    house.publish("one", |letter| letter.to() == poller);
    house.listener.expect(1, 0).unwrap();
    house.hub.stopping(house.now);
    house.carry(|_| false);
    house.now.at = house.hub.needs().deadline.expect("it has something to tell again");
    house.hub.time(house.now);
    house.carry(|_| false);
    house.listener.expect(1, 1).unwrap();
    assert_eq!(house.hub.needs().deadline, None);
}
