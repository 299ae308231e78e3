//! Facts about io_uring that the loop is built on: many operations by one call, several completions of one operation, and completions
//! that are there without a call.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use io_uring::types::BufRingEntry;
use io_uring::{IoUring, cqueue, opcode, types};

use super::raw_ring::{complete, poll_readable, push, ring};
use super::skip;

#[test]
fn one_call_hands_over_many_operations_and_waits_for_all_of_them() {
    let Some(mut ring) = ring(&IoUring::builder(), 16) else { return };
    let pairs: Vec<_> = (0..16).map(|_| UnixStream::pair().unwrap()).collect();
    for ((a, b), number) in pairs.iter().zip(0..) {
        let mut b = b;
        b.write_all(b"?").unwrap();
        push(&mut ring, poll_readable(a), number);
    }
    assert_eq!(ring.submit_and_wait(16).unwrap(), 16, "operations were handed over, by this one call");
    assert_eq!(ring.completion().count(), 16, "and there is no other to take out what came of them");
}

#[test]
fn a_multishot_accept_brings_one_connection_after_the_other() {
    let Some(mut ring) = ring(&IoUring::builder(), 2) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    push(&mut ring, opcode::AcceptMulti::new(types::Fd(listener.as_raw_fd())).build(), 1);
    ring.submit().unwrap();
    let mut accepted = Vec::new();
    for _ in 0..5 {
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let done = complete(&mut ring, 1);
        if done[0].1 == -libc::EINVAL {
            return skip::skipped("multishot accept: since Linux 5.19");
        }
        assert!(matches!(done[..], [(1, 0.., true)]), "{done:?}");
        // SAFETY: the kernel has just made it for nobody else.
        accepted.push(unsafe { OwnedFd::from_raw_fd(done[0].1) });
    }
    assert_eq!(accepted.len(), 5, "asked for once");
}

#[test]
fn a_multishot_receive_takes_a_buffer_for_each_arrival_and_none_while_it_waits() {
    const SIZE: usize = 64;
    let Some(mut ring) = ring(&IoUring::builder(), 2) else { return };
    #[repr(align(4096))]
    struct Memory([u8; 4096]);
    // Entries in front, buffers behind; it outlives the ring's use of it.
    let memory = Box::leak(Box::new(Memory([0; 4096])));
    let start = memory.0.as_mut_ptr();
    let entries = start.cast::<BufRingEntry>();
    for number in 0..4_u16 {
        // SAFETY: four entries of 16 octets and four buffers behind the first 1,024 lie in the page, and nobody else uses it.
        unsafe {
            let entry = &mut *entries.add(number.into());
            entry.set_addr(start.add(1024 + usize::from(number) * SIZE) as u64);
            entry.set_len(SIZE as u32);
            entry.set_bid(number);
        }
    }
    // SAFETY: the tail lies in the first entry (linux/io_uring.h), and the kernel is not told of the ring before.
    unsafe { BufRingEntry::tail(entries).cast_mut().write(4) };
    // SAFETY: the page is leaked.
    if let Err(error) = unsafe { ring.submitter().register_buf_ring_with_flags(entries as u64, 4, 0, 0) } {
        return skip::skipped(format_args!("provided buffers, since Linux 5.19: {error}"));
    }
    let (a, mut b) = UnixStream::pair().unwrap();
    push(&mut ring, opcode::RecvMulti::new(types::Fd(a.as_raw_fd()), 0).build(), 1);
    ring.submit().unwrap();
    assert_eq!(ring.completion().count(), 0, "it waits, and has no buffer");
    let mut buffers = Vec::new();
    for word in [&b"one"[..], b"two and", b"three"] {
        b.write_all(word).unwrap();
        ring.submit_and_wait(1).unwrap();
        let done = ring.completion().next().unwrap();
        if done.result() == -libc::EINVAL {
            return skip::skipped("multishot receive: since Linux 6.0");
        }
        assert_eq!((done.user_data(), done.result(), cqueue::more(done.flags())), (1, word.len() as i32, true));
        let number = cqueue::buffer_select(done.flags()).unwrap();
        // SAFETY: the kernel has filled this buffer and let go of it.
        let octets = unsafe { std::slice::from_raw_parts(start.add(1024 + usize::from(number) * SIZE), word.len()) };
        assert_eq!(octets, word);
        buffers.push(number);
    }
    buffers.sort();
    assert_eq!(buffers, [0, 1, 2], "each its own");
}

#[test]
fn a_completion_comes_without_a_call_unless_its_work_is_deferred() {
    for deferred in [false, true] {
        let mut builder = IoUring::builder();
        if deferred {
            builder.setup_single_issuer().setup_defer_taskrun();
        }
        let Some(mut ring) = ring(&builder, 2) else { return };
        let (a, mut b) = UnixStream::pair().unwrap();
        push(&mut ring, poll_readable(&a), 1);
        ring.submit().unwrap();
        assert_eq!(ring.completion().count(), 0, "nothing is there to be read");
        // This thread's way back from the call is where the kernel does what is due for it.
        b.write_all(b"?").unwrap();
        let seen = ring.completion().count();
        assert_eq!(seen, usize::from(!deferred), "deferred: {deferred}");
        if deferred {
            assert_eq!(complete(&mut ring, 1).len(), 1, "it is done when the thread waits");
        }
    }
}
