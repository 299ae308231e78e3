//! Facts about the kernel that the documentation states and the models are built on. If one fails, the kernel has changed, and
//! with it the reason for some piece of code.
#![allow(unsafe_code)]

mod asleep;
#[path = "physics/endings.rs"]
mod endings;
#[path = "physics/raw_ring.rs"]
mod raw_ring;
#[path = "physics/rings.rs"]
mod rings;
#[path = "physics/signals.rs"]
mod signals;
mod skip;
#[path = "physics/sockets.rs"]
mod sockets;
#[path = "physics/waiting.rs"]
mod waiting;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use io_uring::{IoUring, opcode, squeue, types};
use iolab::{Alignment, ReadFile, Unavailable};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use tempfile::NamedTempFile;

use raw_ring::{complete, poll_readable, push, ring};

// Files.

fn written(len: usize) -> NamedTempFile {
    let mut file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    file.write_all(&vec![b'x'; len]).unwrap();
    file.as_file().sync_all().unwrap();
    file
}

fn pread_nowait(file: &File, into: &mut [u8]) -> nix::Result<isize> {
    let vector = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: one vector, which describes an exclusively borrowed slice.
    Errno::result(unsafe { libc::preadv2(file.as_raw_fd(), &vector, 1, 0, libc::RWF_NOWAIT) })
}

#[test]
fn epoll_refuses_a_regular_file() {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    let refused = epoll.add(written(1), EpollEvent::new(EpollFlags::EPOLLIN, 0));
    assert_eq!(refused, Err(Errno::EPERM));
}

#[test]
fn poll_calls_a_regular_file_ready_even_at_its_end() {
    let file = written(1);
    let mut at_end = file.as_file();
    at_end.read_to_end(&mut Vec::new()).unwrap();
    let wanted = PollFlags::POLLIN | PollFlags::POLLOUT;
    let mut polled = [PollFd::new(file.as_fd(), wanted)];
    assert_eq!(poll(&mut polled, PollTimeout::ZERO), Ok(1));
    assert_eq!(polled[0].revents(), Some(wanted));
}

// ANCHOR: cached-only
#[test]
fn a_read_that_must_not_wait_reads_what_is_cached_and_nothing_else() {
    let written = written(64 << 10);
    let mut octets = [0; 4096];
    match pread_nowait(written.as_file(), &mut octets) {
        Err(Errno::EOPNOTSUPP) => return skip::skipped(format_args!("the file system here cannot tell what is cached")),
        cached => assert_eq!(cached, Ok(4096)),
    }
    // A page that another processor has in hand is left where it is (invalidate_mapping_pages).
    let file = ReadFile::open_buffered(written.path()).unwrap();
    let mut without_waiting = || {
        file.drop_cache().unwrap();
        pread_nowait(written.as_file(), &mut octets)
    };
    let seen = (0..1000).map(|_| without_waiting()).find(|seen| *seen != Ok(4096));
    assert_eq!(seen, Some(Err(Errno::EAGAIN)));
}
// ANCHOR_END: cached-only

#[test]
fn a_direct_read_that_must_not_wait_waits_for_the_disk_all_the_same() {
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    let written = written(64 << 10);
    ReadFile::open_buffered(written.path()).unwrap().drop_cache().unwrap();
    match File::options().read(true).custom_flags(libc::O_DIRECT).open(written.path()) {
        Ok(direct) => assert_eq!(pread_nowait(&direct, &mut Page([0; 4096]).0), Ok(4096), "of a file that is not cached"),
        Err(error) => skip::skipped(format_args!("direct I/O: {error}")),
    }
}

#[test]
fn proc_can_neither_tell_what_is_cached_nor_read_around_it() {
    let version = File::open("/proc/version").unwrap();
    assert_eq!(pread_nowait(&version, &mut [0; 16]), Err(Errno::EOPNOTSUPP));
    let direct = File::options().read(true).custom_flags(libc::O_DIRECT).open("/proc/version");
    assert_eq!(direct.unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn the_direct_alignment_is_a_power_of_two_of_at_most_a_page() {
    let written = written(8192);
    match ReadFile::open_direct(written.path()) {
        Ok(file) => {
            let Alignment { memory, offset } = file.alignment();
            assert!(memory.is_power_of_two() && offset.is_power_of_two());
            assert!(memory <= 4096 && offset <= 4096, "{:?}: the assumption for silent file systems", file.alignment());
        }
        Err(error) => skip::skipped(format_args!("{}", Unavailable::within(&error).unwrap_or_else(|| panic!("{error}")))),
    }
}

#[test]
fn a_direct_read_ends_short_at_the_end_of_the_file_though_that_is_not_aligned() {
    let written = written(5000);
    let Ok(file) = File::options().read(true).custom_flags(libc::O_DIRECT).open(written.path()) else {
        return skip::skipped(format_args!("no O_DIRECT here"));
    };
    #[repr(align(4096))]
    struct Block([u8; 8192]);
    let mut block = Block([0; 8192]);
    assert_eq!(nix::sys::uio::pread(&file, &mut block.0, 0), Ok(5000));
    assert_eq!(block.0[4999], b'x');
}

// io_uring.

#[test]
fn a_cancelled_operation_and_its_cancel_complete_both() {
    let Some(mut ring) = ring(&IoUring::builder(), 8) else { return };
    let (a, _b) = UnixStream::pair().unwrap();
    push(&mut ring, poll_readable(&a), 1);
    push(&mut ring, opcode::AsyncCancel::new(1).build(), 2);
    assert_eq!(complete(&mut ring, 2), [(1, -libc::ECANCELED, false), (2, 0, false)]);
    push(&mut ring, opcode::AsyncCancel::new(1).build(), 3);
    assert_eq!(complete(&mut ring, 1), [(3, -libc::ENOENT, false)]);
}

#[test]
fn closing_a_descriptor_completes_nothing_that_is_in_flight_on_it() {
    let Some(mut ring) = ring(&IoUring::builder(), 8) else { return };
    let (a, mut b) = UnixStream::pair().unwrap();
    push(&mut ring, poll_readable(&a), 1);
    ring.submit().unwrap();
    drop(a);
    push(&mut ring, opcode::Nop::new().build(), 2);
    assert_eq!(complete(&mut ring, 1), [(2, 0, false)], "the poll goes on");
    b.write_all(b"?").unwrap();
    let done = complete(&mut ring, 1);
    assert_eq!(done[0].0, 1, "and what comes still completes it: the operation holds the socket open");
}

#[test]
fn a_full_completion_queue_loses_nothing() {
    let Some(mut ring) = ring(IoUring::builder().setup_cqsize(4), 2) else { return };
    for user_data in 0..20 {
        push(&mut ring, opcode::Nop::new().build(), user_data);
        ring.submit().unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 20 {
        seen.extend(complete(&mut ring, 1).into_iter().map(|done| done.0));
    }
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

#[test]
fn a_ring_of_one_issuer_turns_other_threads_away() {
    let Some(ring) = ring(IoUring::builder().setup_single_issuer().setup_defer_taskrun(), 2) else { return };
    let refused = thread::scope(|scope| scope.spawn(|| ring.submit_and_wait(1)).join().unwrap());
    assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EEXIST));
}

#[test]
fn a_wait_for_completions_ends_with_etime() {
    let Some(ring) = ring(&IoUring::builder(), 2) else { return };
    let limit = types::Timespec::from(Duration::from_millis(1));
    let ended = ring.submitter().submit_with_args(1, &types::SubmitArgs::new().timespec(&limit));
    assert_eq!(ended.unwrap_err().raw_os_error(), Some(libc::ETIME));
}

#[test]
fn a_send_may_be_short_on_a_blocking_socket_unless_it_is_told_to_wait_for_all() {
    let Some(mut ring) = ring(&IoUring::builder(), 2) else { return };
    let octets = vec![b'x'; 4 << 20];
    let send = |stream: &UnixStream, flags| {
        let (start, len) = (octets.as_ptr(), octets.len() as u32);
        opcode::Send::new(types::Fd(stream.as_raw_fd()), start, len).flags(flags).build()
    };

    let (a, _unread) = UnixStream::pair().unwrap();
    push(&mut ring, send(&a, 0), 1);
    let sent = complete(&mut ring, 1)[0].1;
    assert!(sent > 0 && (sent as usize) < octets.len(), "{sent} octets were sent, though nobody reads");

    let (a, mut b) = UnixStream::pair().unwrap();
    let reader = thread::spawn(move || b.read_to_end(&mut Vec::new()));
    push(&mut ring, send(&a, libc::MSG_WAITALL), 1);
    assert_eq!(complete(&mut ring, 1)[0].1 as usize, octets.len());
    drop(a);
    assert_eq!(reader.join().unwrap().unwrap(), octets.len());
}

#[test]
fn a_send_that_is_cut_short_does_not_stop_the_one_linked_behind_it() {
    let Some(mut ring) = ring(&IoUring::builder(), 2) else { return };
    let long = vec![b'1'; 4 << 20];
    let linked = |flags: i32| {
        let (a, mut b) = UnixStream::pair().unwrap();
        let reader = thread::spawn(move || {
            let mut heard = Vec::new();
            b.read_to_end(&mut heard).unwrap();
            heard
        });
        let fd = types::Fd(a.as_raw_fd());
        let first = opcode::Send::new(fd, long.as_ptr(), long.len() as u32).flags(flags).build();
        (a, reader, first.flags(squeue::Flags::IO_LINK), opcode::Send::new(fd, b"2".as_ptr(), 1).flags(flags).build())
    };
    // ANCHOR: gap
    let (a, reader, first, second) = linked(0);
    push(&mut ring, first, 1);
    push(&mut ring, second, 2);
    let done = complete(&mut ring, 2);
    drop(a);
    let heard = reader.join().unwrap();
    assert!(done[0].1 < 4 << 20 && done[1] == (2, 1, false), "{done:?}");
    assert!(heard.len() < 4 << 20 && heard.ends_with(b"12"), "the stream has a gap");
    // ANCHOR_END: gap

    let (a, reader, first, second) = linked(libc::MSG_WAITALL);
    push(&mut ring, first, 1);
    push(&mut ring, second, 2);
    assert_eq!(complete(&mut ring, 2), [(1, 4 << 20, false), (2, 1, false)]);
    drop(a);
    assert_eq!(reader.join().unwrap().len(), (4 << 20) + 1);
}

#[test]
fn a_registered_buffer_number_does_not_let_a_read_go_elsewhere() {
    let Some(mut ring) = ring(&IoUring::builder(), 2) else { return };
    let file = written(100);
    let mut registered = vec![0; 4096];
    let elsewhere = vec![0; 4096];
    let vector = libc::iovec { iov_base: registered.as_mut_ptr().cast(), iov_len: registered.len() };
    // SAFETY: the buffer outlives the ring's use of it.
    let made = unsafe { ring.submitter().register_buffers(&[vector]) };
    if let Err(error) = made {
        return skip::skipped(format_args!("no registered buffers: {error}"));
    }
    let into = elsewhere.as_ptr().cast_mut();
    push(&mut ring, opcode::ReadFixed::new(types::Fd(file.as_raw_fd()), into, 100, 0).build(), 1);
    assert_eq!(complete(&mut ring, 1), [(1, -libc::EFAULT, false)]);
    assert_eq!(elsewhere, vec![0; 4096]);
    ring.submitter().unregister_buffers().unwrap();
    drop(registered);
}

/// Why a ring must not be dropped before its last completion. The memory outlives the ring here, so that the kernel does no harm.
#[test]
fn a_ring_that_is_dropped_goes_on_storing() {
    const TRIES: usize = 2000;
    let written = written(4096);
    let Ok(file) = File::options().read(true).custom_flags(libc::O_DIRECT).open(written.path()) else {
        return skip::skipped(format_args!("reads that outlive their ring: no O_DIRECT here"));
    };
    #[repr(align(4096))]
    struct Block([AtomicU8; 4096]);
    let block: &'static Block = Box::leak(Box::new(Block([const { AtomicU8::new(0) }; 4096])));
    let mut stored = 0;
    for _ in 0..TRIES {
        let Some(mut ring) = ring(&IoUring::builder(), 2) else { return };
        let into = block.0.as_ptr().cast_mut().cast();
        push(&mut ring, opcode::Read::new(types::Fd(file.as_raw_fd()), into, 4096).build(), 1);
        ring.submit().unwrap();
        drop(ring);
        block.0[0].store(0, SeqCst);
        let dropped = Instant::now();
        while dropped.elapsed() < Duration::from_micros(300) {
            if block.0[0].swap(0, SeqCst) != 0 {
                stored += 1;
                break;
            }
        }
    }
    println!("{stored} stores after {TRIES} drops");
    assert!(stored > 0, "the kernel waits for the reads of a ring that is dropped");
}
