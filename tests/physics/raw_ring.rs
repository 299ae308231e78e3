//! io_uring as its crate has it: nobody keeps memory alive for the kernel but the test itself.
#![allow(unsafe_code)]

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use crate::skip;

/// A ring, unless there is none here.
pub fn ring(builder: &io_uring::Builder, entries: u32) -> Option<IoUring> {
    match builder.build(entries) {
        Ok(ring) => Some(ring),
        Err(error) => {
            skip::skipped(format_args!("io_uring_setup(2) says {error}; `cargo run --example doctor` says why"));
            None
        }
    }
}

pub fn push(ring: &mut IoUring, entry: squeue::Entry, user_data: u64) {
    // SAFETY: each test keeps what its entries point to until their completions.
    unsafe { ring.submission().push(&entry.user_data(user_data)) }.unwrap();
}

/// Submits, waits for so many completions, and sorts them: user_data, result, more.
pub fn complete(ring: &mut IoUring, count: usize) -> Vec<(u64, i32, bool)> {
    ring.submit_and_wait(count).unwrap();
    let mut done: Vec<_> =
        ring.completion().map(|done| (done.user_data(), done.result(), cqueue::more(done.flags()))).collect();
    done.sort();
    done
}

pub fn poll_readable(stream: &UnixStream) -> squeue::Entry {
    opcode::PollAdd::new(types::Fd(stream.as_raw_fd()), libc::POLLIN as u32).build()
}
