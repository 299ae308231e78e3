//! Reading ranges: one suite, which each of the models passes, compared with what `std` reads.

mod skip;

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixListener;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use iolab::http1::{Exchange, Handler, Head, HttpLimits, HttpService, NoUpgrade, TimeLimits, Trailers};
use iolab::models::{AnyModel, Epoll, Uring, uring};
use iolab::{Call, Cost, Event, FileDone, MAX_BLOCK, Model, ReadFile, ReadList, ReadWorkload, Shutdown, Unavailable, listen};
use tempfile::{NamedTempFile, TempDir};

type Run = Box<dyn Fn(&ReadFile, NonZeroUsize, &mut dyn ReadWorkload) -> io::Result<Cost>>;

/// The models that can run here; io_uring with its techniques on and off.
fn models() -> Vec<(&'static str, Run)> {
    let reads = uring::ReadOptions { registered_file: false, ..Default::default() };
    let plain = uring::Techniques::default().without(uring::Technique::RegisteredBuffers);
    let plain = AnyModel::Uring(Uring { reads, techniques: plain, ..Uring::default() });
    let old = AnyModel::Uring(Uring { techniques: uring::Techniques::NONE, ..Uring::default() });
    let all = AnyModel::all().map(|model| (model.name(), model));
    let all = all.into_iter().chain([("uring, nothing new", old), ("uring, plain", plain)]);
    let nothing = ReadFile::open_buffered("/proc/version").unwrap();
    let is_here = |(name, model): &(&str, AnyModel)| {
        let tried = model.read_ranges(&nothing, at_once(1), &mut ReadList::new(&[], |_, _| ControlFlow::Continue(())));
        let Err(error) = tried else { return true };
        let unavailable = Unavailable::within(&error).unwrap_or_else(|| panic!("no {name}, for no known reason: {error}"));
        skip::skipped(format_args!("for {name}: {unavailable}"));
        false
    };
    let run = |(name, model): (&'static str, AnyModel)| -> (&'static str, Run) {
        (name, Box::new(move |file, depth, workload| model.read_ranges(file, depth, workload)))
    };
    all.filter(is_here).map(run).collect()
}

fn at_once(depth: usize) -> NonZeroUsize {
    NonZeroUsize::new(depth).unwrap()
}

/// What arrived for each range, each told exactly once.
type Arrived = Vec<Option<Result<Vec<u8>, String>>>;

fn read(run: &Run, file: &ReadFile, depth: usize, ranges: &[Range<u64>]) -> (Arrived, Cost) {
    let mut arrived: Arrived = vec![None; ranges.len()];
    let mut list = ReadList::new(ranges, |index, octets| {
        let octets = octets.map(<[u8]>::to_vec).map_err(|error| error.to_string());
        assert!(arrived[index].replace(octets).is_none(), "range {index} was told twice");
        ControlFlow::Continue(())
    });
    let cost = run(file, at_once(depth), &mut list).unwrap();
    (arrived, cost)
}

/// Reads `ranges` by every model and compares with `std`.
fn check(path: &Path, ranges: &[Range<u64>]) {
    let plain = File::open(path).unwrap();
    let expected: Vec<Vec<u8>> = ranges.iter().map(|range| read_plainly(&plain, range)).collect();
    for file in files(path) {
        for (name, run) in models() {
            for depth in [1, 7, 64] {
                if depth == 7 {
                    file.drop_cache().unwrap();
                }
                let (arrived, cost) = read(&run, &file, depth, ranges);
                for (index, (arrived, expected)) in arrived.iter().zip(&expected).enumerate() {
                    let octets = arrived.as_ref().expect("every range is told").as_ref().unwrap();
                    assert!(
                        octets == expected,
                        "{name}, {depth} at once, direct {}: range {index} {:?}: {} octets, not {}",
                        file.is_direct(),
                        ranges[index],
                        octets.len(),
                        expected.len()
                    );
                }
                let octets: usize = expected.iter().map(Vec::len).sum();
                assert!(cost.octets_in >= octets as u64, "{name}: {cost:?}");
            }
        }
    }
}

/// The file through the page cache, and around it if its file system can do that.
fn files(path: &Path) -> Vec<ReadFile> {
    let mut files = vec![ReadFile::open_buffered(path).unwrap()];
    match ReadFile::open_direct(path) {
        Ok(direct) => files.push(direct),
        Err(error) => {
            let unavailable = Unavailable::within(&error).unwrap_or_else(|| panic!("{error}"));
            skip::skipped(format_args!("for O_DIRECT: {unavailable}"));
        }
    }
    files
}

fn read_plainly(file: &File, range: &Range<u64>) -> Vec<u8> {
    let mut octets = vec![0; (range.end - range.start) as usize];
    let mut filled = 0;
    while filled < octets.len() {
        match file.read_at(&mut octets[filled..], range.start + filled as u64).unwrap() {
            0 => break,
            count => filled += count,
        }
    }
    octets.truncate(filled);
    octets
}

/// A file of octets that differ from place to place, on a disk.
fn written(len: usize) -> NamedTempFile {
    let mut dice = Dice(len as u64);
    let octets: Vec<u8> = (0..len).map(|_| dice.below(256) as u8).collect();
    let mut file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    file.write_all(&octets).unwrap();
    file.as_file().sync_all().unwrap();
    file
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

#[test]
fn any_ranges_in_any_order() {
    let len = 300_123;
    let file = written(len as usize);
    let mut dice = Dice(1);
    let mut ranges: Vec<_> = (0..300)
        .map(|_| {
            let start = dice.below(len + 5000);
            start..start + dice.below(20_000)
        })
        .collect();
    ranges.extend([0..0, 5..5, 0..1, len - 1..len, len - 1..len + 1, len..len + 1, len + 10_000_000..len + 10_000_001]);
    ranges.push(1 << 62..(1 << 62) + 10);
    ranges.extend([0..4096, 4096..8192, 512..1024, 0..len]);
    check(file.path(), &ranges);
}

#[test]
fn thousands_of_blocks() {
    let file = written(1 << 20);
    let mut dice = Dice(2);
    let ranges: Vec<_> = (0..3000).map(|_| dice.below(256) * 4096).map(|start| start..start + 4096).collect();
    check(file.path(), &ranges);
}

#[test]
fn the_longest_range_after_short_ones() {
    let longest = MAX_BLOCK as u64;
    let file = written(MAX_BLOCK + 100);
    check(file.path(), &[0..1, 1..2, 50..longest + 50, 3..4]);
}

/// Blocks that lie side by side in huge pages, of which some are too small later.
#[test]
fn large_ranges_many_at_once() {
    let mib = 1 << 20;
    let file = written((6 * mib + 77) as usize);
    let mut ranges: Vec<_> = (0..7).map(|number| number * mib..(number + 1) * mib).collect();
    ranges.extend((0..20).map(|number| number * 300_000..number * 300_000 + 70_000));
    ranges.push(5..3 * mib + 5);
    check(file.path(), &ranges);
}

#[test]
fn an_empty_file_has_nothing_for_anyone() {
    let file = written(0);
    check(file.path(), &[0..0, 0..1, 0..4096, 4096..8192]);
}

#[test]
fn holes_are_zeros_and_offsets_beyond_4_gib_are_offsets() {
    let file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let gib = 1 << 30;
    file.as_file().set_len(5 * gib + 3).unwrap();
    for at in [2 * gib - 2, 2 * gib + 5, 4 * gib - 2, 4 * gib + 4096] {
        file.as_file().write_all_at(format!("here: {at}").as_bytes(), at).unwrap();
    }
    file.as_file().sync_all().unwrap();
    check(
        file.path(),
        &[
            100..5000,
            2 * gib - 4096..2 * gib + 4096,
            2 * gib..2 * gib + 100,
            4 * gib - 10..4 * gib + 10,
            4 * gib + 4000..4 * gib + 6000,
            5 * gib - 10..5 * gib + 10,
        ],
    );
}

#[test]
fn a_file_of_proc_says_it_is_empty_and_is_read_all_the_same() {
    let path = Path::new("/proc/filesystems");
    assert_eq!(ReadFile::open_buffered(path).unwrap().len().unwrap(), 0);
    check(path, &[0..65536, 3..10, 0..1, 60_000..60_010]);
}

#[test]
fn a_range_that_cannot_be_is_the_same_error_from_each_and_stops_nobody() {
    let file = written(10_000);
    #[expect(clippy::reversed_empty_ranges)]
    let ranges = [0..10, 7..3, 0..MAX_BLOCK as u64 + 1, u64::MAX - 9..u64::MAX, 10..20];
    for file in files(file.path()) {
        for (name, run) in models() {
            let (arrived, _) = read(&run, &file, 2, &ranges);
            let said: Vec<_> = arrived.into_iter().map(|arrived| arrived.unwrap().map(|octets| octets.len())).collect();
            assert_eq!(
                said,
                [
                    Ok(10),
                    Err("range 7..3 ends before it starts".into()),
                    Err("range 0..4194305 is 4194305 octets long: at most 4194304".into()),
                    Err("range 18446744073709551606..18446744073709551615 lies beyond the largest offset, 9223372036854775807"
                        .into()),
                    Ok(10),
                ],
                "{name}"
            );
        }
    }
}

#[test]
fn an_error_of_the_kernel_is_the_same_from_each() {
    // Nothing is mapped at address 0, and reading it is EIO.
    let memory = ReadFile::open_buffered("/proc/self/mem").unwrap();
    for (name, run) in models() {
        let (arrived, _) = read(&run, &memory, 4, &[0..10, 0..10]);
        for told in arrived {
            assert_eq!(told.unwrap().unwrap_err(), io::Error::from_raw_os_error(libc::EIO).to_string(), "{name}");
        }
    }
}

#[test]
fn a_file_truncated_meanwhile_gives_what_is_left() {
    for direct in [false, true] {
        for (name, run) in models() {
            let written = written(1 << 20);
            let Some(file) = files(written.path()).into_iter().find(|file| file.is_direct() == direct) else { continue };
            let ranges: Vec<_> = (0..256).map(|block| block * 4096..(block + 1) * 4096).collect();
            let mut told = 0;
            let mut list = ReadList::new(&ranges, |index, octets| {
                if told == 0 {
                    written.as_file().set_len(100_000).unwrap();
                }
                told += 1;
                let len = octets.unwrap_or_else(|error| panic!("{name}: {error}")).len() as u64;
                // What was in flight may have been read before; what was asked for later may not.
                if index >= 200 {
                    assert_eq!(len, 0, "{name}, direct {direct}: range {index} lies beyond the end");
                }
                if index < 24 {
                    assert_eq!(len, 4096, "{name}, direct {direct}: range {index} lies before the end");
                }
                ControlFlow::Continue(())
            });
            run(&file, at_once(16), &mut list).unwrap();
            assert_eq!(told, ranges.len(), "{name}");
        }
    }
}

/// Counts, and breaks off after so many arrivals.
struct Counting {
    ranges: usize,
    asked: usize,
    told: usize,
    most_at_once: usize,
    break_after: usize,
}

impl ReadWorkload for Counting {
    fn next(&mut self) -> Option<Range<u64>> {
        assert!(self.told < self.break_after, "nothing is asked for after a break");
        if self.asked == self.ranges {
            return None;
        }
        self.asked += 1;
        self.most_at_once = self.most_at_once.max(self.asked - self.told);
        let start = (self.asked as u64 * 4096) % (1 << 20);
        Some(start..start + 4096)
    }

    fn arrived(&mut self, _: usize, octets: io::Result<&[u8]>) -> ControlFlow<()> {
        octets.unwrap();
        self.told += 1;
        assert!(self.told <= self.break_after, "nothing is told after a break");
        if self.told == self.break_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn no_more_than_asked_for_are_in_flight_and_a_break_ends_it() {
    let written = written(1 << 20);
    for file in files(written.path()) {
        for (name, run) in models() {
            for (ranges, depth, break_after) in [(1000, 8, usize::MAX), (1000, 8, 100), (1000, 1, 1), (3, 5000, usize::MAX)] {
                let mut counting = Counting { ranges, asked: 0, told: 0, most_at_once: 0, break_after };
                let cost = run(&file, at_once(depth), &mut counting).unwrap();
                assert_eq!(counting.told, ranges.min(break_after), "{name}");
                assert!(counting.most_at_once <= depth.min(ranges), "{name}: {} at once", counting.most_at_once);
                if name == "pool" || name.starts_with("uring") {
                    assert_eq!(counting.most_at_once, depth.min(ranges), "{name} keeps as many in flight as it may");
                }
                let threads = if name == "pool" { 1 + depth.min(ranges) } else { 1 };
                assert_eq!(cost.threads_peak, threads, "{name}");
            }
        }
    }
}

/// In a pool, several threads have ranges under way when one of them hears the panic.
#[test]
fn a_workload_that_panics_takes_nobody_along_but_the_caller() {
    let written = written(1 << 20);
    for file in files(written.path()) {
        for (name, run) in models() {
            for panics_at in [0, 100] {
                let ranges: Vec<_> = (0..256).map(|block| block * 4096..(block + 1) * 4096).collect();
                let mut told = 0;
                let mut list = ReadList::new(&ranges, |_, _| {
                    assert!(told < panics_at, "as agreed");
                    told += 1;
                    ControlFlow::Continue(())
                });
                let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(&file, at_once(16), &mut list)));
                let said = outcome.expect_err("it panics").downcast::<&str>().map(|said| *said);
                assert_eq!((said.ok(), told), (Some("as agreed"), panics_at), "{name}");
            }
        }
    }
}

#[test]
fn the_cost_names_the_calls_by_which_a_model_reads() {
    let written = written(1 << 20);
    let ranges: Vec<_> = (0..256).map(|block| block * 4096..(block + 1) * 4096).collect();
    for file in files(written.path()) {
        for (name, run) in models() {
            let (_, cost) = read(&run, &file, 16, &ranges);
            let reads = match (name, file.is_direct()) {
                ("blocking" | "pool", _) => cost.calls.of(Call::Pread64),
                ("epoll", false) => cost.calls.of(Call::Preadv2),
                ("epoll", true) => cost.calls.of(Call::IoSubmit),
                _ => cost.calls.of(Call::IoUringEnter),
            };
            let expected = match (name, file.is_direct()) {
                ("blocking" | "pool", _) | ("epoll", false) => 256..=256,
                // Between one for each turn of sixteen and one for each read, and one for what has become free last.
                _ => 16..=257,
            };
            assert!(expected.contains(&reads), "{name}, direct {}: {cost:?}", file.is_direct());
            assert_eq!(cost.octets_in, 1 << 20, "{name}");
        }
    }
}

#[test]
fn an_epoll_loop_that_must_wait_for_the_disk_counts_the_stall() {
    let written = written(1 << 20);
    let file = ReadFile::open_buffered(written.path()).unwrap();
    let ranges: Vec<_> = (0..256).map(|block| block * 4096..(block + 1) * 4096).collect();
    let run: Run = Box::new(|file, depth, workload| Epoll::default().read_ranges(file, depth, workload));
    let (_, cached) = read(&run, &file, 1, &ranges);
    if cached.stalls > 0 {
        return skip::skipped(format_args!("the file system here cannot tell what is cached"));
    }
    file.drop_cache().unwrap();
    let (_, cold) = read(&run, &file, 1, &ranges);
    assert!(cold.stalls > 0 && cold.stalled.as_nanos() > 0, "{cold:?}");
    assert_eq!(cold.calls.of(Call::Pread64), cold.stalls);
}

/// Answers with the start of a file.
struct StartOf(Arc<ReadFile>);

impl Handler for StartOf {
    type Message = Infallible;
    type Upgraded = NoUpgrade;

    fn request(&mut self, _: &Head<'_>, exchange: &mut Exchange<'_, '_>) {
        exchange.read_file(Arc::clone(&self.0), 0..4096);
    }

    fn complete(&mut self, _: Trailers<'_>, _: &mut Exchange<'_, '_>) {}

    fn event(&mut self, event: Event, exchange: &mut Exchange<'_, '_>) {
        let Event::File(_, result) = event else { return };
        let FileDone::Read(octets) = result.unwrap() else { panic!("not a read") };
        exchange.answer_whole(200, &[], &octets);
    }
}

/// `RWF_NOWAIT` finds what is cached; a direct read waits for the disk all the same, and comes back with its octets.
#[test]
fn an_epoll_server_counts_each_read_around_the_cache_as_a_stall() {
    let written = written(1 << 20);
    let cached = ReadFile::open_buffered(written.path()).unwrap();
    let direct = match ReadFile::open_direct(written.path()) {
        Ok(direct) => direct,
        Err(error) => return skip::skipped(format_args!("{error}")),
    };
    for (file, stalls) in [(cached, 0), (direct, 5)] {
        let file = Arc::new(file);
        let (http, time) = (HttpLimits::default(), TimeLimits::default());
        let service = HttpService::new(http, time, || StartOf(Arc::clone(&file)));
        let shutdown = Shutdown::new().unwrap();
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into(), 1).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let cost = thread::scope(|scope| {
            let server = scope.spawn(|| Epoll::default().serve(listener, &service, &shutdown).unwrap());
            for _ in 0..5 {
                let mut peer = TcpStream::connect(address).unwrap();
                peer.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
                let mut answer = Vec::new();
                peer.read_to_end(&mut answer).unwrap();
                assert!(answer.starts_with(b"HTTP/1.1 200") && answer.len() > 4096, "{}", answer.len());
            }
            shutdown.begin();
            server.join().unwrap()
        });
        if !file.is_direct() && cost.stalls > 0 {
            skip::skipped(format_args!("what is cached, since the file system here cannot tell"));
            continue;
        }
        assert_eq!(cost.stalls, stalls, "direct {}: {cost:?}", file.is_direct());
    }
}

#[test]
fn what_is_no_file_is_refused_by_name_and_without_waiting() {
    let directory = TempDir::new().unwrap();
    let fifo = directory.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let socket = directory.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let null = Path::new("/dev/null");
    for (path, is) in
        [(fifo.as_path(), "a FIFO"), (&socket, "a socket"), (directory.path(), "a directory"), (null, "a character device")]
    {
        for open in [ReadFile::open_buffered, ReadFile::open_direct] {
            let error = open(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(is), "{error}");
        }
    }
    let error = ReadFile::open_buffered(directory.path().join("nothing")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    let error = ReadFile::open_direct("/proc/version").unwrap_err();
    assert!(Unavailable::within(&error).is_some(), "{error}");
    fs::metadata(&fifo).unwrap();
}
