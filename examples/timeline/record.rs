//! The traces that the book shows: the same three requests, and the same four reads, on four models.
//!
//! Server and client are threads of this process; only the server's are recorded. What the client says, and when, is the same for
//! every model, so the traces differ in nothing but the waiting (and a little in what else the machine was at).

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use iolab::http1::{HttpLimits, HttpService, TimeLimits};
use iolab::models::AnyModel;
use iolab::patterns::Echo;
use iolab::trace::{Recorder, Recording, Traced};
use iolab::{Model, ReadFile, ReadList, Shutdown, Unavailable, listen};

/// Records both on all models that this machine has, into `echo-MODEL.trace.json` and `read-MODEL.trace.json`. `command` and
/// `commit` are what the files say they are made by. Answers which were written; where a model is missing, standard error says why.
pub fn record(folder: &Path, command: &str, commit: &str) -> io::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    let data = data_file(folder)?;
    let data = ReadFile::open_direct(data.path())?;
    for model in AnyModel::all() {
        match model.available() {
            Err(error) if Unavailable::within(&error).is_some() => {
                eprintln!("no traces by {model}: {error}");
                continue;
            }
            available => available?,
        }
        let asked = least_disturbed(|| three_requests(model))?;
        written.push(write(asked, folder, "echo", model, command, commit)?);
        let read = least_disturbed(|| four_reads(model, &data))?;
        written.push(write(read, folder, "read", model, command, commit)?);
    }
    Ok(written)
}

/// How often each is recorded.
const TIMES: usize = 40;

/// The shortest of many: what happens only the first time (pages that are touched, code that is loaded) and what others did to this
/// machine meanwhile is not what the traces are about.
fn least_disturbed(mut record: impl FnMut() -> io::Result<Recording>) -> io::Result<Recording> {
    let mut best = record()?;
    for _ in 1..TIMES {
        let next = record()?;
        if next.lasted() < best.lasted() {
            best = next;
        }
    }
    Ok(best)
}

fn write(
    mut recording: Recording,
    folder: &Path,
    what: &str,
    model: AnyModel,
    command: &str,
    commit: &str,
) -> io::Result<PathBuf> {
    recording.note("command", command);
    recording.note("commit", commit);
    recording.note("chosen", format!("the shortest of {TIMES} recordings"));
    recording.note("model", model.name());
    let path = folder.join(format!("{what}-{model}.trace.json"));
    let mut out = BufWriter::new(File::create(&path)?);
    recording.write(&mut out)?;
    out.flush()?;
    Ok(path)
}

/// One of the requests, in the two pieces in which it comes the first time.
const REQUEST: [&[u8]; 2] = [b"GET /bytes/5 HTTP/1.1\r\n", b"Host: book\r\n\r\n"];

/// How long the client's network takes, in which a server has nothing to do but to wait.
const PAUSE: Duration = Duration::from_micros(150);

/// The first request is slow to arrive; the second comes meanwhile, by another connection, and so does the third after it.
/// `is_in` waits until so many connections have been accepted.
fn ask(address: SocketAddr, is_in: impl Fn(usize) -> io::Result<()>) -> io::Result<()> {
    let mut slow = TcpStream::connect(address)?;
    slow.set_nodelay(true)?;
    is_in(1)?;
    let mut quick = TcpStream::connect(address)?;
    is_in(2)?;
    thread::sleep(PAUSE);
    slow.write_all(REQUEST[0])?;
    thread::sleep(PAUSE);
    quick.write_all(&REQUEST.concat())?;
    hear_answer(&mut quick)?;
    thread::sleep(PAUSE);
    slow.write_all(REQUEST[1])?;
    hear_answer(&mut slow)?;
    thread::sleep(PAUSE);
    quick.write_all(&REQUEST.concat())?;
    hear_answer(&mut quick)?;
    thread::sleep(PAUSE);
    [slow, quick].iter_mut().try_for_each(hang_up)
}

/// An answer ends with the octets that were asked for.
fn hear_answer(stream: &mut TcpStream) -> io::Result<()> {
    let (mut answer, mut some) = (Vec::new(), [0; 1024]);
    loop {
        match stream.read(&mut some)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => answer.extend_from_slice(&some[..count]),
        }
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
        if head.is_some_and(|head| answer.len() >= head + 4 + 5) {
            return Ok(());
        }
    }
}

/// Says FIN, and waits for the server's.
fn hang_up(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown(Half::Write)?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn three_requests(model: AnyModel) -> io::Result<Recording> {
    let accepted = AtomicUsize::new(0);
    let service = HttpService::new(HttpLimits::default(), TimeLimits::default(), || {
        accepted.fetch_add(1, Ordering::Relaxed);
        Echo::default()
    });
    let traced = Traced::new(&service);
    let listeners = listen(SocketAddr::from(([127, 0, 0, 1], 0)), 1)?;
    let address = listeners[0].local_addr()?;
    let shutdown = Shutdown::new()?;
    let recorder = Recorder::start(format!("iolab echo, {model}"), Recorder::EVENTS)?;
    thread::scope(|scope| {
        let server = scope.spawn(|| model.serve_all(listeners, &traced, &shutdown));
        let is_in = |count| {
            while accepted.load(Ordering::Relaxed) < count {
                if server.is_finished() {
                    return Err(io::Error::other("the server has ended before anybody was accepted"));
                }
                thread::yield_now();
            }
            Ok(())
        };
        let asked = ask(address, is_in);
        shutdown.begin();
        let served = server.join().unwrap_or_else(|_| Err(io::Error::other("the server panicked")));
        served.and(asked)
    })?;
    Ok(recorder.stop())
}

/// Four reads of 4 KiB somewhere in a file, around the page cache, and all at once where the model can.
const BLOCKS: [u64; 4] = [193, 40, 121, 7];

fn four_reads(model: AnyModel, file: &ReadFile) -> io::Result<Recording> {
    let ranges = BLOCKS.map(|block| block * 4096..(block + 1) * 4096);
    let mut failed = None;
    let mut list = ReadList::new(&ranges, |_, octets| match octets {
        Ok(_) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    });
    let recorder = Recorder::start(format!("iolab read, {model}"), Recorder::EVENTS)?;
    model.read_ranges(file, NonZeroUsize::new(4).unwrap_or(NonZeroUsize::MIN), &mut list)?;
    failed.map_or(Ok(recorder.stop()), Err)
}

/// 1 MiB, on the disk that the traces are on: a file system in memory may have no `O_DIRECT`.
fn data_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&vec![b'.'; 1 << 20])?;
    file.as_file().sync_all()?;
    Ok(file)
}
