//! The example server from outside: its flags, its signals, and a client that nobody here wrote.

#[macro_use]
mod every_model;
mod examples;
mod skip;

use std::fs;
use std::path::Path;
use std::process::Command;

use examples::{Example, example};

macro_rules! models {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            if examples::has_curl()
                && let Some(server) = Example::start("echo", stringify!($name), &[])
            {
                serves_curl(server);
            }
        }
    )*};
}

on_every_model!(models);

fn serves_curl(server: Example) {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    let octets: Vec<u8> = (0..5_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(&large, &octets).unwrap();
    let back = folder.path().join("back");

    assert_eq!(server.curl(&["-d", "hello"], "/"), b"hello");
    assert_eq!(server.curl(&["-d", "hello", "-X", "PATCH"], "/any/path?query"), b"hello");
    assert_eq!(server.curl(&["--http1.0", "-d", "hello"], "/"), b"hello");
    assert_eq!(server.curl(&[], "/bytes/10"), b"0123456789");
    assert_eq!(server.curl(&[], "/bytes/3000000").len(), 3_000_000);
    assert_eq!(server.curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/bytes/0"), b"200");

    // An upload that is answered while it goes on, of known and of unknown length.
    for upload in [&["-H", "Expect: 100-continue"][..], &["-H", "Transfer-Encoding: chunked"], &["-H", "Expect:"]] {
        server.curl(&[upload, &["-T", text(&large), "-o", text(&back)]].concat(), "/");
        assert!(fs::read(&back).unwrap() == octets, "{upload:?} came back changed");
    }

    let head = String::from_utf8(server.curl(&["-I"], "/bytes/12345")).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("\r\nContent-Length: 12345\r\n"), "{head}");

    let seen = server.run(&["-sv", "-H", "Expect: 100-continue", "-d", "hello"], &["/"]);
    let log = String::from_utf8_lossy(&seen.stderr).into_owned();
    assert!(log.contains("< HTTP/1.1 100 Continue") && log.contains("< HTTP/1.1 200 OK"), "{log}");
    assert_eq!(seen.stdout, b"hello");

    // One connection for several requests, in 1.1 and, where it is asked for, in 1.0.
    let write_out = ["-s", "-w", " %{num_connects}\n"];
    let reused = server.run(&write_out, &["/bytes/1", "/bytes/2", "/bytes/3"]);
    assert_eq!(String::from_utf8_lossy(&reused.stdout), "0 1\n01 0\n012 0\n");
    let options = [&write_out[..], &["--http1.0", "-H", "Connection: keep-alive"]].concat();
    let reused = server.run(&options, &["/bytes/1", "/bytes/2"]);
    assert_eq!(String::from_utf8_lossy(&reused.stdout), "0 1\n01 0\n");

    let trace = server.run(&["-s", "-X", "TRACE", "-o", "/dev/null", "-w", "%{http_code}"], &["/"]);
    assert_eq!(trace.stdout, b"405");

    let second = Command::new(example("echo")).args(["--model", &server.model, "--listen", &server.address]).output().unwrap();
    assert_eq!(second.status.code(), Some(1), "a second server on the same address");
    let says = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(says.contains("another server has it"), "{says}");

    let cost = server.stop();
    let figure = |name: &str| {
        let line = cost.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in:\n{cost}"));
        line.split_whitespace().next().and_then(|figure| figure.parse::<u64>().ok())
    };
    assert_eq!(figure("requests "), Some(17), "{cost}");
    for name in ["connections ", "bytes ", "system calls ", "wake-ups ", "threads at peak "] {
        assert!(figure(name).is_some_and(|figure| figure > 0), "{name}: {cost}");
    }
}

/// Usage is told apart from failure, and the model from the machine.
#[test]
fn wrong_flags_exit_with_2() {
    for flags in [
        &["--model", "threads"][..],
        &[],
        &["--model", "epoll", "--threads", "0"],
        &["--model", "epoll", "--idle-timeout", "1x"],
    ] {
        let output = Command::new(example("echo")).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
