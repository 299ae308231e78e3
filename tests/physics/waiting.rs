//! Facts about waiting itself: when a thread sleeps, what ends its sleep, and what waits in the kernel meanwhile.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{FromRawFd, IntoRawFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::gettid;

use crate::asleep::await_sleep;
use crate::sockets::pair;

/// How often this thread has given its processor away because it had to wait.
fn voluntary_switches() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).unwrap().voluntary_context_switches()
}

#[test]
fn octets_wait_in_the_kernel_for_who_has_not_even_accepted_yet() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"hello").unwrap();
    drop(client);
    let (mut server, _) = listener.accept().unwrap();
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"hello");
}

#[test]
fn a_read_that_finds_octets_does_not_sleep_and_one_that_finds_none_does() {
    const READS: i64 = 100;
    let (mut client, mut server) = pair();
    client.write_all(&[0; READS as usize]).unwrap();
    let mut octet = [0];
    server.peek(&mut octet).unwrap();
    let before = voluntary_switches();
    (0..READS).for_each(|_| server.read_exact(&mut octet).unwrap());
    let slept = voluntary_switches() - before;
    assert!(slept < READS / 10, "{slept} of {READS} reads slept, though the octets were there");

    let (sender, threads) = channel();
    let heard = AtomicU32::new(0);
    let slept = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            sender.send(gettid()).unwrap();
            let before = voluntary_switches();
            for _ in 0..READS {
                server.read_exact(&mut [0]).unwrap();
                heard.fetch_add(1, SeqCst);
            }
            voluntary_switches() - before
        });
        let thread = threads.recv().unwrap();
        for number in 0..READS as u32 {
            while heard.load(SeqCst) < number {
                thread::yield_now();
            }
            await_sleep(thread);
            client.write_all(b"?").unwrap();
        }
        reader.join().unwrap()
    });
    assert!(slept >= READS, "{slept} sleeps for {READS} reads");
}

#[test]
fn a_read_with_a_time_limit_ends_with_eagain_and_the_socket_is_as_before() {
    let (mut client, mut server) = pair();
    server.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let ended = server.read(&mut [0]).unwrap_err();
    assert_eq!(ended.raw_os_error(), Some(libc::EAGAIN));
    server.set_read_timeout(None).unwrap();
    client.write_all(b"?").unwrap();
    assert_eq!(server.read(&mut [0; 8]).unwrap(), 1);
}

#[test]
fn closing_a_socket_does_not_end_the_read_another_thread_sits_in() {
    let (mut client, server) = pair();
    let fd = server.into_raw_fd();
    let (sender, threads) = channel();
    let reader = thread::spawn(move || {
        sender.send(gettid()).unwrap();
        let mut octets = [0_u8; 8];
        // SAFETY: the kernel writes into the array, at most all of it.
        let count = unsafe { libc::recv(fd, octets.as_mut_ptr().cast(), octets.len(), 0) };
        octets[..count as usize].to_vec()
    });
    await_sleep(threads.recv().unwrap());
    // SAFETY: the descriptor is this thread's to close; the call that is under way holds the socket itself.
    drop(unsafe { TcpStream::from_raw_fd(fd) });
    client.write_all(b"still").unwrap();
    assert_eq!(reader.join().unwrap(), b"still");
}

#[test]
fn a_socket_that_is_full_takes_part_of_a_send_then_nothing_and_a_blocking_send_sleeps() {
    const MUCH: usize = 64 << 20;
    let (client, mut server) = pair();
    let octets = vec![0; MUCH];
    server.set_nonblocking(true).unwrap();
    let mut taken = server.write(&octets).unwrap();
    assert!(taken > 0 && taken < MUCH, "{taken} octets were taken, though nobody reads");
    // What has gone into the peer's own buffer makes room for more, until that is full too.
    let full = loop {
        match server.write(&octets) {
            Ok(count) => taken += count,
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);

    server.set_nonblocking(false).unwrap();
    let (sender, threads) = channel();
    let writer = thread::spawn(move || {
        sender.send(gettid()).unwrap();
        server.write_all(&octets).unwrap();
    });
    await_sleep(threads.recv().unwrap());
    let mut heard = 0;
    let mut reader = &client;
    let mut buffer = vec![0; 1 << 20];
    while heard < taken + MUCH {
        heard += reader.read(&mut buffer).unwrap();
    }
    writer.join().unwrap();
}

fn futex(word: &AtomicU32, operation: i32, value: u32, limit: *const libc::timespec) -> nix::Result<i64> {
    // SAFETY: the word is a live atomic, and the limit is null or a live time.
    Errno::result(unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation | libc::FUTEX_PRIVATE_FLAG, value, limit) })
}

#[test]
fn a_futex_wait_sleeps_only_if_the_word_is_still_what_was_seen() {
    let word = AtomicU32::new(1);
    assert_eq!(futex(&word, libc::FUTEX_WAIT, 0, ptr::null()), Err(Errno::EAGAIN), "somebody has been here since");
    let soon = libc::timespec { tv_sec: 0, tv_nsec: 1 };
    assert_eq!(futex(&word, libc::FUTEX_WAIT, 1, &soon), Err(Errno::ETIMEDOUT));
}

#[test]
fn a_futex_wake_wakes_as_many_as_it_is_told_and_says_how_many() {
    let word = AtomicU32::new(0);
    let (sender, threads) = channel();
    thread::scope(|scope| {
        for _ in 0..3 {
            let (sender, word) = (sender.clone(), &word);
            scope.spawn(move || {
                sender.send(gettid()).unwrap();
                while word.load(SeqCst) == 0 {
                    let _ = futex(word, libc::FUTEX_WAIT, 0, ptr::null());
                }
            });
        }
        (0..3).for_each(|_| await_sleep(threads.recv().unwrap()));
        word.store(1, SeqCst);
        assert_eq!(futex(&word, libc::FUTEX_WAKE, 2, ptr::null()), Ok(2));
        assert_eq!(futex(&word, libc::FUTEX_WAKE, 2, ptr::null()), Ok(1));
        assert_eq!(futex(&word, libc::FUTEX_WAKE, 2, ptr::null()), Ok(0), "nobody is left");
    });
}
