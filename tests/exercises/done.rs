//! Of the chapter "Done".

#[path = "../physics/raw_ring.rs"]
mod raw_ring;

use std::os::unix::net::UnixStream;

use io_uring::{IoUring, opcode};
use iolab::models::uring::{Technique, Techniques};
use iolab::models::{AnyModel, Uring};

use super::check;
use super::waiting::{available, calls_of_a_request};
use raw_ring::{complete, poll_readable, push, ring};

fn uring(techniques: Techniques) -> Option<AnyModel> {
    available(AnyModel::Uring(Uring { techniques, ..Uring::default() }))
}

#[test]
fn done_1() {
    let Some(model) = uring(Techniques::ALL) else { return };
    check("done-1", calls_of_a_request(&model));
}

#[test]
fn done_2() {
    let Some(model) = uring(Techniques::ALL.without(Technique::ProvidedBuffers)) else { return };
    check("done-2", calls_of_a_request(&model));
}

#[test]
fn done_3() {
    let Some(mut ring) = ring(&IoUring::builder(), 8) else { return };
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let mut completions = 0;
    for (entry, name) in [(poll_readable(&ours), 1), (opcode::AsyncCancel::new(1).build(), 2)] {
        push(&mut ring, entry, name);
        ring.submit().unwrap();
        completions += ring.completion().count();
    }
    // What comes later than the call that asked for it would be behind this.
    push(&mut ring, opcode::Nop::new().build(), 3);
    completions += complete(&mut ring, 1).iter().filter(|(name, ..)| *name != 3).count();
    check("done-3", completions);
}
