#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| iolab_fuzz::websocket(input));
