//! Fuzzes the property `tile`: see `src/properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lienthong_fuzz::{properties, seeds};

fuzz_target!(init: seeds::plant("tile"), |data: &[u8]| properties::tile(data));
