//! `lienthong import` against a server over a socket: files as agencies have them, the outcomes of their rows, and that a repetition changes nothing.

#[path = "../common/mod.rs"]
mod common;
mod sheets;

use std::path::Path;
use std::process::Output;

use common::process::{Serving, program, run};
use serde_json::Value;

const CSV: &[u8] = include_bytes!("../../examples/import/registrations.csv");
const MAPPING: &str = include_str!("../../examples/import/registrations.yaml");
/// Rows were refused.
const REFUSED: i32 = 40;

struct World {
    folder: tempfile::TempDir,
    serving: Serving,
}

impl World {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("mapping.yaml"), MAPPING).expect("written");
        let serving = Serving::start(folder.path(), &["--population", "0"]);
        Self { folder, serving }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).expect("written");
    }

    /// Imports a file of vehicles, and gives the exit code, the lines of JSON and stderr.
    fn import(&self, file: &str, further: &[&str]) -> (i32, Vec<Value>, String) {
        let arguments = ["import", "vehicle", file, "--mapping", "mapping.yaml", "--address", &self.serving.grpc];
        let output = run(self.path(), &[&arguments[..], further, &["--output", "json"]].concat());
        let (code, said, why) = text(&output);
        let lines = said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        (code, lines, why)
    }

    /// Imports rows under the header of the example; one line of text each, in UTF-8.
    fn rows(&self, rows: &[String]) -> (i32, Vec<Value>, String) {
        let header = text_of(CSV).lines().next().expect("a header").to_owned();
        self.write("rows.csv", format!("{header}\n{}\n", rows.join("\n")).as_bytes());
        self.import("rows.csv", &["--overwrite"])
    }
}

fn text(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8").trim_start_matches('\u{feff}').to_owned()
}

/// Created, updated, unchanged, repeated, refused.
fn counts(lines: &[Value]) -> [u64; 5] {
    let counts = &lines.last().expect("an end")["counts"];
    ["created", "updated", "unchanged", "repeated", "refused"].map(|name| counts[name].as_u64().expect("a number"))
}

fn rules(lines: &[Value]) -> Vec<String> {
    let of = |line: &Value| {
        let text = |name: &str| line[name].as_str().expect("text").to_owned();
        format!("{} {} {}", line["row"], text("column"), text("rule"))
    };
    let mut rules: Vec<String> = lines[..lines.len() - 1].iter().map(of).collect();
    // A field can break one rule in two ways.
    rules.dedup();
    rules
}

fn row(plate: &str, owner: &str, chassis: &str) -> String {
    format!("{plate};Xe máy;Trắng;042090990001;{owner};Honda;Wave;{chassis};Đỏ;2;05/03/2019;Đang lưu hành;")
}

#[test]
fn rows_become_records_once_and_refused_ones_can_be_mended() {
    let world = World::start();
    world.write("registrations.csv", CSV);
    let expected = ["4 Số định danh LEADING_ZERO", "5 Ngày đăng ký DATE_ORDER", "6 Số chỗ CONFLICT"];

    let (code, lines, why) = world.import("registrations.csv", &["--dry-run"]);
    assert_eq!(
        (code, counts(&lines), rules(&lines)),
        (REFUSED, [2, 0, 0, 0, 3], expected.map(String::from).into()),
        "{why}"
    );
    assert!(!world.path().join("registrations.refused.csv").exists(), "a dry run writes nothing");

    let (code, lines, _) = world.import("registrations.csv", &[]);
    assert_eq!((code, counts(&lines)), (REFUSED, [2, 0, 0, 0, 3]));
    let values: Vec<&Value> = lines.iter().map(|line| &line["value"]).collect();
    assert_eq!(values[..3], [&Value::from("99999999999"), &"99/99/9999".into(), &"99".into()], "values are masked");
    assert_eq!(lines[3]["warnings"][0]["rule"], "NORMALISED");
    assert!(!world.path().join("registrations.csv.import.json").exists(), "an import that ended has no checkpoint");

    // Nothing changes the second time; an old quarantine file is not lost by accident.
    let (code, _, why) = world.import("registrations.csv", &[]);
    assert!(code == 1 && why.contains("registrations.refused.csv remains from an earlier import"), "{why}");
    let (code, lines, _) = world.import("registrations.csv", &["--overwrite"]);
    assert_eq!((code, counts(&lines)), (REFUSED, [0, 0, 2, 0, 3]));

    let quarantine = std::fs::read(world.path().join("registrations.refused.csv")).expect("written");
    let quarantine = text_of(&quarantine);
    assert!(quarantine.lines().next().expect("a header").ends_with("import_row,import_reason"), "{quarantine}");
    let mended = quarantine
        .replace(",42090990001,", ",042090990001,")
        .replace("11/30/2022", "30/11/2022")
        .replace(",60,", ",2,");
    world.write("mended.csv", mended.as_bytes());
    let (code, lines, why) = world.import("mended.csv", &[]);
    assert_eq!((code, counts(&lines)), (0, [3, 0, 0, 0, 0]), "{lines:?} {why}");

    // A changed row is the record's next version, if that is legal.
    let changed = text_of(CSV).replacen(";Đỏ;2;", ";Vàng;2;", 1).replacen("RLCUE1710PY700102", "RLCUE1710PY700199", 1);
    world.write("changed.csv", changed.as_bytes());
    let (code, lines, _) = world.import("changed.csv", &[]);
    assert_eq!((code, counts(&lines)), (REFUSED, [0, 1, 0, 0, 4]));
    assert_eq!(rules(&lines)[0], "3 Số khung PLATE_CHASSIS");
}

#[test]
fn every_encoding_comes_to_the_same_record() {
    let world = World::start();
    let plain = format!(
        "{}\n{}\n",
        text_of(CSV).lines().next().expect("a header"),
        row("38-H9 002.01", "Nguyễn Thị Hoà", "RLHJA3909PY800201")
    );
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let decomposed: String = unicode_normalization::UnicodeNormalization::nfd(plain.as_str()).collect();
    let latin_1 = |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect::<Vec<u8>>();
    let header = "plate;kind;plate_colour;owner.personal_id;owner.full_name;brand;model;chassis_number;colour;seats;first_registered;status";
    let legacy = |name: &str, colour: &str| {
        format!(
            "{header}\n38-H9 002.01;motorcycle;white;042090990001;{name};Honda;Wave;RLHJA3909PY800201;{colour};2;05/03/2019;active\n"
        )
    };
    world.write("utf8.csv", plain.as_bytes());
    world.write("utf16.csv", &utf16);
    world.write("nfd.csv", decomposed.as_bytes());
    world.write("tcvn3.csv", &latin_1(&legacy("NguyÔn ThÞ Hoµ", "§á")));
    world.write("vni.csv", &latin_1(&legacy("Nguyeãn Thò Hoaø", "Ñoû")));
    world.write("garbled.csv", legacy("NguyÔn ThÞ Hoµ", "§á").as_bytes());
    let (code, lines, why) = world.import("utf8.csv", &[]);
    assert_eq!((code, counts(&lines)), (0, [1, 0, 0, 0, 0]), "{lines:?} {why}");
    for file in ["utf16.csv", "nfd.csv"] {
        let (code, lines, why) = world.import(file, &[]);
        assert_eq!((code, counts(&lines)), (0, [0, 0, 1, 0, 0]), "{file}: {lines:?} {why}");
    }
    for file in ["tcvn3.csv", "vni.csv", "garbled.csv"] {
        let arguments = ["import", "vehicle", file, "--address", &world.serving.grpc];
        let (code, said, why) = text(&run(world.path(), &arguments));
        assert!(code == 0 && said.contains("unchanged  1"), "{file}: {said}{why}");
        let encoding = if file == "vni.csv" { "VNI" } else { "TCVN3" };
        assert!(
            said.contains(&format!("encoding   owner.full_name: {encoding}, 100% of the accented texts")),
            "{said}"
        );
        assert!(said.contains("mapped     plate -> plate"), "{said}");
    }
}

#[test]
fn messy_rows_are_told_with_row_and_column() {
    let world = World::start();
    let good = |n: u32| row(&format!("38-H9 003.{n:02}"), "Trần Văn Bình", &format!("RLHJA3909PY9{n:05}"));
    let swap = |n: u32, from: &str, to: &str| {
        let row = good(n);
        assert!(row.contains(from), "{from}");
        row.replacen(from, to, 1)
    };
    let rows = [
        good(1),
        format!("  {}  ", good(1)),
        swap(1, "Đỏ", "Xanh"),
        swap(2, "042090990001", "4.209E+10"),
        swap(3, "Trần Văn Bình", "\"Trần \"\"Văn\"\" Bình\nHai\""),
        swap(4, "Honda", "=A1"),
        format!("{};thừa", good(5)),
        swap(6, "05/03/2019", "05/03/19"),
        swap(7, "Đang lưu hành", "Hết hạn"),
        String::new(),
        ";;;;;;;;;;;;".into(),
        swap(8, "2;05", "1.5;05"),
        swap(9, "042090990001", "=\"042090990001\""),
    ];
    let (code, lines, why) = world.rows(&rows);
    assert_eq!((code, counts(&lines)), (REFUSED, [2, 0, 0, 1, 8]), "{lines:?} {why}");
    assert_eq!(
        rules(&lines),
        [
            "4 Biển số DUPLICATE",
            "5 Số định danh EXCEL_NUMBER",
            "6 Chủ xe FORMAT",
            "8 Nhãn hiệu FORMULA",
            "9  COLUMNS",
            "10 Ngày đăng ký DATE_YEAR",
            "11 Tình trạng UNKNOWN_VALUE",
            "14 Số chỗ NUMBER",
        ]
        .map(String::from)
    );

    for (file, why) in [
        ("Biển số;Biển số\n1;2\n", "row 1: the columns 1 and 2 are both called Biển số"),
        ("Biển số;Lạ\n1;2\n", "there is no column"),
        ("", "there is no row of column names"),
        ("Biển số\n\"1\n", "row 2: a quote that opens in it is not closed"),
    ] {
        world.write("bad.csv", file.as_bytes());
        let (code, _, said) = world.import("bad.csv", &[]);
        assert!(code == 1 && said.contains(why), "{file}: {said}");
    }
    // A word among others proves no encoding; the names next to it do, and a file without proof is refused.
    let byte = |text: &str| text.chars().map(|c| c as u8).collect::<Vec<_>>();
    let header = "plate,kind,plate_colour,owner.full_name,owner.personal_id,owner.address.text";
    let row = |name: &str| format!("{header}\n38-H9 002.77,motorcycle,white,{name},042090990001,\"TrÇn KCN Block\"\n");
    world.write("tcvn3.csv", &byte(&row("NguyÔn ThÞ Hoµ")));
    let output = run(world.path(), &["import", "vehicle", "tcvn3.csv", "--dry-run", "--address", &world.serving.grpc]);
    let said = text(&output).1;
    assert!(said.contains("owner.address.text: TCVN3, as in the other columns"), "{said}");

    // Old programs of the Mac end lines with a carriage return alone.
    let lines_of = |name: &str, end: &str| {
        let text = text_of(CSV).replace("\r\n", "\n").replace('\n', end);
        world.write(name, text.as_bytes());
        counts(&world.import(name, &["--overwrite"]).1).iter().sum::<u64>()
    };
    let with_line_feeds = lines_of("unix.csv", "\n");
    assert_eq!((lines_of("mac.csv", "\r"), with_line_feeds > 1), (with_line_feeds, true));
    let endless = format!("{}\n\"{}", text_of(CSV).lines().next().expect("a header"), "x;".repeat(1_500_000));
    world.write("endless.csv", endless.as_bytes());
    let (code, _, said) = world.import("endless.csv", &[]);
    assert!(code == 1 && said.contains("a quote that opens in it is not closed"), "{said}");
}

#[test]
fn odd_files_are_read_or_refused_in_words() {
    let world = World::start();
    let header = text_of(CSV).lines().next().expect("a header").to_owned();
    let good = |n: u32| row(&format!("38-H9 008.{n:02}"), "Trần Văn Bình", &format!("RLHJA3909PY8{n:05}"));
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let plain = |n: u32| format!("{header}\r\n{}\r\n", good(n));
    let cut: Vec<u8> = [&[0xff, 0xfe][..], &utf16(&plain(2)), b"A"].concat();
    // Half of the file was written by another program.
    let mut mixed = plain(4).into_bytes();
    let of_before =
        good(5).replace("Trần Văn Bình", "NguyÔn ThÞ Hoµ").replace("Đỏ", "§á").replace("Xe máy", "motorcycle");
    let of_before = of_before.replace("Trắng", "white").replace("Đang lưu hành", "active");
    mixed.extend(of_before.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")));
    for (name, bytes, expected) in [
        ("unmarked.csv", utf16(&plain(1)), [1, 0, 0, 0, 0]),
        ("cut.csv", cut, [1, 0, 0, 0, 0]),
        ("mixed.csv", mixed, [2, 0, 0, 0, 0]),
        ("nul.csv", plain(3).replace("Honda", "Hon\0da").into_bytes(), [0, 0, 0, 0, 1]),
    ] {
        world.write(name, &bytes);
        let (_, lines, why) = world.import(name, &[]);
        assert!(!lines.is_empty(), "{name}: {why}");
        assert_eq!(counts(&lines), expected, "{name}: {lines:?} {why}");
    }
    let million = format!("{header}\n{}\n", vec!["x"; 1_000_000].join(";"));
    for (name, bytes, said) in [
        ("million.csv", million.into_bytes(), "it has too many cells"),
        ("utf32.csv", [&[0xff, 0xfe, 0, 0][..], &[65, 0, 0, 0].repeat(9)].concat(), "it is UTF-32"),
        ("zeros.csv", vec![0; 1_000], "has invisible characters"),
        ("archive.xlsx", [&b"PK\x05\x06"[..], &[0; 18]].concat(), "is not a readable XLSX file"),
    ] {
        world.write(name, &bytes);
        let (code, _, why) = world.import(name, &[]);
        assert!(code == 1 && why.contains(said) && !why.contains('\0'), "{name}: {why}");
    }
}

#[test]
fn two_spellings_of_one_row_are_one_row() {
    let world = World::start();
    let row = |plate: &str, owner: &str, day: &str| row(plate, owner, "RLHJA3909PY400001").replace("05/03/2019", day);
    let decomposed: String = unicode_normalization::UnicodeNormalization::nfd("Nguyễn Thị Hoà").collect();
    let rows = [
        row("38-H9 006.01", "Nguyễn Thị Hoà", "05/03/2019"),
        row("38h9 00601", "Nguyễn Thị Hòa", "5/3/2019"),
        row("38H9-00601", &decomposed, "2019-03-05"),
        row("38-H9 006.01", "NGUYỄN THỊ HOÀ", "05.03.2019"),
        row("38-H9 006.01", "Nguyễn Thị Hoa", "05/03/2019"),
    ];
    let (code, lines, why) = world.rows(&rows);
    assert_eq!((code, counts(&lines)), (REFUSED, [1, 0, 0, 3, 1]), "{lines:?} {why}");
    assert_eq!(rules(&lines), ["6 Biển số DUPLICATE"]);
}

#[test]
fn every_warning_is_counted() {
    let world = World::start();
    let rows: Vec<String> =
        (1..1_501).map(|n| row(&format!("38h7 {n:05}"), "Trần Văn Bình", &format!("RLHJA3909PY7{n:05}"))).collect();
    let (code, lines, why) = world.rows(&rows);
    assert_eq!((code, counts(&lines)), (0, [1_500, 0, 0, 0, 0]), "{why}");
    let end = lines.last().expect("an end");
    assert_eq!((&end["warnings"][0]["rule"], &end["warnings"][0]["rows"]), (&"NORMALISED".into(), &1_500.into()));
    assert_eq!(end["warnings_untold"], 0);
}

#[test]
fn a_file_of_before_is_made_with_its_mapping_and_its_truth() {
    let world = World::start();
    for (registry, encoding) in [
        ("vehicle", "vni"),
        ("health_insurance", "tcvn3"),
        ("driver_licence", "vni"),
        ("land", "tcvn3"),
        ("resident", "tcvn3"),
    ] {
        let file = format!("{registry}.csv");
        let out = ["population", "legacy", registry, "--encoding", encoding, "--rows", "60", "--out", &file];
        let beside = ["--mapping", "legacy.yaml", "--ground-truth", "truth.jsonl"];
        let made = run(world.path(), &[&out[..], &beside].concat());
        assert!(made.status.success(), "{}", text(&made).2);
        let arguments = ["import", registry, &file, "--mapping", "legacy.yaml", "--overwrite", "--output", "json"];
        let output = run(world.path(), &[&arguments[..], &["--address", &world.serving.grpc]].concat());
        let (code, said, why) = text(&output);
        let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let [created, updated, unchanged, repeated, refused] = counts(&lines);
        assert_eq!(created + updated + unchanged + repeated + refused, 60, "{registry} {why}");
        assert!(created > 40, "{registry}: {lines:?} {why}");
        // Every refusal is an error that the ground truth lists, under the row's own number.
        let truths = std::fs::read_to_string(world.path().join("truth.jsonl")).expect("truths");
        let slips: Vec<Value> = truths.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        for line in &lines[..lines.len() - 1] {
            let is_slip = |slip: &Value| slip["row"] == line["row"] && slip["column"] == line["column"];
            let is_known = slips.iter().any(is_slip) || line["rule"] == "CARD_IN_FORCE" || line["rule"] == "CONFLICT";
            assert!(is_known, "{registry}: {line} {slips:?}");
        }
        assert_eq!(code, if refused > 0 { REFUSED } else { 0 });
    }
    let other = run(world.path(), &["population", "legacy", "judicial", "--out", "x.csv"]);
    assert!(text(&other).2.contains("files can be made for"), "{}", text(&other).2);
}

#[test]
fn an_import_that_was_killed_goes_on_where_it_was() {
    const ROWS: u64 = 12_000;
    let world = World::start();
    let header = text_of(CSV).lines().next().expect("a header").to_owned();
    let rows: Vec<String> = (0..ROWS)
        .map(|n| {
            let plate = format!("38-H{} {:03}.{:02}", n / 9_000 + 1, (n % 9_000 + 1) / 100, (n % 9_000 + 1) % 100);
            row(&plate, "Trần Văn Bình", &format!("RLHJA3909PY{n:06}"))
        })
        .collect();
    world.write("rows.csv", format!("{header}\n{}\n", rows.join("\n")).as_bytes());
    let arguments = ["import", "vehicle", "rows.csv", "--mapping", "mapping.yaml", "--address", &world.serving.grpc];
    let mut child = program()
        .current_dir(world.path())
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    let checkpoint = world.path().join("rows.csv.import.json");
    while !checkpoint.exists() {
        assert!(child.try_wait().expect("asked").is_none(), "it ended before it was killed");
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    let kept: Value = serde_json::from_slice(&std::fs::read(&checkpoint).expect("kept")).expect("JSON");
    let done = kept["row"].as_u64().expect("a row");
    assert!(done > 1 && done < ROWS, "{kept}");

    let (code, said, why) = text(&run(world.path(), &arguments));
    assert!(code == 0 && said.contains(&format!("resumed    after row {done}")), "{said}{why}");
    assert!(!checkpoint.exists());
    let (code, lines, why) = world.import("rows.csv", &[]);
    assert_eq!((code, counts(&lines)), (0, [0, 0, ROWS, 0, 0]), "each row was imported once: {why}");
}

#[test]
fn a_broken_off_import_goes_on() {
    let world = World::start();
    let rows: Vec<String> =
        (0..40).map(|n| row(&format!("38-H9 005.{n:02}"), "Trần Văn Bình", &format!("RLHJA3909PY5{n:05}"))).collect();
    let (code, lines, _) = world.rows(&rows);
    assert_eq!((code, counts(&lines)), (0, [40, 0, 0, 0, 0]));
    // A checkpoint of another file is not used.
    let stale = r#"{"fingerprint":"x","row":30,"counts":{"created":30,"updated":0,"unchanged":0,"repeated":0,"refused":0},"log_size":1,"quarantine_bytes":0}"#;
    world.write("rows.csv.import.json", stale.as_bytes());
    let (code, lines, _) = world.import("rows.csv", &[]);
    assert_eq!((code, counts(&lines)), (0, [0, 0, 40, 0, 0]));
}
