//! Compiles the protos with `protox`, so that no `protoc` is needed, and keeps the descriptor set, comments included,
//! for reflection and for the typed forms of payloads.

use std::path::PathBuf;
use std::{env, error::Error, fs};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let mut protos = Vec::new();
    find_protos(PathBuf::from("proto"), &mut protos)?;
    protos.sort();
    println!("cargo:rerun-if-changed=proto");

    let descriptors = protox::compile(&protos, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .codec_path("crate::wire::codec::ServiceCodec")
        // Written by hand, with its records encoded before: see src/wire/ready.rs.
        .extern_path(".lienthong.exchange.v1.FetchRecordsResponse", "crate::wire::ready::FetchRecordsResponse")
        .include_file("lienthong.rs")
        .compile_fds(descriptors)?;
    Ok(())
}

fn find_protos(folder: PathBuf, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_protos(path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "proto") {
            found.push(path);
        }
    }
    Ok(())
}
