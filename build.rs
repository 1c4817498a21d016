//! Compiles the protos with `protox`, so that no `protoc` is needed, and keeps the descriptor set, comments included,
//! for reflection and for the typed forms of payloads.

use std::path::PathBuf;
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut protos = Vec::new();
    find_protos(PathBuf::from("proto"), &mut protos)?;
    protos.sort();
    println!("cargo:rerun-if-changed=proto");

    // What the gateway describes is what it serves: the checker's own service is served by the checker (src/cli/check/client/callback.rs).
    let (of_checker, mut served): (Vec<_>, Vec<_>) =
        protos.into_iter().partition(|path| path.starts_with("proto/lienthong/check"));
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Encoded by the compiler, which keeps the options of fields: `debug_redact` says what a journal masks.
    fs::write(out.join("descriptors.bin"), compiled(&served)?.encode_file_descriptor_set())?;
    served.extend(of_checker);
    let descriptors = compiled(&served)?.file_descriptor_set();

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

fn compiled(protos: &[PathBuf]) -> Result<protox::Compiler, Box<dyn Error>> {
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true).open_files(protos)?;
    Ok(compiler)
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
