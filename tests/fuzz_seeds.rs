//! Every committed seed of every fuzz target, and every request of the corpus, through the functions that a fuzzer calls.

#[allow(dead_code)] // it is read here, not played
mod corpus;
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::collections::BTreeSet;
use std::panic;
use std::path::Path;

use corpus::format::read_folder;

#[test]
fn every_seed_keeps_what_its_target_promises() {
    let seeds = root().join("fuzz/seeds");
    for (name, target) in fuzz::TARGETS {
        let files: Vec<_> =
            std::fs::read_dir(seeds.join(name)).expect("seeds").map(|file| file.expect("a seed").path()).collect();
        assert!(!files.is_empty(), "{name} has no seeds");
        for file in files {
            let seed = std::fs::read(&file).expect("a seed that can be read");
            if let Err(panic) = panic::catch_unwind(|| target(&seed)) {
                eprintln!("this was {}", file.display());
                panic::resume_unwind(panic);
            }
        }
    }
}

#[test]
fn every_target_can_be_run_and_has_seeds() {
    let named: BTreeSet<String> = fuzz::TARGETS.iter().map(|(name, _)| name.to_string()).collect();
    let listed = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join("fuzz").join(folder)).expect(folder);
        entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned())).collect()
    };
    assert_eq!(listed("fuzz_targets"), named);
    assert_eq!(listed("seeds"), named);
}

/// Settings and choices that the requests of the corpus are given: in one piece, and in moves of several kinds and sizes.
const PREFIXES: [&[u8]; 2] = [b"0", b"\xa5\x1c\x06\x85\x03\x0a"];

/// Longer requests are about limits, which `tests/http1_corpus.rs` tries; here each would be taken octet by octet.
const LONGEST: usize = 4096;

#[test]
fn every_request_of_the_corpus_keeps_the_promises_too() {
    let cases = read_folder(&root().join("tests/corpus")).expect("a corpus");
    for case in cases {
        let said: Vec<u8> = case.steps.iter().flat_map(|step| step.send.iter().copied()).collect();
        if said.len() > LONGEST {
            continue;
        }
        for prefix in PREFIXES {
            let input = [prefix, &said].concat();
            if let Err(panic) = panic::catch_unwind(|| [fuzz::head, fuzz::connection].map(|target| target(&input))) {
                eprintln!("this was {}", case.place);
                panic::resume_unwind(panic);
            }
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
