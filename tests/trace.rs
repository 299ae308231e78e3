//! Traces: what is in them, what is not, and that they are what their readers expect.

mod examples;
mod skip;
mod tcp;
mod trace_format;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iolab::http1::{HttpLimits, HttpService, TimeLimits};
use iolab::limits::ServeLimits;
use iolab::models::AnyModel;
use iolab::patterns::Echo;
use iolab::trace::{Recorder, Recording, Traced};
use iolab::{Calls, Cost, Model, ReadFile, ReadList, Shutdown, listen};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use examples::Example;
use tcp::{PATIENCE, ready};
use trace_format::{Trace, judged, nanos};

/// What is recorded is the whole process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn models() -> impl Iterator<Item = AnyModel> {
    AnyModel::all().into_iter().filter_map(|model| ready(model, *model.clone().limits_mut()))
}

fn read(recording: &Recording) -> Trace {
    let mut text = Vec::new();
    recording.write(&mut text).unwrap();
    let trace = judged(std::str::from_utf8(&text).unwrap());
    let recorded = trace.events.iter().filter(|event| event["ph"] != "M").count();
    assert_eq!(recorded, recording.events());
    trace
}

/// A server that one connection asks three times.
fn echo_three_times(model: AnyModel, loops: usize) -> Cost {
    let service = HttpService::new(HttpLimits::default(), TimeLimits::default(), Echo::default);
    let traced = Traced::new(&service);
    let listeners = listen("127.0.0.1:0".parse().unwrap(), loops).unwrap();
    let address = listeners[0].local_addr().unwrap();
    let shutdown = Shutdown::new().unwrap();
    std::thread::scope(|scope| {
        let server = scope.spawn(|| model.serve_all(listeners, &traced, &shutdown).unwrap());
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        for _ in 0..3 {
            stream.write_all(b"GET /bytes/10 HTTP/1.1\r\nHost: me\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            while !answer.windows(4).any(|four| four == b"\r\n\r\n") || answer.len() < 20 {
                let mut some = [0; 1024];
                let count = match stream.read(&mut some) {
                    // A read with a limit is not begun again by the kernel (signal(7)), whatever it was that came.
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    read => read.unwrap(),
                };
                assert_ne!(count, 0, "it was answered");
                answer.extend_from_slice(&some[..count]);
            }
        }
        drop(stream);
        shutdown.begin();
        server.join().unwrap()
    })
}

fn counted(calls: &Calls) -> Vec<(String, u64)> {
    let mut counted: Vec<_> = calls.iter().map(|(name, count)| (name.to_owned(), count)).collect();
    counted.sort();
    counted
}

#[test]
fn a_trace_of_a_server_has_every_call_that_is_counted() {
    let _alone = alone();
    for model in models() {
        let recorder = Recorder::start(format!("echo, {model}"), Recorder::EVENTS).unwrap();
        let cost = echo_three_times(model, 1);
        let mut recording = recorder.stop();
        recording.note("command", "a \"test\"");
        let trace = read(&recording);
        assert_eq!(Vec::from_iter(trace.calls()), counted(&cost.calls), "{model}");
        assert_eq!((recording.dropped(), recording.missing()), (0, 0), "{model}");
        assert_eq!((&trace.about["command"], &trace.about["dropped"]), (&"a \"test\"".into(), &0.into()));
        assert_eq!(trace.processes(), [format!("echo, {model}")]);
        let threads = trace.threads(1);
        assert_eq!(threads.len(), cost.threads_peak, "{model}: {threads:?}");
        let expected: &[&str] = match model {
            AnyModel::Blocking(_) => &["acceptor", "connection 1"],
            AnyModel::Pool(_) => &["loop", "worker 1", "worker 2", "worker 3"],
            _ => &["loop"],
        };
        assert_eq!(threads, expected);
    }
}

#[test]
fn a_protocol_is_told_what_was_received_before_it_is_sent_an_answer() {
    let _alone = alone();
    let Some(model) = ready("epoll".parse().unwrap(), ServeLimits::default()) else { return };
    let recorder = Recorder::start("echo", Recorder::EVENTS).unwrap();
    echo_three_times(model, 1);
    let trace = read(&recorder.stop());
    let spans: Vec<_> = trace.events.iter().filter(|event| event["ph"] == "X").collect();
    let heard: Vec<_> = spans.iter().enumerate().filter(|(_, span)| span["name"] == "receive").collect();
    assert_eq!(heard.len(), 3);
    for (place, receive) in heard {
        let (before, after) = (spans[place - 1], spans[place + 1]);
        assert_eq!((&before["name"], &after["name"]), (&"recvfrom".into(), &"sendto".into()));
        assert_eq!((&receive["cat"], &receive["args"]["connection"]), (&"callback".into(), &1.into()));
        assert_eq!(before["args"]["result"], receive["args"]["octets"]);
        assert_eq!(before["args"]["fd"], after["args"]["fd"]);
        let end = |span: &serde_json::Value| nanos(&span["ts"]) + nanos(&span["dur"]);
        assert!(end(before) <= nanos(&receive["ts"]) && end(receive) <= nanos(&after["ts"]));
    }
    let told: Vec<_> = trace.of("X", "callback").map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!((told[0], told[1], told.last()), ("accept", "begun", Some(&"closed")));
}

#[test]
fn what_a_ring_was_given_begins_goes_on_and_ends() {
    let _alone = alone();
    let Some(model) = ready("uring".parse().unwrap(), ServeLimits::default()) else { return };
    let recorder = Recorder::start("echo", Recorder::EVENTS).unwrap();
    echo_three_times(model, 1);
    let trace = read(&recorder.stop());
    let begun: Vec<_> = trace.of("b", "operation").collect();
    let ended: Vec<_> = trace.of("e", "operation").collect();
    assert_eq!(begun.len(), ended.len(), "nothing is left in flight");
    let named = |name: &str| begun.iter().filter(|event| event["name"] == name).count();
    assert_eq!(named("send"), 3);
    assert!(named("accept") > 0 && named("recv") > 0 && named("poll_add") > 0, "{begun:?}");
    assert!(ended.iter().any(|event| event["name"] == "send" && event["args"]["result"].as_u64() > Some(80)), "{ended:?}");
    let AnyModel::Uring(uring) = model else { unreachable!("it was asked for by name") };
    if uring.techniques.has(iolab::models::uring::Technique::MultishotRecv) {
        let received = trace.of("n", "operation").filter(|event| event["name"] == "recv").count();
        assert_eq!((named("recv"), received), (1, 3), "one operation receives all");
    }
    // What was handed over is what was begun, and the cancels of what was still in flight when the ring was dropped.
    let entered = trace.of("X", "call").filter(|call| call["name"] == "io_uring_enter");
    let taken: u64 = entered.filter_map(|call| call["args"]["result"].as_u64()).sum();
    assert!(taken >= begun.len() as u64, "{taken} were handed over, {} begun", begun.len());
}

#[test]
fn several_loops_are_told_apart() {
    let _alone = alone();
    for model in models() {
        let recorder = Recorder::start("echo", Recorder::EVENTS).unwrap();
        let cost = echo_three_times(model, 2);
        let trace = read(&recorder.stop());
        assert_eq!(Vec::from_iter(trace.calls()), counted(&cost.calls), "{model}");
        let mut threads = trace.threads(1);
        assert!(threads.iter().any(|name| name.ends_with(", loop 2")), "{model}: {threads:?}");
        let all = threads.len();
        threads.dedup();
        assert_eq!(threads.len(), all, "{model}: {threads:?}");
    }
}

#[test]
fn reads_are_recorded_each_model_a_process_of_its_own() {
    let _alone = alone();
    let mut file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    file.write_all(&[7; 64 << 10]).unwrap();
    file.as_file().sync_all().unwrap();
    let file = match ReadFile::open_direct(file.path()) {
        Ok(file) => file,
        Err(error) => return skip::skipped(format_args!("reads in a trace: {error}")),
    };
    let models: Vec<_> = models().collect();
    let recorder = Recorder::start(models[0].name(), Recorder::EVENTS).unwrap();
    let mut all = Calls::default();
    for (number, model) in models.iter().enumerate() {
        if number > 0 {
            recorder.process(model.name());
        }
        let ranges: Vec<_> = (0..8).map(|block| block * 4096..(block + 1) * 4096).collect();
        let mut list = ReadList::new(&ranges, |_, octets| {
            assert!(octets.is_ok());
            ControlFlow::Continue(())
        });
        all += model.read_ranges(&file, NonZeroUsize::new(4).unwrap(), &mut list).unwrap().calls;
    }
    let recording = recorder.stop();
    let trace = read(&recording);
    assert_eq!(Vec::from_iter(trace.calls()), counted(&all));
    assert_eq!(trace.processes(), models.iter().map(|model| model.name()).collect::<Vec<_>>());
    for (pid, model) in (1..).zip(&models) {
        let of = |phase| trace.of(phase, "operation").filter(|event| event["pid"] == pid).count();
        let expected = if matches!(model, AnyModel::Epoll(_) | AnyModel::Uring(_)) { 8 } else { 0 };
        assert_eq!((of("b"), of("n"), of("e")), (expected, 0, expected), "{model}");
        let results = trace.of("e", "operation").filter(|event| event["pid"] == pid).map(|event| &event["args"]["result"]);
        assert!(results.into_iter().all(|result| result == 4096), "{model}");
        if let AnyModel::Pool(_) = model {
            assert_eq!(trace.threads(pid), ["reader", "worker 1", "worker 2", "worker 3", "worker 4"]);
            assert!(trace.of("X", "wait").any(|wait| wait["name"] == "join"));
        }
    }
}

#[test]
fn nothing_is_recorded_unasked() {
    let _alone = alone();
    for model in models() {
        echo_three_times(model, 1);
    }
    let recorder = Recorder::start("nobody", Recorder::EVENTS).unwrap();
    let recording = recorder.stop();
    assert_eq!((recording.events(), recording.threads()), (0, 0));
    assert_eq!(read(&recording).processes(), ["nobody"]);
    for model in models() {
        echo_three_times(model, 1);
    }
    assert_eq!(Recorder::start("nobody", 1).unwrap().stop().events(), 0);
}

#[test]
fn what_finds_no_room_is_counted() {
    let _alone = alone();
    for model in models() {
        let recorder = Recorder::start("echo", 20).unwrap();
        let cost = echo_three_times(model, 1);
        let recording = recorder.stop();
        let trace = read(&recording);
        let all = recording.events() as u64 + recording.dropped();
        // A thread that ended gives back the room that it did not use, perhaps too late for the others.
        assert!((1..=20).contains(&recording.events()), "{model}: {all}");
        assert!(all >= cost.calls.total() || recording.missing() > 0, "{model}: {all}, or a thread found no room at all");
        assert_eq!(trace.about["dropped"], recording.dropped(), "{model}");
    }
}

#[test]
fn one_recording_at_a_time() {
    let _alone = alone();
    let recorder = Recorder::start("one", 1).unwrap();
    let error = Recorder::start("other", 1).unwrap_err();
    assert!(error.to_string().contains("already"), "{error}");
    drop(recorder);
    let _ = Recorder::start("other", 1).unwrap().stop();
}

#[test]
fn a_thread_that_has_not_ended_is_missed() {
    let _alone = alone();
    let Some(model) = ready("epoll".parse().unwrap(), ServeLimits::default()) else { return };
    let service = Arc::new(HttpService::new(HttpLimits::default(), TimeLimits::default(), Echo::default));
    let recorder = Recorder::start("echo", Recorder::EVENTS).unwrap();
    let server = tcp::Server::start(model, 1, service);
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: me\r\n\r\n").unwrap();
    assert_ne!(stream.read(&mut [0; 1024]).unwrap(), 0, "it serves");
    let recording = recorder.stop();
    assert_eq!((recording.threads(), recording.missing()), (0, 1));
    drop(stream);
    // What it goes on to do belongs to no other recording.
    let recorder = Recorder::start("other", Recorder::EVENTS).unwrap();
    server.stop().unwrap();
    assert_eq!(recorder.stop().events(), 0);
}

/// What has `mod serving`, of the files and folders in `examples`.
fn examples_that_serve() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let names = std::fs::read_dir(folder).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let source = if path.is_dir() { path.join("main.rs") } else { path.clone() };
        let serves = std::fs::read_to_string(source).is_ok_and(|text| text.lines().any(|line| line == "mod serving;"));
        serves.then(|| path.file_stem().unwrap().to_string_lossy().into_owned())
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn every_example_that_serves_writes_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let names = examples_that_serve();
    assert!(names.len() >= 6, "{names:?}");
    for name in &names {
        // Where it hands on what it is told.
        let flags: &[&str] = if name == "relay" { &["--to", "127.0.0.1:9"] } else { &[] };
        for model in AnyModel::all() {
            let path = folder.path().join(format!("{name}-{model}.json"));
            let flags = [flags, &["--trace", path.to_str().unwrap()]].concat();
            let Some(example) = Example::start(name, model.name(), &flags) else { continue };
            // Whatever it answers.
            let mut stream = TcpStream::connect(&example.address).unwrap();
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
            example.stop();
            judge(&path, name, model);
        }
    }
}

fn judge(path: &Path, name: &str, model: AnyModel) {
    let trace = judged(&std::fs::read_to_string(path).unwrap());
    assert_eq!(trace.processes(), [format!("iolab {name}, {model}")]);
    assert_eq!(trace.about["model"], model.name());
    assert!(trace.about["command"].as_str().unwrap().contains("--trace"), "{}", trace.about);
    assert!(trace.of("X", "call").count() > 5 && trace.of("X", "callback").count() > 2, "{name} by {model}");
}

#[test]
fn the_first_protocol_says_its_port_ends_in_order_and_writes_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    for model in models() {
        let path = folder.path().join(format!("{model}.json"));
        let mut server = Command::new(examples::example("first_protocol"))
            .args(["--model", model.name(), "--listen", "127.0.0.1:0", "--trace", path.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut says = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut says).unwrap();
        let address = says.strip_prefix("first_protocol on ").and_then(|rest| rest.split(' ').next()).expect(&says);
        assert!(!address.ends_with(":0") && says.trim_end().ends_with(&format!("nc {}", address.replace(':', " "))), "{says}");
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"three\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "5\n1 lines\n");
        kill(Pid::from_raw(server.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        assert_eq!(server.wait().unwrap().code(), Some(0), "{model}");
        judge(&path, "first_protocol", model);
    }
}

#[test]
fn read_file_writes_a_trace_with_a_process_for_each_model() {
    let folder = tempfile::tempdir().unwrap();
    let (file, path) = (folder.path().join("data"), folder.path().join("trace.json"));
    std::fs::write(&file, [0; 40_960]).unwrap();
    let output = Command::new(examples::example("read_file"))
        .args([file.to_str().unwrap(), "--model", "all", "--in-flight", "2", "--trace", path.to_str().unwrap()])
        .output()
        .unwrap();
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && says.contains("trace: "), "{says}");
    let trace = judged(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(trace.processes(), AnyModel::all().map(|model| format!("iolab read_file, {model}")));
    assert!((1..).zip(AnyModel::all()).all(|(process, _)| !trace.threads(process).is_empty()));
}

/// What is there stays as long as there is nothing to put in its place; what was recorded is kept, whatever comes then.
#[test]
fn a_trace_survives_what_goes_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (file, path) = (folder.path().join("data"), folder.path().join("old.json"));
    let names = || std::fs::read_dir(folder.path()).unwrap().count();
    std::fs::write(&file, [0; 40_960]).unwrap();
    std::fs::write(&path, "old").unwrap();
    let run = |name: &str, arguments: &[&OsStr]| {
        let flags = [arguments, &["--trace".as_ref(), path.as_os_str()]].concat();
        Command::new(examples::example(name)).args(flags).output().unwrap()
    };
    let nothing = run("read_file", &["/nowhere/at/all".as_ref()]);
    assert_eq!((nothing.status.code(), std::fs::read_to_string(&path).unwrap()), (Some(1), "old".into()));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let taken = run("echo", &["--model".as_ref(), "blocking".as_ref(), "--listen".as_ref(), address.as_ref()]);
    assert_eq!((taken.status.code(), std::fs::read_to_string(&path).unwrap()), (Some(1), "old".into()));
    assert_eq!(names(), 2, "nothing is left beside it");

    // Its reader leaves at once; or the output takes nothing more.
    for (to, status) in [("closed", 0), ("full", 1)] {
        std::fs::write(&path, "old").unwrap();
        let mut reading = Command::new(examples::example("read_file"));
        reading.args([file.as_os_str(), "--model".as_ref(), "blocking".as_ref(), "--json".as_ref()]);
        reading.args(["--trace".as_ref(), path.as_os_str()]).stderr(Stdio::null());
        let out: Stdio = match to {
            "closed" => std::io::pipe().unwrap().1.into(),
            _ => std::fs::File::options().write(true).open("/dev/full").unwrap().into(),
        };
        assert_eq!(reading.stdout(out).status().unwrap().code(), Some(status), "{to}");
        let trace = judged(&std::fs::read_to_string(&path).unwrap());
        assert!(trace.of("X", "call").count() > 0, "{to}");
    }
    assert_eq!(names(), 2, "nothing is left beside it");
}

/// And what is no file stays what it is.
#[test]
fn a_trace_goes_to_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    std::fs::write(&file, [0; 4096]).unwrap();
    let path = folder.path().join(OsStr::from_bytes(b"a \xff.json"));
    let read = |path: &OsStr| {
        let mut read = Command::new(examples::example("read_file"));
        read.args([file.as_os_str(), "--model".as_ref(), "blocking".as_ref(), "--trace".as_ref(), path]).output().unwrap()
    };
    let output = read(path.as_os_str());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let trace = judged(&std::fs::read_to_string(&path).unwrap());
    let command = trace.about["command"].as_str().unwrap();
    assert!(command.ends_with("\u{fffd}.json'") && command.contains(" '"), "{command}");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    assert!(read(link.as_os_str()).status.success());
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink() && !std::fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_timeline_of_no_time_is_an_error() {
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/data/echo-epoll.trace.json");
    let folder = tempfile::tempdir().unwrap();
    let draw = |from: &str, to: &str| {
        let mut draw = Command::new(examples::example("timeline"));
        draw.args(["draw", trace, "--from", from, "--to", to, "-o"]).arg(folder.path().join("x.svg")).output().unwrap()
    };
    assert!(draw("0", "1").status.success());
    for (from, to) in [("10", "5"), ("1", "1")] {
        let output = draw(from, to);
        assert!(
            !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("is not before --to"),
            "{output:?}"
        );
    }
}

#[test]
fn a_trace_that_cannot_be_written_is_an_error_before_anything_is_done() {
    for (name, flags) in [("echo", ["--model", "epoll"]), ("read_file", ["/etc/hostname", "--direct"])] {
        let output =
            Command::new(examples::example(name)).args(flags).args(["--trace", "/nowhere/at/all.json"]).output().unwrap();
        let says = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{says}");
        assert!(says.contains("cannot write the trace to /nowhere/at/all.json"), "{says}");
        assert!(output.stdout.is_empty(), "it did not begin: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[path = "../examples/timeline/record.rs"]
mod record;

#[test]
fn the_traces_of_the_book_can_be_recorded_again() {
    let _alone = alone();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let written = match record::record(folder.path(), "a test", "none") {
        Ok(written) => written,
        Err(error) if iolab::Unavailable::within(&error).is_some() => {
            return skip::skipped(format_args!("the book's traces: {error}"));
        }
        Err(error) => panic!("{error}"),
    };
    for path in written {
        let trace = judged(&std::fs::read_to_string(&path).unwrap());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let received = trace.of("X", "callback").filter(|event| event["name"] == "receive").count();
        // The two pieces may have come as one to a server that was slow.
        assert_eq!(received >= 3, name.starts_with("echo"), "{name}");
        assert_eq!(trace.about["chosen"], "the shortest of 40 recordings");
    }
}

/// In the committed ones they came as two.
#[test]
fn the_traces_of_the_book_show_what_it_says() {
    for model in AnyModel::all() {
        let committed = |what: &str| {
            let path = format!("{}/docs/data/{what}-{model}.trace.json", env!("CARGO_MANIFEST_DIR"));
            judged(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
        };
        let echo = committed("echo");
        let received = echo.of("X", "callback").filter(|event| event["name"] == "receive");
        let received: Vec<_> = received.map(|event| event["args"]["connection"].as_u64().unwrap()).collect();
        assert_eq!(received, [1, 2, 1, 2], "{model}: the first of connection 1 waits while connection 2 is served");
        assert_eq!(echo.about["model"], model.name());
        let read = committed("read");
        let (calls, operations) = (read.calls(), read.of("b", "operation").count());
        assert_eq!(calls.get("pread64").copied().unwrap_or_default() + operations as u64, 4, "{model}: {calls:?}");
        assert_eq!((&echo.about["dropped"], &read.about["dropped"]), (&0.into(), &0.into()));
    }
}
