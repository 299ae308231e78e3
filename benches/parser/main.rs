//! The request parser beside httparse, on the same octets: `cargo bench --bench http1_parser`.
//!
//! Everyone parses in turn, in one process, for a moment each and some hundred rounds; the table at the end gives the median
//! time of each and, for each form of our scanner, how many times longer httparse took in the same round: the median ratio with
//! its 95 % interval. Above 1 we are faster.
//!
//! Three amounts of work, each done by both: the lines found and checked, that and the framing judged by one and the same
//! function, and that every field is looked at. Ours does more in all of them: it is strict about line ends and limits, and
//! finishes the targets' forms.
//!
//! Another row is a head that comes byte by byte, and others are bodies in chunks, which httparse does not parse.

mod contenders;
mod heads;
mod rounds;

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use contenders::{Contender, Work, httparse, ours};
use iolab::http1::scanner::{Form, Scanner};
use iolab::http1::{Chunk, ChunkedDecoder, HeadParser, HttpLimits};
use rounds::{Plan, Times};

fn main() {
    // `cargo bench -- ARGUMENTS` gives every benchmark the same ones; these are about the models.
    let is_given = |flags: &[&str]| std::env::args().any(|argument| flags.iter().any(|flag| argument.starts_with(flag)));
    if is_given(&["--row", "--model", "--rounds", "--list"]) {
        return eprintln!("http1_parser: skipped, since rows, models and rounds are asked for, and it has none");
    }
    let (warm_up, moment) = (Duration::from_micros(1000), Duration::from_micros(300));
    let plan = match () {
        () if is_given(&["--test"]) => Plan { rounds: 1, warm_up: Duration::ZERO, moment: Duration::ZERO },
        () if is_given(&["--quick"]) => Plan { rounds: 31, warm_up, moment },
        () if is_given(&["--full"]) => Plan { rounds: 1001, warm_up, moment },
        () => Plan { rounds: 201, warm_up, moment },
    };
    println!(
        "ns a head, and in brackets how many times longer httparse took (median of {} rounds, 95 % interval)",
        plan.rounds
    );
    println!("httparse 1.10 with uninitialised headers; this process would choose {}", Scanner::chosen().form());
    whole_heads(plan);
    drip(plan);
    chunked(plan);
}

/// Ours in their columns, those left out that this processor cannot run.
fn forms() -> Vec<Form> {
    Form::ALL.into_iter().filter(|form| Scanner::new(*form).is_some()).collect()
}

fn whole_heads(plan: Plan) {
    let pipelined = heads::PIPELINED.repeat(16);
    let inputs = [
        ("1 field", heads::MINIMAL, 1),
        ("browser, 9 fields", heads::BROWSER_9, 1),
        ("browser, 20 fields", heads::BROWSER_20, 1),
        ("16 pipelined", &pipelined, 16),
    ];
    for (name, input, heads) in inputs {
        println!("\n{name}, {} B", input.len() / heads);
        print!("  {:<24}{:>10}", "", "httparse");
        forms().iter().for_each(|form| print!("{:>28}", form.name()));
        println!();
        for work in Work::ALL {
            let mut contenders = vec![httparse(work, false)];
            contenders.extend(forms().into_iter().filter_map(|form| ours(form, work)));
            print_row(work.name(), &Times::of(&mut contenders, input.as_bytes(), heads, plan), contenders.len());
        }
        let mut contenders = vec![httparse(Work::Lines, true), httparse(Work::Lines, false)];
        let times = Times::of(&mut contenders, input.as_bytes(), heads, plan);
        println!("  {:<24}{:>10.1}", "as httparse's docs do", times.median(0));
    }
}

/// The first is httparse, the others are ours.
fn print_row(name: &str, times: &Times, contenders: usize) {
    print!("  {name:<24}{:>10.1}", times.median(0));
    for who in 1..contenders {
        let ratio = times.ratio(0, who);
        print!(" {:>9.1} ({:.2}, {:.2}-{:.2})", times.median(who), ratio.median, ratio.low, ratio.high);
    }
    println!();
}

/// One octet arrives at a time, and the parser is asked after each.
fn drip(plan: Plan) {
    let plan = Plan { rounds: plan.rounds.div_ceil(20), ..plan };
    let head = heads::large_head();
    let mut contenders: Vec<Contender> = vec![Box::new(httparse_drip)];
    for scanner in Scanner::all() {
        let mut parser = HeadParser::with_scanner(scanner);
        contenders.push(Box::new(move |input, times| {
            let start = Instant::now();
            for _ in 0..times {
                parser.reset();
                let input = black_box(input);
                let limits = HttpLimits::default();
                let end = (1..=input.len()).find_map(|end| parser.parse(&input[..end], &limits).expect("a valid head"));
                assert_eq!(end, Some(input.len()));
            }
            start.elapsed()
        }));
    }
    println!("\nbyte by byte, {} B", head.len());
    print_row("lines, framing", &Times::of(&mut contenders, head.as_bytes(), 1, plan), contenders.len());
}

/// It starts anew with each octet.
fn httparse_drip(input: &[u8], times: usize) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        let input = black_box(input);
        let end = (1..=input.len()).find(|&end| {
            let mut headers = [const { MaybeUninit::uninit() }; 64];
            let mut request = httparse::Request::new(&mut []);
            request.parse_with_uninit_headers(&input[..end], &mut headers).expect("a valid head").is_complete()
        });
        assert_eq!(end, Some(input.len()));
    }
    start.elapsed()
}

fn chunked(plan: Plan) {
    let plan = Plan { rounds: plan.rounds.div_ceil(10), ..plan };
    println!("\n64 KiB in chunks of   GB/s");
    for size in [64, 1024, 16 << 10] {
        let mut body = Vec::new();
        for _ in 0..(64 << 10) / size {
            body.extend(format!("{size:x}\r\n").bytes());
            body.extend(std::iter::repeat_n(b'x', size));
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        let times = Times::of(&mut [Box::new(decode)], &body, 1, plan);
        println!("  {size:>17}{:>7.1}", body.len() as f64 / times.median(0));
    }
}

fn decode(body: &[u8], times: usize) -> Duration {
    let limits = HttpLimits { body: u64::MAX, ..HttpLimits::default() };
    let start = Instant::now();
    for _ in 0..times {
        let mut decoder = ChunkedDecoder::new(0);
        let mut rest = black_box(body);
        let mut length = 0;
        loop {
            let (consumed, chunk) = decoder.decode(rest, &limits).expect("a valid body");
            rest = &rest[consumed..];
            match chunk {
                Chunk::Data(data) => length += data.len(),
                Chunk::NeedMore => panic!("the body is whole"),
                Chunk::End => break,
            }
        }
        assert_eq!(length, 64 << 10);
    }
    start.elapsed()
}
