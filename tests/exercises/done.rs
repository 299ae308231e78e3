//! Of the chapter "Done".
#![allow(unsafe_code)]

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use io_uring::{IoUring, opcode, types};
use iolab::models::uring::{Technique, Techniques};
use iolab::models::{AnyModel, Uring};

use super::waiting::{available, calls_of_a_request};
use super::{check, skip};

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
    let mut ring = match IoUring::new(8) {
        Ok(ring) => ring,
        Err(error) => return skip::skipped(format_args!("io_uring_setup(2) says {error}")),
    };
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let poll = opcode::PollAdd::new(types::Fd(ours.as_raw_fd()), libc::POLLIN as u32).build().user_data(1);
    let cancel = opcode::AsyncCancel::new(1).build().user_data(2);
    let mut completions = 0;
    for entry in [poll, cancel] {
        // SAFETY: neither points to anything.
        unsafe { ring.submission().push(&entry) }.unwrap();
        ring.submit().unwrap();
        completions += ring.completion().count();
    }
    // What comes later than the call that asked for it would be behind this.
    // SAFETY: it points to nothing.
    unsafe { ring.submission().push(&opcode::Nop::new().build().user_data(3)) }.unwrap();
    ring.submit_and_wait(1).unwrap();
    completions += ring.completion().filter(|done| done.user_data() != 3).count();
    check("done-3", completions);
}
