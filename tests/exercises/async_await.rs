//! Of the chapter "What async and await write for you".

#[path = "../../examples/async_await/channel.rs"]
mod channel;
#[path = "../../examples/async_await/combine.rs"]
mod combine;
#[path = "../../examples/async_await/conversation.rs"]
mod conversation;
#[path = "../../examples/async_await/executor.rs"]
mod executor;
#[path = "../../examples/async_await/io.rs"]
mod io;
#[path = "../../examples/async_await/manners.rs"]
mod manners;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use iolab::models::simulated::{Conversation, World};
use iolab::{Service, Time};

use super::check;
use conversation::{Hall, conversation};
use executor::Executor;
use io::Peer;
use manners::Patience;

const PATIENCE: Patience = Patience { name: Duration::from_secs(60), partner: Duration::from_secs(60) };

fn callers() -> Executor<impl Fn(Peer) -> ConversationFuture + Send + Sync> {
    let hall = Hall::new(PATIENCE);
    Executor::new(move |peer| -> ConversationFuture { Box::pin(conversation(peer, Arc::clone(&hall))) })
}

type ConversationFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

#[test]
fn async_await_1() {
    let service = callers();
    let mut peer = Conversation::whole(&service).unwrap();
    for octet in b"ann\n" {
        peer.say(&[*octet]);
        peer.pass(Duration::ZERO);
    }
    peer.read_exact(&mut [0; "Your name?\nWait.\n".len()]).unwrap();
    check("async-await-1", service.polls());
}

// ANCHOR: sizes
async fn holds_on(peer: Peer) {
    let buffer = [b'x'; 1024];
    peer.line().await;
    peer.say(&String::from_utf8_lossy(&buffer));
}

async fn lets_go(peer: Peer) {
    peer.line().await;
    let buffer = [b'x'; 1024];
    peer.say(&String::from_utf8_lossy(&buffer));
}
// ANCHOR_END: sizes

#[test]
fn async_await_2() {
    let peer = || Peer::new(Time::default());
    let (holding, letting_go) = (size_of_val(&holds_on(peer())), size_of_val(&lets_go(peer())));
    check("async-await-2", format!("{:.0}", (holding - letting_go) as f64 / 1024.0));
}

// ANCHOR: through
async fn through<F: Future>(future: F) -> F::Output {
    future.await
}
// ANCHOR_END: through

#[test]
fn async_await_3() {
    let holding = || holds_on(Peer::new(Time::default()));
    let (once, twice) = (size_of_val(&holding()), size_of_val(&through(through(holding()))));
    check("async-await-3", format!("{:.0}", twice as f64 / once as f64));
}

#[test]
fn async_await_4() {
    let service = callers();
    let mut world = World::whole(&service);
    let (ann, bob) = (enter(&mut world, b"ann\n"), enter(&mut world, b"bob\n"));
    for (peer, words) in [(ann, &b"hel"[..]), (bob, b"x\n"), (ann, b"lo\n")] {
        world.say(peer, words);
        world.pass(Duration::ZERO);
    }
    world.finish(bob);
    let mut heard = String::new();
    let mut buffer = [0; 512];
    while let Ok(count @ 1..) = world.read(bob, &mut buffer) {
        heard.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    check("async-await-4", heard.lines().last().unwrap());
}

fn enter<S: Service>(world: &mut World<'_, S>, name: &[u8]) -> usize {
    let peer = world.connect();
    world.say(peer, name);
    world.pass(Duration::ZERO);
    peer
}
