//! No form of the scanner reads an octet that it was not given: what is given ends, and begins, at a page that cannot be read.
#![allow(unsafe_code)]

use iolab::http1::scanner::Scanner;
use iolab::http1::{HeadParser, HttpLimits};

const PAGE: usize = 4096;

/// One page that can be read and written between two that cannot.
struct Fenced(*mut u8);

impl Fenced {
    fn new() -> Self {
        let (flags, none) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, std::ptr::null_mut());
        // SAFETY: a new mapping, wherever the kernel has room.
        let start = unsafe { libc::mmap(none, 3 * PAGE, libc::PROT_NONE, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        // SAFETY: the middle page of that mapping.
        let page = unsafe { start.cast::<u8>().add(PAGE) };
        // SAFETY: the same; nobody knows of it yet.
        let changed = unsafe { libc::mprotect(page.cast(), PAGE, libc::PROT_READ | libc::PROT_WRITE) };
        assert_eq!(changed, 0, "{}", std::io::Error::last_os_error());
        Fenced(page)
    }

    /// The octets, `at` octets into the page.
    fn hold(&mut self, octets: &[u8], at: usize) -> &[u8] {
        assert!(at + octets.len() <= PAGE);
        // SAFETY: the page can be read and written, and is borrowed mutably.
        let page = unsafe { std::slice::from_raw_parts_mut(self.0, PAGE) };
        page[at..at + octets.len()].copy_from_slice(octets);
        &page[at..at + octets.len()]
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`, which nobody refers to any more.
        unsafe { libc::munmap(self.0.sub(PAGE).cast(), 3 * PAGE) };
    }
}

/// Every head, and every part of one from its start, at both ends of the page.
#[test]
fn nothing_beside_the_input_is_read() {
    let limits = HttpLimits::default();
    let mut fenced = Fenced::new();
    for (target, value) in [(1, 0), (1, 3), (20, 30), (90, 10), (5, 150)] {
        let (target, value) = ("x".repeat(target), "v".repeat(value));
        let head = format!("GET /{target} HTTP/1.1\r\nHost: a\r\nName: {value}\r\nOther: {value}\r\n\r\n");
        for length in 0..=head.len() {
            let octets = &head.as_bytes()[..length];
            for at in [0, PAGE - length] {
                let input = fenced.hold(octets, at);
                for scanner in Scanner::all() {
                    let mut parser = HeadParser::with_scanner(scanner);
                    let is_whole = length == head.len();
                    let end = parser.parse(input, &limits).expect("nothing is wrong with it");
                    assert_eq!(end, is_whole.then_some(length), "{}, {length} octets", scanner.form());
                    let mut dripped = HeadParser::with_scanner(scanner);
                    dripped.parse(&input[..length / 2], &limits).expect("nothing is wrong with it");
                    assert_eq!(dripped.parse(input, &limits), Ok(end), "{}, {length} octets", scanner.form());
                }
            }
        }
    }
}
