//! What real kernels do to a ring: stores after a drop, cancels that come too late, queues that run over, signals, sends cut short.
#![allow(unsafe_code)]

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use super::block::Block;
use super::buffer_ring::BufferRing;
use super::ledger::Payload;
use super::ring::{Completion, Read, Ring, Target};
use super::ring_setup::RingOptions;
use super::ring_tests::{all, next, ring, ring_of, skipped};

/// A ring that could be sent to another thread would make this ambiguous, and so not compile.
const _: fn() = || {
    trait Stays<Anyhow> {
        fn stays() {}
    }
    impl<T: ?Sized> Stays<()> for T {}
    impl<T: ?Sized + Send> Stays<[(); 1]> for T {}
    <Ring as Stays<_>>::stays();
};

const LEN: usize = 4096;

/// A file read around the page cache: the only reads that are sure to be under way for a while.
fn direct(blocks: usize) -> Option<File> {
    let program = std::env::current_exe().unwrap();
    let mut written = tempfile::NamedTempFile::new_in(program.parent().unwrap()).unwrap();
    written.write_all(&vec![b'x'; blocks * LEN]).unwrap();
    written.as_file().sync_all().unwrap();
    let opened = File::options().read(true).custom_flags(libc::O_DIRECT).open(written.path());
    opened.inspect_err(|error| skipped(format_args!("reads under way to a disk: O_DIRECT here says {error}"))).ok()
}

fn one_block(file: &File, number: usize) -> Read<'_> {
    let file = Target::Descriptor(file.as_fd());
    Read { file, offset: (number * LEN) as u64, at: 0, len: LEN, registered: None }
}

fn errno(completion: &Completion) -> i32 {
    completion.result().err().and_then(|error| error.raw_os_error()).unwrap_or(0)
}

/// Everything until nothing is in flight.
fn rest(ring: &mut Ring) -> Vec<Completion> {
    let mut batch = Vec::new();
    while ring.in_flight() > 0 {
        ring.submit_and_wait(1, None).unwrap();
        ring.reap(&mut batch);
    }
    batch
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

// The end of a ring.

/// Nothing stops a read that is on its way to the disk. Were its block freed meanwhile, whoever allocates next would find the
/// kernel's octets in fresh memory: here that is the next block.
#[test]
fn no_octet_is_stored_after_a_ring_was_dropped() {
    canary(10_000, false);
}

/// Nor where the kernel has pinned the pages: what it holds on to is then the memory itself, whoever has it by now.
#[test]
fn no_octet_is_stored_into_a_registered_block_after_a_ring_was_dropped() {
    canary(5_000, true);
}

fn canary(tries: usize, registered: bool) {
    /// Blocks watched at a time: a read is long over before its block's turn comes.
    const WATCHED: usize = 256;
    let options = RingOptions { submissions: 4, completions: 4, ..RingOptions::default() };
    if ring_of(options).is_none() {
        return;
    }
    let Some(file) = direct(64) else { return };
    let (mut watched, mut stored, mut reused) = (VecDeque::new(), 0, 0);
    let mut inspect = |block: Block| stored += usize::from(block.iter().any(|&octet| octet != 0));
    // ANCHOR: canary
    for round in 0..tries {
        let mut ring = Ring::new(&options).unwrap();
        let mut block = Block::new(LEN, LEN);
        let lent = block.as_ptr();
        if registered {
            ring.register_blocks(std::slice::from_mut(&mut block)).unwrap();
        }
        let read = Read { registered: registered.then_some(0), ..one_block(&file, round % 64) };
        ring.read(read, block, 0).unwrap();
        ring.submit().unwrap();
        drop(ring);
        let fresh = Block::new(LEN, LEN);
        reused += usize::from(fresh.as_ptr() == lent);
        watched.push_back(fresh);
        if watched.len() > WATCHED {
            inspect(watched.pop_front().unwrap());
        }
    }
    // ANCHOR_END: canary
    watched.into_iter().for_each(&mut inspect);
    println!("{stored} stores after {tries} drops; {reused} times the memory was watched");
    assert_eq!(stored, 0, "stores after {tries} drops");
    if reused < tries / 2 {
        skipped(format_args!("most of the canary: the allocator used the same memory again in {reused} of {tries} tries only"));
    }
}

// Cancelling.

/// Whatever a cancel came to, the provided buffers are all there in the end.
#[test]
fn cancels_conserve_the_provided_buffers() {
    const ROUNDS: usize = 3000;
    const BUFFERS: u16 = 4;
    let Some(mut ring) = ring() else { return };
    let mut buffers = BufferRing::new(&mut ring, 3, BUFFERS, 16).unwrap();
    let mut dice = Dice(1);
    let (mut taken_back, mut over, mut received) = (0, 0, 0);
    for _ in 0..ROUNDS {
        let (a, b) = UnixStream::pair().unwrap();
        let operation = ring.recv(&b, 3, dice.below(2) == 0, 1).unwrap();
        for _ in 0..dice.below(4) {
            match dice.below(3) {
                0 => (&a).write_all(b"a few octets").unwrap(),
                1 => ring.submit().unwrap(),
                _ => ring.submit_and_wait(0, None).unwrap(),
            }
        }
        for _ in 0..=dice.below(2) {
            ring.cancel(operation, 2).unwrap();
        }
        for completion in rest(&mut ring) {
            match (completion.token, errno(&completion)) {
                (1, _) => {}
                (_, 0) => taken_back += 1,
                (_, libc::ENOENT) => over += 1,
                (_, other) => assert_eq!(other, libc::EALREADY),
            }
            if let Payload::Received(selected) = completion.payload {
                received += 1;
                buffers.give_back(selected);
            }
        }
    }
    println!("{taken_back} were taken back, {over} were over, {received} buffers were filled meanwhile");
    assert!(taken_back > 100 && over > 100 && received > 100, "{taken_back}, {over}, {received}");

    let (mut a, b) = UnixStream::pair().unwrap();
    a.write_all(&[0; 16 * (BUFFERS as usize + 1)]).unwrap();
    ring.recv(&b, 3, true, 1).unwrap();
    let drained = rest(&mut ring);
    assert_eq!(errno(drained.last().unwrap()), libc::ENOBUFS);
    let there: HashSet<_> = drained
        .iter()
        .filter_map(|completion| match &completion.payload {
            Payload::Received(selected) => Some(selected.id),
            _ => None,
        })
        .collect();
    assert_eq!(there.len(), usize::from(BUFFERS));
}

/// `ENOENT` does not mean that an operation is over: a read on its way to the disk is not found either, and still completes.
#[test]
fn a_read_that_cannot_be_taken_back_keeps_its_block_until_it_is_done() {
    let Some(mut ring) = ring() else { return };
    let Some(file) = direct(64) else { return };
    let (mut taken_back, mut filled, mut outlived) = (0, 0, 0);
    for number in (0..64).cycle().take(500) {
        // ANCHOR: not-taken-back
        let operation = ring.read(one_block(&file, number), Block::new(LEN, LEN), 1).unwrap();
        ring.submit().unwrap();
        ring.cancel(operation, 2).unwrap();
        let mut both = all(&mut ring, 2);
        // In the order of the queue: a cancel that found nothing, and behind it the octets of what it did not find.
        let [first, second] = &both[..] else { panic!("both complete") };
        outlived += u32::from(first.token == 2 && errno(first) == libc::ENOENT && second.result().is_ok());
        // ANCHOR_END: not-taken-back
        both.sort_by_key(|completion| completion.token);
        let [read, cancel] = <[_; 2]>::try_from(both).unwrap();
        assert!(matches!(errno(&cancel), 0 | libc::ENOENT | libc::EALREADY), "{cancel:?}");
        let result = read.result();
        let Payload::Block(block) = read.payload else { panic!("its block comes back, whatever happened") };
        match result {
            Ok(count) => {
                assert!(count == LEN && block.iter().all(|&octet| octet == b'x'));
                filled += 1;
            }
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
                taken_back += 1;
            }
        }
    }
    println!(
        "{taken_back} reads were taken back, {filled} were done all the same, {outlived} after a cancel that found nothing"
    );
    if taken_back > 0 {
        return skipped(format_args!("reads that cannot be taken back: here they wait for a thread of the kernel"));
    }
    assert!(outlived > 0, "each read was over before its cancel");
}

// ANCHOR: late-cancel
/// The slot of an operation that is over belongs to another; a late cancel must not reach it.
#[test]
fn a_late_cancel_does_not_reach_who_has_the_slot_now() {
    let Some(mut ring) = ring() else { return };
    let (mut a, b) = UnixStream::pair().unwrap();
    let first = ring.poll(&a, libc::POLLOUT as u32, false, 1).unwrap();
    assert_eq!(next(&mut ring).token, 1);
    let second = ring.poll(&b, libc::POLLIN as u32, false, 2).unwrap();
    assert_eq!(first.0 as u32, second.0 as u32, "the slot is used again");
    ring.cancel(first, 3).unwrap();
    let cancel = next(&mut ring);
    assert_eq!((cancel.token, errno(&cancel)), (3, libc::ENOENT));
    a.write_all(b"?").unwrap();
    let polled = next(&mut ring);
    assert_eq!((polled.token, polled.result().unwrap()), (2, libc::POLLIN as usize));
}
// ANCHOR_END: late-cancel

// Queues that run over, and signals.

#[test]
fn thousands_of_completions_beyond_the_queue_all_come() {
    const SENDS: usize = 5000;
    let options = RingOptions { submissions: 2, completions: 4, ..RingOptions::default() };
    let Some(mut ring) = ring_of(options) else { return };
    let mut buffers = BufferRing::new(&mut ring, 0, 8, 4).unwrap();
    let (a, b) = UnixStream::pair().unwrap();
    ring.recv(&b, 0, true, SENDS as u64).unwrap();
    let (mut sent, mut received, mut batch) = (vec![0; SENDS], 0, Vec::new());
    let mut hear = |ring: &mut Ring| {
        ring.reap(&mut batch);
        for completion in batch.drain(..) {
            match completion.token as usize {
                SENDS => {
                    if let Payload::Received(selected) = completion.payload {
                        received += buffers.octets(&selected).len();
                        buffers.give_back(selected);
                    }
                    if !completion.more {
                        ring.recv(&b, 0, true, SENDS as u64).unwrap();
                    }
                }
                token => {
                    assert_eq!(completion.result().unwrap(), 1);
                    sent[token] += 1;
                }
            }
        }
        received
    };
    for token in 0..SENDS {
        ring.send(&a, vec![0], 0, token as u64).unwrap();
        if token % 1000 == 999 {
            hear(&mut ring);
        }
    }
    while hear(&mut ring) < SENDS {
        ring.submit_and_wait(1, None).unwrap();
    }
    while ring.in_flight() > 1 {
        ring.submit_and_wait(1, None).unwrap();
        hear(&mut ring);
    }
    assert!(sent.iter().all(|&times| times == 1), "every send completes once");
}

extern "C" fn hear_nothing(_signal: libc::c_int) {}

/// `io_uring_enter(2)` returns `EINTR` even where `SA_RESTART` is set.
#[test]
fn a_signal_ends_a_wait_and_nothing_else() {
    let Some(mut ring) = ring() else { return };
    // SAFETY: all-zero is a valid `sigaction`; the handler does nothing, so it may run at any time.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = hear_nothing as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut()), 0);
    }
    // SAFETY: it takes no arguments and cannot fail.
    let waiting = unsafe { libc::pthread_self() };
    let is_interrupted = AtomicBool::new(false);
    let (mut a, b) = UnixStream::pair().unwrap();
    ring.poll(&b, libc::POLLIN as u32, false, 1).unwrap();
    // A call that has submitted something as well reports that instead.
    ring.submit().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            // Again until it arrives in the wait and not before it.
            while !is_interrupted.load(SeqCst) {
                // SAFETY: the thread lives as long as this scope.
                unsafe { libc::pthread_kill(waiting, libc::SIGUSR2) };
                thread::sleep(Duration::from_millis(1));
            }
        });
        let waited = ring.submit_and_wait(1, None);
        is_interrupted.store(true, SeqCst);
        waited.unwrap();
    });
    let mut batch = Vec::new();
    ring.reap(&mut batch);
    assert!(batch.is_empty() && ring.in_flight() == 1, "{batch:?}");
    a.write_all(b"?").unwrap();
    assert_eq!(next(&mut ring).token, 1);
}

// Sends cut short.

/// Octets that differ from place to place.
fn noise(len: usize) -> Vec<u8> {
    let mut dice = Dice(len as u64);
    (0..len).map(|_| dice.below(256) as u8).collect()
}

#[test]
fn a_send_that_is_taken_back_says_how_much_went_out_and_goes_on_from_there() {
    let Some(mut ring) = ring() else { return };
    let octets = Bytes::from(noise(3 << 20));
    let (a, mut b) = UnixStream::pair().unwrap();
    let (mut gone, mut heard, mut cuts) = (0, Vec::new(), 0);
    while gone < octets.len() {
        let (first, second) = (octets.slice(..octets.len() / 2), octets.slice(octets.len() / 2..));
        // In one stretch and in two, by turns.
        let operation = match cuts % 2 {
            0 if gone < first.len() => ring.send_all(&a, vec![first.into(), second.into()], gone, 1),
            _ => ring.send(&a, octets.clone(), gone, 1),
        };
        ring.submit().unwrap();
        ring.cancel(operation.unwrap(), 2).unwrap();
        for completion in rest(&mut ring).iter().filter(|completion| completion.token == 1) {
            match completion.result() {
                Ok(count) => gone += count,
                Err(error) => assert_eq!(error.raw_os_error(), Some(libc::ECANCELED)),
            }
            cuts += 1;
        }
        // Not all that is there, so that the socket's buffer is full again soon.
        let from = heard.len();
        heard.resize(gone, 0);
        b.read_exact(&mut heard[from..]).unwrap();
    }
    assert!(heard == octets, "not an octet lost, doubled or out of place");
    assert!(cuts > 2, "{cuts}");
}

#[test]
fn a_send_into_a_socket_that_is_shut_says_how_much_went_out_before() {
    let Some(mut ring) = ring() else { return };
    let octets = noise(3 << 20);
    let (a, mut b) = UnixStream::pair().unwrap();
    ring.send(&a, octets.clone(), 0, 1).unwrap();
    ring.submit_and_wait(0, None).unwrap();
    assert_eq!(ring.in_flight(), 1, "more than the socket holds");
    a.shutdown(Shutdown::Write).unwrap();
    let cut = next(&mut ring);
    let count = cut.result().unwrap();
    assert!(count > 0 && count < octets.len(), "{count}");
    let mut heard = Vec::new();
    b.read_to_end(&mut heard).unwrap();
    assert!(heard == octets[..count], "{} octets were heard, {count} had gone", heard.len());
    ring.send(&a, octets, count, 1).unwrap();
    assert_eq!(errno(&next(&mut ring)), libc::EPIPE, "and no signal");
}
