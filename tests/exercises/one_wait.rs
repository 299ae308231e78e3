//! Of the chapter "One thread, one wait".

use std::io::{Read, Write};
use std::sync::Mutex;

use iolab::models::{AnyModel, Blocking};
use iolab::{ConnectionId, Context, Event, Interest, Now, Peer, Protocol, Service};

use super::check;
use super::waiting::{GREETING, calls_of_a_request, connected, served, threads_of};

fn blocking() -> AnyModel {
    AnyModel::Blocking(Blocking::default())
}

/// A room of two: what the one says is told the other.
#[derive(Default)]
pub struct Room(Mutex<Vec<ConnectionId>>);

pub struct Guest {
    room: &'static Room,
    is_over: bool,
}

impl Service for &'static Room {
    type Protocol = Guest;

    fn accept(&self, _now: Now) -> Option<Guest> {
        Some(Guest { room: self, is_over: false })
    }
}

impl Protocol for Guest {
    type Message = u8;

    fn receive(&mut self, input: &[u8], cx: &mut Context<'_, u8>) -> usize {
        let guests = self.room.0.lock().unwrap().clone();
        for other in guests.into_iter().filter(|&guest| guest != cx.me()).collect::<Vec<_>>() {
            input.iter().for_each(|&octet| cx.message(other, octet));
        }
        input.len()
    }

    fn event(&mut self, event: Event<u8>, cx: &mut Context<'_, u8>) {
        match event {
            Event::Begun(_) => {
                self.room.0.lock().unwrap().push(cx.me());
                cx.write(&[GREETING]);
            }
            Event::Message(_, octet) => cx.write(&[octet]),
            Event::PeerFinished | Event::Stopping => self.is_over = true,
            _ => {}
        }
    }

    fn interest(&self) -> Option<Interest> {
        (!self.is_over).then_some(Interest { peer: Peer::Bytes, messages: true, ..Interest::default() })
    }
}

#[test]
fn one_wait_1() {
    check("one-wait-1", threads_of(&blocking(), 100, Peer::Bytes));
}

#[test]
fn one_wait_2() {
    check("one-wait-2", calls_of_a_request(&blocking()));
}

#[test]
fn one_wait_3() {
    let room: &'static Room = Box::leak(Box::default());
    let cost = served(&blocking(), &room, |address, _| {
        let (mut speaker, mut listener) = (connected(address), connected(address));
        // Its thread may have been on its way into `recv` when the first words came. Some word finds it there.
        for _ in 0..100 {
            speaker.write_all(b"?").unwrap();
            listener.read_exact(&mut [0]).unwrap();
        }
    });
    check("one-wait-3", cost.threads_peak);
}
