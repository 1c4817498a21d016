//! `lienthong import` against a server over a socket: files as agencies have them, what becomes of their rows, and that repeating it changes nothing.

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use common::process::{Serving, run};
use serde_json::Value;

const CSV: &[u8] = include_bytes!("../examples/import/registrations.csv");
const MAPPING: &str = include_str!("../examples/import/registrations.yaml");
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
    assert!(code == 1 && why.contains("registrations.refused.csv is there from an earlier import"), "{why}");
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
    // An address proves no encoding; the names beside it do, and what nothing proves is refused.
    let byte = |text: &str| text.chars().map(|c| c as u8).collect::<Vec<_>>();
    let header = "plate,kind,plate_colour,owner.full_name,owner.personal_id,owner.address.text";
    let row =
        |name: &str| format!("{header}\n38-H9 002.77,motorcycle,white,{name},042090990001,\"Sè 12, phè TrÇn Phó\"\n");
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

/// A workbook of one sheet: rows of cells as XML.
fn workbook(rows: &[&str], further: &str) -> Vec<u8> {
    let rows: String =
        rows.iter().enumerate().map(|(at, cells)| format!("<row r=\"{}\">{cells}</row>", at + 1)).collect();
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let parts = [
        ("[Content_Types].xml", format!("<Types xmlns=\"{package}/content-types\"/>")),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Xe\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData>{further}</worksheet>"),
        ),
    ];
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).expect("a part");
        writer.write_all(text.as_bytes()).expect("written");
    }
    writer.finish().expect("whole").into_inner()
}

/// Cells of texts in a row.
fn cells(row: usize, texts: &[&str]) -> String {
    let cell = |(at, text): (usize, &&str)| {
        let place = format!("{}{row}", char::from(b'A' + at as u8));
        match text.strip_prefix('#') {
            Some(number) => format!("<c r=\"{place}\"><v>{number}</v></c>"),
            None => format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"),
        }
    };
    texts.iter().enumerate().map(cell).collect()
}

#[test]
fn sheets_are_read_with_their_dates_and_their_traps() {
    let world = World::start();
    let header: Vec<String> = text_of(CSV).lines().next().expect("a header").split(';').map(str::to_owned).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let row = |n: usize, plate: &str, owner: &str, day: &str| {
        let chassis = format!("RLHJA3909PY6{n:05}");
        cells(
            n,
            &[
                plate,
                "Xe máy",
                "Trắng",
                owner,
                "Trần Văn Bình",
                "Honda",
                "Wave",
                &chassis,
                "Đỏ",
                "#2",
                day,
                "Đang lưu hành",
            ],
        )
    };
    let formula = row(5, "38-H9 004.05", "042090990001", "05/03/2019").replace("<is><t>Honda", "<f>A1</f><is><t>Honda");
    let sheet = workbook(
        &[
            &cells(1, &header),
            &row(2, "38-H9 004.02", "042090990001", "#43529"),
            &row(3, "38-H9 004.03", "#42090990001", "05/03/2019"),
            "",
            &formula,
            &row(6, "38-H9 004.06", "042090990001", "05/03/2019"),
        ],
        "<mergeCells count=\"1\"><mergeCell ref=\"A6:A7\"/></mergeCells>",
    );
    world.write("vehicles.xlsx", &sheet);
    let (code, lines, why) = world.import("vehicles.xlsx", &[]);
    assert_eq!((code, counts(&lines)), (REFUSED, [1, 0, 0, 0, 3]), "{lines:?} {why}");
    assert_eq!(rules(&lines), ["3 Số định danh LEADING_ZERO", "5 Nhãn hiệu FORMULA", "6 Biển số MERGED"]);
    let (code, _, why) = world.import("vehicles.xlsx", &["--sheet", "Nhà"]);
    assert!(code == 1 && why.contains("there is no sheet Nhà"), "{why}");
    world.write("broken.xlsx", &sheet[..sheet.len() / 2]);
    let (code, _, why) = world.import("broken.xlsx", &[]);
    assert!(code == 1 && why.contains("broken.xlsx cannot be read"), "{why}");
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
