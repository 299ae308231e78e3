//! The ring against the kernel.

use std::fmt::Display;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::Bytes;

use super::block::Block;
use super::buffer_ring::BufferRing;
use super::calls::{Call, Meter};
use super::ledger::Payload;
use super::ring::{Completion, Read, Ring, Target};
use super::ring_setup::RingOptions;
use super::techniques::{Technique, Techniques};
use crate::unavailable::Unavailable;

pub(super) fn ring() -> Option<Ring> {
    ring_of(RingOptions::default())
}

pub(super) fn ring_of(options: RingOptions) -> Option<Ring> {
    match Ring::new(&options) {
        Ok(ring) => Some(ring),
        Err(error) => {
            let unavailable = Unavailable::within(&error).expect("a ring fails for a known reason");
            skipped(unavailable);
            None
        }
    }
}

/// Past the harness, which keeps what a passing test prints to itself.
pub(super) fn skipped(why: impl Display) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

pub(super) fn next(ring: &mut Ring) -> Completion {
    let mut batch = all(ring, 1);
    batch.remove(0)
}

pub(super) fn all(ring: &mut Ring, count: usize) -> Vec<Completion> {
    let mut batch = Vec::new();
    while batch.len() < count {
        ring.submit_and_wait(1, None).unwrap();
        ring.reap(&mut batch);
    }
    assert_eq!(batch.len(), count);
    batch
}

#[test]
fn what_is_sent_comes_back_and_what_is_received_lies_in_a_provided_buffer() {
    let Some(mut ring) = ring() else { return };
    let mut buffers = BufferRing::new(&mut ring, 7, 2, 1024).unwrap();
    let (a, b) = UnixStream::pair().unwrap();
    ring.recv(&b, 7, true, 1).unwrap();
    ring.send(&a, b"?hello".to_vec(), 1, 2).unwrap();
    let mut both = all(&mut ring, 2);
    both.sort_by_key(|completion| completion.token);
    let [received, sent] = <[_; 2]>::try_from(both).unwrap();
    assert!(matches!(&sent.payload, Payload::Vec(octets) if octets == b"?hello"));
    assert_eq!((sent.result().unwrap(), sent.more), (5, false));
    let Payload::Received(selected) = received.payload else { panic!("{received:?}") };
    assert_eq!((buffers.octets(&selected), received.more), (&b"hello"[..], true));
    buffers.give_back(selected);

    for round in 0..10u8 {
        ring.send(&a, Bytes::from(vec![round]), 0, 2).unwrap();
        for completion in all(&mut ring, 2) {
            if let Payload::Received(selected) = completion.payload {
                assert_eq!(buffers.octets(&selected), [round]);
                buffers.give_back(selected);
            }
        }
    }
    assert_eq!(ring.in_flight(), 1);
}

// ANCHOR: empty-group
#[test]
fn an_empty_group_ends_a_multishot_recv_and_the_data_waits() {
    let Some(mut ring) = ring() else { return };
    let mut buffers = BufferRing::new(&mut ring, 0, 1, 16).unwrap();
    let (mut a, b) = UnixStream::pair().unwrap();
    ring.recv(&b, 0, true, 1).unwrap();
    a.write_all(&[1; 16]).unwrap();
    a.write_all(&[2; 16]).unwrap();
    let [first, starved] = <[_; 2]>::try_from(all(&mut ring, 2)).unwrap();
    assert_eq!(starved.result().unwrap_err().raw_os_error(), Some(libc::ENOBUFS));
    assert!(first.more && !starved.more);
    let Payload::Received(selected) = first.payload else { panic!() };
    buffers.give_back(selected);
    ring.recv(&b, 0, false, 2).unwrap();
    let Payload::Received(selected) = next(&mut ring).payload else { panic!() };
    assert_eq!(buffers.octets(&selected), [2; 16]);
}
// ANCHOR_END: empty-group

#[test]
fn a_full_submission_queue_is_submitted_and_nothing_is_lost() {
    let options = RingOptions { submissions: 4, completions: 4, ..RingOptions::default() };
    let Some(mut ring) = ring_of(options) else { return };
    let (a, mut b) = UnixStream::pair().unwrap();
    for token in 0..100 {
        ring.send(&a, vec![token as u8], 0, token).unwrap();
    }
    let mut tokens: Vec<_> = all(&mut ring, 100).iter().map(|completion| completion.token).collect();
    tokens.sort();
    assert_eq!(tokens, (0..100).collect::<Vec<_>>());
    let mut received = [0; 100];
    b.read_exact(&mut received).unwrap();
    assert_eq!(ring.in_flight(), 0);
}

#[test]
fn an_accepted_connection_is_owned_by_its_completion() {
    let Some(mut ring) = ring() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let operation = ring.accept(&listener, true, 1).unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = next(&mut ring);
    assert!(accepted.more && accepted.operation == operation);
    let Payload::Opened(fd) = accepted.payload else { panic!() };
    ring.close(fd, 2).unwrap();
    assert_eq!(next(&mut ring).token, 2);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_cancelled_operation_completes_and_so_does_the_cancelling() {
    let Some(mut ring) = ring() else { return };
    let (a, _b) = UnixStream::pair().unwrap();
    let polled = ring.poll(&a, libc::POLLIN as u32, false, 1).unwrap();
    ring.cancel(polled, 2).unwrap();
    let mut both = all(&mut ring, 2);
    both.sort_by_key(|completion| completion.token);
    assert_eq!(both[0].result().unwrap_err().raw_os_error(), Some(libc::ECANCELED));
    assert_eq!(both[1].result().unwrap(), 0);
    ring.cancel(polled, 3).unwrap();
    assert_eq!(next(&mut ring).result().unwrap_err().raw_os_error(), Some(libc::ENOENT), "it is over");
}

#[test]
fn a_wait_ends_with_its_timeout_or_before() {
    for techniques in [Techniques::ALL, Techniques::ALL.without(Technique::ExtArg), Techniques::NONE] {
        let Some(mut ring) = ring_of(RingOptions { techniques, ..RingOptions::default() }) else { return };
        let (mut a, b) = UnixStream::pair().unwrap();
        ring.poll(&b, libc::POLLIN as u32, false, 1).unwrap();
        ring.submit_and_wait(1, Some(Duration::from_millis(1))).unwrap();
        ring.submit_and_wait(1, Some(Duration::from_millis(1))).unwrap();
        let mut batch = Vec::new();
        ring.reap(&mut batch);
        assert!(batch.is_empty() && ring.in_flight() == 1, "{techniques:?}: {batch:?}");
        a.write_all(b"?").unwrap();
        ring.submit_and_wait(1, Some(Duration::from_secs(3600))).unwrap();
        ring.reap(&mut batch);
        assert!(batch.len() == 1 && ring.in_flight() == 0, "{techniques:?}: {batch:?}");
    }
}

/// Where a timeout is an operation, it is over when the wait is: waits pile nothing up.
#[test]
fn waits_leave_nothing_in_the_ring() {
    let techniques = Techniques::ALL.without(Technique::ExtArg);
    let Some(mut ring) = ring_of(RingOptions { techniques, ..RingOptions::default() }) else { return };
    let (mut a, mut b) = UnixStream::pair().unwrap();
    let mut batch = Vec::new();
    for _ in 0..1000 {
        ring.poll(&b, libc::POLLIN as u32, false, 1).unwrap();
        a.write_all(b"?").unwrap();
        while batch.is_empty() {
            ring.submit_and_wait(1, Some(Duration::from_secs(3600))).unwrap();
            ring.reap(&mut batch);
        }
        assert_eq!(batch.len(), 1);
        batch.clear();
        b.read_exact(&mut [0]).unwrap();
        assert!(ring.all_in_flight() <= 2, "{} timers", ring.all_in_flight());
    }
}

#[test]
fn a_ring_dropped_with_operations_in_flight_takes_them_back_first() {
    let Some(mut ring) = ring() else { return };
    let _buffers = BufferRing::new(&mut ring, 0, 4, 64).unwrap();
    let (a, b) = UnixStream::pair().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ring.recv(&b, 0, true, 1).unwrap();
    ring.accept(&listener, true, 2).unwrap();
    // Far more than the socket buffer holds: this send stays in flight, and the kernel holds on to the octets.
    let octets = Bytes::from(vec![0; 8 << 20]);
    ring.send(&a, octets.clone(), 0, 3).unwrap();
    ring.submit_and_wait(0, None).unwrap();
    assert_eq!(ring.in_flight(), 3);
    assert!(!octets.is_unique());
    let meter = Meter::start("test");
    drop(ring);
    assert!(meter.read().of(Call::IoUringEnter) > 0, "three cancels, and a wait for what was cancelled");
    assert!(octets.is_unique());
}

#[test]
fn a_file_is_read_by_descriptor_or_number_into_any_or_a_registered_block() {
    let Some(mut ring) = ring() else { return };
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"0123456789").unwrap();
    let mut blocks = vec![Block::new(8, 4096), Block::new(8, 4096)];
    ring.register_files(&[file.as_fd()]).unwrap();
    ring.register_blocks(&mut blocks).unwrap();
    for target in [Target::Descriptor(file.as_fd()), Target::Registered(0)] {
        for registered in [None, Some(1)] {
            let block = blocks.pop().unwrap();
            ring.read(Read { file: target, offset: 7, at: 2, len: 6, registered }, block, 0).unwrap();
            let completion = next(&mut ring);
            assert_eq!(completion.result().unwrap(), 3);
            let Payload::Block(mut block) = completion.payload else { panic!() };
            assert_eq!(block[..], *b"\0\x00789\0\0\0");
            block.fill(0);
            blocks.push(block);
        }
    }
}

#[test]
fn what_was_taken_out_early_is_neither_lost_nor_waited_for() {
    let Some(mut ring) = ring() else { return };
    let (a, _b) = UnixStream::pair().unwrap();
    ring.send(&a, b"hello".to_vec(), 0, 1).unwrap();
    ring.submit_and_wait(1, None).unwrap();
    assert!(ring.reap_early());
    assert!(!ring.reap_early(), "nothing is left");
    assert_eq!(ring.in_flight(), 1);
    let completion = next(&mut ring);
    assert_eq!((completion.token, completion.result().unwrap(), ring.in_flight()), (1, 5, 0));
}
