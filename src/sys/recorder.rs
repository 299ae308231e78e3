//! What each thread of the models does, and when, for a [trace](crate::trace): off unless somebody records, and then a relaxed load
//! and a branch for each call.
//!
//! Every thread writes into a track of its own, so nobody waits for anybody: only for room, a chunk at a time, and to hand the track
//! over when its work ends, is there a lock. A track is [begun](begin) and ended with a thread's [`Meter`](super::calls::Meter), so
//! the calls in a trace are those in a [`Cost`](crate::Cost); what threads do outside of that is nobody's workload and not recorded.
//!
//! **Invariant:** spans of one track nest: each is a guard that lives in a scope.

use std::cell::RefCell;
use std::fmt::Display;
use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::calls::Call;

/// Whether somebody records.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// What there is of a recording beside the tracks that are being written.
static COLLECTOR: Mutex<Collector> =
    Mutex::new(Collector { serial: 0, processes: Vec::new(), tracks: Vec::new(), begun: 0, room: 0 });

thread_local! {
    static TRACK: RefCell<Option<Track>> = const { RefCell::new(None) };
}

/// Room is handed out in pieces of so many events: a thread asks once for all of them, and one that ends soon gives back the rest.
const CHUNK: usize = 128;

/// A track takes the room of so many events: itself, its name and its list of chunks are about as large, and threads without number
/// may come.
const TRACK_ROOM: usize = 3;

struct Collector {
    /// Which recording this is: a track of an earlier one comes too late.
    serial: u64,
    processes: Vec<String>,
    /// Of threads whose work has ended.
    tracks: Vec<Track>,
    /// Tracks begun, those included that have not ended, or found no room.
    begun: u32,
    /// For how many events there is room.
    room: usize,
}

/// What one thread did from the beginning of its work to the end.
pub(crate) struct Track {
    /// Of which recording it is.
    pub(crate) serial: u64,
    /// Which of the recording's processes it belongs to.
    pub(crate) process: usize,
    /// Tracks are numbered from 1 on, as they begin.
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) chunks: Vec<Vec<Event>>,
    /// Events that found no room.
    pub(crate) dropped: u64,
}

/// Something that took time, or a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// In nanoseconds of `CLOCK_MONOTONIC`.
    pub(crate) at: u64,
    /// The same as `at` for a moment.
    pub(crate) until: u64,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Call {
        call: Call,
        fd: Option<RawFd>,
        about: Option<&'static str>,
        outcome: Option<Outcome>,
    },
    /// The thread slept in something that is no counted call.
    Wait(&'static str),
    /// A protocol or its service was told something.
    Callback {
        name: &'static str,
        whose: Option<u64>,
        octets: Option<usize>,
    },
    /// The kernel was given something to do,
    Started {
        operation: u64,
        name: &'static str,
        fd: Option<RawFd>,
    },
    /// has done some of it, and goes on,
    WentOn {
        operation: u64,
        outcome: Outcome,
    },
    /// or has done it.
    Ended {
        operation: u64,
        outcome: Outcome,
    },
}

/// What the kernel answered: a value, or the number of an error.
pub(crate) type Outcome = Result<u64, i32>;

// Recording, as models do it.

/// The time if somebody records, else 0, which is no time at all.
#[inline(always)]
pub(crate) fn moment() -> u64 {
    if is_on() { now() } else { 0 }
}

/// Whether somebody records.
#[inline(always)]
pub(crate) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// A track for this thread, until it is dropped. None where nobody records, or the thread has one, or there is no room.
pub(super) fn begin(name: impl Display) -> Option<Open> {
    if is_on() { open(name.to_string()) } else { None }
}

#[cold]
fn open(name: String) -> Option<Open> {
    TRACK.with_borrow_mut(|track| {
        let mut collector = lock();
        let is_free = track.as_ref().is_none_or(|track| track.serial != collector.serial);
        if !is_free || !is_on() {
            return None;
        }
        collector.begun += 1;
        collector.room = collector.room.checked_sub(TRACK_ROOM)?;
        let (serial, number) = (collector.serial, collector.begun);
        let process = collector.processes.len() - 1;
        *track = Some(Track { serial, process, number, name, chunks: Vec::new(), dropped: 0 });
        Some(Open)
    })
}

/// This thread has a track.
pub(super) struct Open;

impl Drop for Open {
    fn drop(&mut self) {
        let Ok(Some(mut track)) = TRACK.try_with(RefCell::take) else { return };
        // What it did not use is given back: the memory, and then the room, which others fill with theirs.
        let unused = track.chunks.last_mut().map_or(0, |chunk| {
            let unused = chunk.capacity() - chunk.len();
            chunk.shrink_to_fit();
            unused
        });
        let mut collector = lock();
        if track.serial == collector.serial {
            collector.room += unused;
            collector.tracks.push(track);
        }
    }
}

/// Gives this thread's track another name, now that it is known whom it works for.
pub(crate) fn rename(name: impl FnOnce() -> String) {
    if is_on() {
        with_track(|track| track.name = name());
    }
}

/// The thread is about to sleep in something that no call here stands for, until this is dropped.
#[inline]
pub(crate) fn wait(name: &'static str) -> Span {
    Span { begun: moment(), what: What::Wait(name) }
}

/// A service is asked for something, until this is dropped.
#[inline]
pub(crate) fn asked(name: &'static str) -> Span {
    Span { begun: moment(), what: What::Callback { name, whose: None, octets: None } }
}

/// Something that takes time, from its making to its dropping.
#[must_use = "it ends when it is dropped"]
pub(crate) struct Span {
    begun: u64,
    what: What,
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        if self.begun != 0 {
            span(self.begun, self.what);
        }
    }
}

/// A protocol was told something, from the [moment] `begun` until now: whose it is, and how much.
#[cold]
#[inline(never)]
pub(crate) fn told(begun: u64, name: &'static str, whose: u64, octets: Option<usize>) {
    span(begun, What::Callback { name, whose: Some(whose), octets });
}

/// Something happens that takes no time.
#[inline(always)]
pub(super) fn mark(what: impl FnOnce() -> What) {
    let at = moment();
    if at != 0 {
        note(Event { at, until: at, what: what() });
    }
}

/// A span is over that began at `at`, which is no longer ago than this thread's track.
pub(super) fn span(at: u64, what: What) {
    note(Event { at, until: now(), what });
}

#[cold]
#[inline(never)]
fn note(event: Event) {
    with_track(|track| track.push(event));
}

fn with_track(act: impl FnOnce(&mut Track)) {
    // A thread that ends has none any more.
    let _ = TRACK.try_with(|track| track.borrow_mut().as_mut().map(act));
}

impl Track {
    fn push(&mut self, event: Event) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < chunk.capacity() => chunk.push(event),
            // Who has found no room once does not ask again: else an operation might end that has no beginning here.
            _ if self.dropped > 0 => self.dropped += 1,
            _ => match self.more_room() {
                0 => self.dropped += 1,
                room => {
                    let mut chunk = Vec::with_capacity(room);
                    chunk.push(event);
                    self.chunks.push(chunk);
                }
            },
        }
    }

    fn more_room(&self) -> usize {
        let mut collector = lock();
        if self.serial != collector.serial {
            return 0;
        }
        let room = collector.room.min(CHUNK);
        collector.room -= room;
        room
    }
}

// Recording, as whoever wants it has it done.

/// All that was recorded.
pub(crate) struct Recorded {
    pub(crate) processes: Vec<String>,
    /// By their numbers.
    pub(crate) tracks: Vec<Track>,
    /// Threads that have not ended their work, or began it when there was no room: what they did is not here.
    pub(crate) missing: usize,
}

/// Begins to record, with room for so many events, of which each track takes [three](TRACK_ROOM). An error where somebody does already.
pub(crate) fn start(process: String, room: usize) -> io::Result<()> {
    let mut collector = lock();
    if is_on() {
        let why = "a trace is being recorded in this process already: stop that recording first";
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
    }
    let serial = collector.serial + 1;
    *collector = Collector { serial, processes: vec![process], tracks: Vec::new(), begun: 0, room };
    IS_ON.store(true, Ordering::Relaxed);
    Ok(())
}

/// Tracks that begin from now on belong to another process.
pub(crate) fn next_process(name: String) {
    lock().processes.push(name);
}

/// Ends the recording.
pub(crate) fn stop() -> Recorded {
    let mut collector = lock();
    IS_ON.store(false, Ordering::Relaxed);
    // Who has not ended yet comes too late.
    collector.serial += 1;
    let processes = mem::take(&mut collector.processes);
    let mut tracks = mem::take(&mut collector.tracks);
    tracks.sort_by_key(|track| track.number);
    Recorded { processes, missing: collector.begun as usize - tracks.len(), tracks }
}

/// The time of a trace: nanoseconds of `CLOCK_MONOTONIC`, read without a system call (vdso(7)).
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(1, |now| Duration::from(now).as_nanos() as u64)
}

fn lock() -> MutexGuard<'static, Collector> {
    COLLECTOR.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::calls::{Meter, count};
    use super::*;

    /// Records so many short tracks on this thread. Other tests of this process may be in the recording, too.
    fn short_tracks(tracks: usize, room: usize) -> Recorded {
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        start("test".into(), room).unwrap();
        for _ in 0..tracks {
            let meter = Meter::start("short");
            (0..6).for_each(|_| count(Call::Read));
            meter.read();
        }
        stop()
    }

    #[test]
    fn a_track_keeps_no_more_memory_than_it_needs() {
        let recorded = short_tracks(1000, 1_000_000);
        let short: Vec<_> = recorded.tracks.iter().filter(|track| track.name == "short").collect();
        assert_eq!(short.len(), 1000);
        let chunks = || short.iter().flat_map(|track| &track.chunks);
        let (kept, used) = (chunks().map(Vec::capacity).sum::<usize>(), chunks().map(Vec::len).sum::<usize>());
        assert_eq!((kept, used), (6000, 6000));
    }

    #[test]
    fn where_there_is_no_room_no_track_begins() {
        let recorded = short_tracks(1000, 300);
        let tracks = recorded.tracks.len();
        let events: usize = recorded.tracks.iter().flat_map(|track| &track.chunks).map(Vec::len).sum();
        assert!(tracks * TRACK_ROOM + events <= 300, "{tracks} tracks with {events} events");
        assert!(tracks > 0 && recorded.missing >= 1000 - tracks, "{tracks} tracks, {} missing", recorded.missing);
        assert!(size_of::<Track>() + 128 <= TRACK_ROOM * size_of::<Event>());
    }

    #[test]
    fn an_event_takes_as_much_memory_as_is_said() {
        assert_eq!(size_of::<Event>(), 72);
    }
}
