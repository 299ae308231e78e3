//! WebSocket: its parts, and two conversations in the simulator.

#[path = "../websocket_support/mod.rs"]
mod websocket_support;

use std::io;
use std::time::Duration;

use iolab::http1::{Http, HttpLimits, TimeLimits};
use iolab::models::simulated::World;
use iolab::patterns::{Chat, ChatSettings};
use iolab::websocket::{FrameHeader, unmask};

use super::check;
use websocket_support::{CLOSE, Echoes, FIN, TEXT, client, closed};

#[test]
fn both_at_once_1() {
    let frame = client(TEXT, [b'x'; 200]);
    let (header, octets) = FrameHeader::parse(&frame).unwrap().expect("a whole header");
    assert_eq!(header.length, 200);
    check("both-at-once-1", octets);
}

#[test]
fn both_at_once_2() {
    let next = unmask(&mut [0; 6], [0x37, 0xfa, 0x21, 0x3d]);
    check("both-at-once-2", format_args!("{:x}", next[0]));
}

#[test]
fn both_at_once_3() {
    let service = Echoes::default();
    let mut world = World::whole(&service);
    let peer = world.connect();
    world.say(peer, &client(TEXT & !FIN, b"\xe2\x82"));
    world.say(peer, &client(CLOSE, closed(1000, "")));
    let mut heard = [0; 100];
    let count = world.read(peer, &mut heard).expect("an answer");
    let [CLOSE, _, high, low, ..] = heard[..count] else { panic!("no close frame: {:x?}", &heard[..count]) };
    check("both-at-once-3", u16::from_be_bytes([high, low]));
}

#[test]
fn both_at_once_4() {
    let settings = ChatSettings { ping_every: Duration::from_secs(15), ..ChatSettings::default() };
    let chat = Chat::new(Http::new(HttpLimits::default(), TimeLimits::default()), settings);
    let mut world = World::whole(&chat);
    let guest = world.connect();
    world.say(
        guest,
        b"GET /ws?name=ada HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let mut heard = [0; 1000];
    let end = loop {
        match world.read(guest, &mut heard) {
            Ok(0) => panic!("an orderly end"),
            Ok(_) => {}
            Err(error) => break error.kind(),
        }
    };
    assert_eq!(end, io::ErrorKind::ConnectionReset);
    check("both-at-once-4", world.elapsed().as_secs());
}
