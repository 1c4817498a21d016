//! Fuzzes the property `status_list`: see `src/properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lienthong_fuzz::{properties, seeds};

fuzz_target!(init: seeds::plant("status_list"), |data: &[u8]| properties::status_list(data));
