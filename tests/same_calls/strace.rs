//! What strace(1) saw of a process: its calls, one a line, each by the thread that made it.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// One call that has returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub thread: u32,
    /// As the kernel has it: the first fifteen octets of what it was called.
    pub thread_name: String,
    pub name: String,
    /// What stands between the brackets.
    pub arguments: String,
    pub result: String,
    /// Seconds of the wall clock.
    entered: f64,
    returned: f64,
    /// How many [marks](mark) had been made when it was entered,
    begun: usize,
    /// and when it returned.
    pub ended: usize,
}

impl Call {
    /// Whether its thread is known to have slept in it: a mark was made meanwhile, which is done while all sleep, or it is a wait for
    /// another thread that has ended because that one woke it.
    pub fn has_slept(&self) -> bool {
        let was_woken = self.name == "futex" && self.arguments.contains("FUTEX_WAIT") && self.result == "0";
        was_woken || self.begun < self.ended
    }

    /// When it did what it was for: at the end of a sleep, or when it was asked for.
    pub fn happened(&self) -> f64 {
        if self.has_slept() { self.returned } else { self.entered }
    }
}

const MARK: &str = "@mark@";

/// Makes a mark in what strace has written so far.
pub fn mark(output: &Path) {
    let mut file = OpenOptions::new().append(true).open(output).expect("strace has made it");
    file.write_all(MARK.as_bytes()).unwrap();
}

/// Why nothing can be traced here; `None` if it can. What is asked of strace came with 5.16.
pub fn missing() -> Option<&'static str> {
    let trial = Command::new("strace").args(["-D", "-f", "-Y", "-y", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    match trial {
        Ok(status) if status.success() => None,
        Ok(_) => Some("strace may not trace here, or is older than 5.16"),
        Err(_) => Some("there is no strace here"),
    }
}

/// Traces what it is given, which stays the child of whoever starts it.
pub fn command(output: &Path, program: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-Y", "-y", "-ttt", "-T", "-s", "16", "-A", "-o"]).arg(output).arg(program);
    command
}

/// All calls that have returned, in the order strace heard of it.
pub fn calls(output: &Path) -> Vec<Call> {
    let text = fs::read_to_string(output).unwrap_or_else(|error| panic!("{}: {error}", output.display()));
    let mut unfinished: Vec<Call> = Vec::new();
    let mut calls = Vec::new();
    let mut marks = 0;
    for line in text.lines() {
        // One at its start was made before it, and one within it while the call lasted.
        let before = line.split(MARK).take_while(|part| part.is_empty()).count();
        let begun = marks + before;
        marks += line.matches(MARK).count();
        let line = line.replace(MARK, "");
        let Some((thread, thread_name, entered, rest)) = head(&line) else { continue };
        if let Some(rest) = rest.strip_prefix("<... ") {
            let Some(place) = unfinished.iter().position(|call| call.thread == thread) else { continue };
            let mut call = unfinished.remove(place);
            let Some((_, rest)) = rest.split_once(" resumed>") else { continue };
            let gap = if call.arguments.ends_with(',') { " " } else { "" };
            call.arguments = format!("{}{gap}{rest}", call.arguments);
            (call.returned, call.ended) = (entered, marks);
            calls.extend(ended(call));
        } else if let Some((name, rest)) = rest.split_once('(') {
            let (name, thread_name) = (name.to_owned(), thread_name.to_owned());
            let (arguments, result) = (rest.to_owned(), String::new());
            let call = Call { thread, thread_name, name, arguments, result, entered, returned: 0.0, begun, ended: marks };
            match call.arguments.strip_suffix("<unfinished ...>") {
                Some(begun) => unfinished.push(Call { arguments: begun.trim_end().to_owned(), ..call }),
                None => calls.extend(ended(call)),
            }
        }
    }
    calls
}

/// `123<name> 1700000000.123456 what follows`.
fn head(line: &str) -> Option<(u32, &str, f64, &str)> {
    let (thread, rest) = line.split_once('<')?;
    let (name, rest) = rest.split_once("> ")?;
    let (time, rest) = rest.split_once(' ')?;
    Some((thread.parse().ok()?, name, time.parse().ok()?, rest))
}

/// Takes `arguments) = result <0.000012>` apart.
fn ended(mut call: Call) -> Option<Call> {
    let (rest, took) = call.arguments.rsplit_once(" <")?;
    let took: f64 = took.strip_suffix('>')?.parse().ok()?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let arguments = arguments.trim_end().strip_suffix(')')?.to_owned();
    let result = result.split(" (").next()?.split('<').next()?.to_owned();
    call.returned = call.returned.max(call.entered + took);
    (call.arguments, call.result) = (arguments, result);
    // Not every processor has the older of the two.
    if call.name == "epoll_pwait" {
        call.name = "epoll_wait".to_owned();
    }
    // Where the clock cannot be read without a system call, everyone calls it all the time.
    (call.name != "clock_gettime").then_some(call)
}

/// What would make lines long and says nothing.
const SHORTER: [(&str, &str); 6] = [
    ("aio_data=0, ", ""),
    ("aio_data=address, ", ""),
    ("aio_lio_opcode=", ""),
    ("aio_buf=address, ", ""),
    ("aio_flags=IOCB_FLAG_RESFD, ", ""),
    ("aio_", ""),
];

/// A call for the eye: descriptors and addresses by names, numbers that differ from run to run left out.
pub struct Shown<'c> {
    pub call: &'c Call,
    /// What addresses are called, in the order they come in.
    pub addresses: &'c [(String, &'static str)],
}

impl Call {
    /// The address a wait or a wake-up between threads is about.
    pub fn futex(&self) -> Option<&str> {
        if self.name == "futex" { self.arguments.split(',').next() } else { None }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { name, arguments, result, .. } = self.call;
        let mut text = named_descriptors(arguments);
        for (address, called) in self.addresses {
            text = text.replace(address.as_str(), called);
        }
        text = named_addresses(&text);
        for (long, short) in SHORTER {
            text = text.replace(long, short);
        }
        if let Some((before, limit)) = text.split_once("{tv_sec=") {
            text = format!("{before}{}", if limit == "0, tv_nsec=0}" { "0" } else { "limit" });
        }
        write!(f, "{name}({text}) = {result}")
    }
}

/// `5<socket:[123]>` is what it is.
fn named_descriptors(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let number = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let Some((what, after)) = after.split_once('>').filter(|_| number > 0) else {
            shown.push_str(before);
            shown.push('<');
            rest = after;
            continue;
        };
        shown.push_str(&before[..before.len() - number]);
        shown.push_str(match what {
            what if what.starts_with("socket:") => "connection",
            "anon_inode:[eventpoll]" => "epoll",
            "anon_inode:[io_uring]" => "ring",
            "anon_inode:[eventfd]" => "eventfd",
            _ => "file",
        });
        rest = after;
    }
    shown + rest
}

fn named_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        // Short ones are flags and numbers.
        match part.len() - rest.len() {
            8.. => shown.push_str("address"),
            _ => shown.push_str(&format!("0x{}", &part[..part.len() - rest.len()])),
        }
        shown.push_str(rest);
    }
    shown
}

#[test]
fn a_call_in_two_pieces_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("trace");
    let lines = "7<worker> 100.5 recvfrom(5<socket:[9]>,  <unfinished ...>\n\
        @mark@8<pool> 100.7 futex(0x7f0011223344, FUTEX_WAKE_PRIVATE, 1) = 1 <0.000010>\n\
        7<worker> 101.0 <... recvfrom resumed>\"GET / HT\"..., 9, 0, NULL, NULL) = 42 <0.500000>\n\
        9<uring> 101.0 io_uring_enter(5@mark@, 1) = 0 <0.000010>\n\
        8<pool> 101.1 +++ exited with 0 +++\n";
    fs::write(&output, lines).unwrap();
    let calls = calls(&output);
    let names: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.thread_name.as_str())).collect();
    assert_eq!(names, [("futex", "pool"), ("recvfrom", "worker"), ("io_uring_enter", "uring")]);
    let marks: Vec<_> = calls.iter().map(|call| (call.begun, call.ended)).collect();
    assert_eq!(marks, [(1, 1), (0, 1), (1, 2)]);
    assert_eq!((calls[1].result.as_str(), calls[1].returned), ("42", 101.0));
    assert_eq!(calls[2].arguments, "5, 1");
    let shown = |call, addresses| Shown { call, addresses }.to_string();
    assert_eq!(shown(&calls[1], &[]), "recvfrom(connection, \"GET / HT\"..., 9, 0, NULL, NULL) = 42");
    let address = [("0x7f0011223344".to_owned(), "jobs")];
    assert_eq!(shown(&calls[0], &address), "futex(jobs, FUTEX_WAKE_PRIVATE, 1) = 1");
    assert_eq!(shown(&calls[0], &[]), "futex(address, FUTEX_WAKE_PRIVATE, 1) = 1");
}
