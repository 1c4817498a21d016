//! Sheets of XLSX files, written part by part.

use std::io::Write as _;

use super::{CSV, REFUSED, World, counts, rules, text_of};

/// A workbook of one sheet: rows of cells as XML.
fn workbook(rows: &[&str], further: &str) -> Vec<u8> {
    workbook_with("", rows, further)
}

/// The same with properties of the workbook.
fn workbook_with(properties: &str, rows: &[&str], further: &str) -> Vec<u8> {
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
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\">{properties}<sheets><sheet name=\"Xe\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
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
            "",
            // Only a cell that is not read: not a blank row.
            &cells(8, &[&"x".repeat(32_768)]),
        ],
        "<mergeCells count=\"1\"><mergeCell ref=\"A6:A7\"/></mergeCells>",
    );
    world.write("vehicles.xlsx", &sheet);
    let (code, lines, why) = world.import("vehicles.xlsx", &[]);
    assert_eq!((code, counts(&lines)), (REFUSED, [1, 0, 0, 0, 4]), "{lines:?} {why}");
    assert_eq!(
        rules(&lines),
        ["3 Số định danh LEADING_ZERO", "5 Nhãn hiệu FORMULA", "6 Biển số MERGED", "8 Biển số TOO_LONG"]
    );
    let (code, _, why) = world.import("vehicles.xlsx", &["--sheet", "Nhà"]);
    assert!(code == 1 && why.contains("there is no sheet Nhà"), "{why}");
    // Workbooks of old Macs count their days from 1904.
    let row = |day: &str| row(2, "38-H9 004.12", "042090990001", day).replace("PY600002", "PY600012");
    let mac = workbook_with("<workbookPr date1904=\"1\"/>", &[&cells(1, &header), &row("#42067")], "");
    world.write("mac.xlsx", &mac);
    let plain = workbook(&[&cells(1, &header), &row("05/03/2019")], "");
    world.write("plain.xlsx", &plain);
    for (file, expected) in [("mac.xlsx", [1, 0, 0, 0, 0]), ("plain.xlsx", [0, 0, 1, 0, 0])] {
        let (code, lines, why) = world.import(file, &[]);
        assert_eq!((code, counts(&lines)), (0, expected), "{file}: {lines:?} {why}");
    }
    world.write("broken.xlsx", &sheet[..sheet.len() / 2]);
    let (code, _, why) = world.import("broken.xlsx", &[]);
    assert!(code == 1 && why.contains("broken.xlsx cannot be read"), "{why}");
}
