//! How often Hà Tĩnh's surnames, middle and given names occur, in thousandths of a per cent.
//!
//! Aggregates only, from published counts (hoten.org's lists for Nghệ An and for birth cohorts; the weights of the MIT
//! licensed vietnamese-name-generator); no list of real people stands behind them. What is assumed says so.

/// A name and its weight.
pub(super) type Weighted = (&'static str, u32);

/// Surnames: the neighbouring province's list without those of its highland peoples, with what marks Hà Tĩnh (Võ, Phan, Hồ,
/// Đặng) raised. The raise is our assumption.
#[rustfmt::skip]
pub(super) const SURNAMES: &[Weighted] = &[
    ("Nguyễn", 32881), ("Trần", 11817), ("Lê", 8981), ("Phan", 5210), ("Hoàng", 4624), ("Phạm", 4418), ("Võ", 3617),
    ("Hồ", 3021), ("Đặng", 2805), ("Bùi", 2589), ("Trương", 2219), ("Ngô", 1850), ("Cao", 1644), ("Thái", 1356),
    ("Đinh", 1233), ("Hà", 1233), ("Vũ", 1130), ("Đậu", 1130), ("Dương", 1094), ("Chu", 730), ("Đào", 627),
    ("Trịnh", 575), ("Đỗ", 514), ("Lương", 514), ("Lưu", 452), ("Mai", 411), ("Vương", 401), ("Đoàn", 339),
    ("Biện", 308), ("Phùng", 288), ("Văn", 277), ("Tạ", 236), ("Tăng", 185), ("Kiều", 152), ("Đàm", 144),
    ("La", 123), ("Uông", 108), ("Mạc", 95), ("Bạch", 81), ("Doãn", 70), ("Kim", 65), ("Lâm", 62), ("Đường", 53),
    ("Từ", 51), ("Lại", 48), ("Huỳnh", 43), ("Đồng", 38), ("Tống", 35), ("Quách", 30), ("Trình", 30), ("Tôn", 25),
    ("Nhữ", 22), ("Hứa", 16),
];

/// Men's middle names other than `Văn`.
#[rustfmt::skip]
pub(super) const MALE_MIDDLE: &[Weighted] = &[
    ("Minh", 6450), ("Thanh", 5020), ("Hoàng", 5000), ("Ngọc", 4900), ("Quốc", 3160), ("Đức", 3000),
    ("Quang", 2840), ("Anh", 2470), ("Hữu", 2330), ("Thành", 2260), ("Xuân", 2250), ("Duy", 2230), ("Đình", 2180),
    ("Trung", 2050), ("Tuấn", 1750), ("Tấn", 1570), ("Hồng", 1510), ("Công", 1500), ("Trọng", 1440), ("Thế", 1350),
    ("Tiến", 1220), ("Nhật", 1010), ("Hải", 950), ("Mạnh", 930), ("Vũ", 910), ("Việt", 880), ("Thái", 860),
    ("Đăng", 860), ("Bảo", 820), ("Huy", 820), ("Chí", 710), ("Phước", 700), ("Bá", 630), ("Viết", 540),
    ("Vĩnh", 530), ("Khắc", 480), ("Gia", 390), ("Sỹ", 250), ("Danh", 200), ("Hoài", 860), ("Khánh", 660),
];

/// Men's given names, born before 1975: our assumption.
#[rustfmt::skip]
pub(super) const MALE_BEFORE_1975: &[Weighted] = &[
    ("Hùng", 3500), ("Dũng", 3410), ("Sơn", 3320), ("Hải", 3230), ("Thắng", 3140), ("Minh", 3050), ("Bình", 2960),
    ("Tuấn", 2870), ("Cường", 2780), ("Hòa", 2690), ("Lâm", 2600), ("Thanh", 2510), ("Hà", 2420), ("Long", 2330),
    ("Tâm", 2240), ("Hiền", 2150), ("Quang", 2060), ("Đức", 1970), ("Trung", 1880), ("Nam", 1790), ("Vinh", 1700),
    ("Lợi", 1610), ("Thành", 1520), ("Tiến", 1430), ("Phúc", 1340), ("Chiến", 1250), ("Lương", 1160),
    ("Tịnh", 1070), ("Nhân", 980), ("Đồng", 890), ("Ái", 800), ("Hoè", 710), ("Cầm", 620), ("Đàn", 530),
    ("Nhâm", 440), ("Tý", 400), ("Sửu", 400), ("Mão", 400), ("Ngọ", 400), ("Thân", 400), ("Hợi", 400),
];

/// Men's given names, measured for those born 1991 to 2002.
#[rustfmt::skip]
pub(super) const MALE_1975_TO_2002: &[Weighted] = &[
    ("Tuấn", 2711), ("Hoàng", 2461), ("Huy", 2225), ("Anh", 2050), ("Hiếu", 1994), ("Hùng", 1981), ("Nam", 1975),
    ("Sơn", 1902), ("Đức", 1884), ("Dũng", 1699), ("Thành", 1618), ("Đạt", 1560), ("Cường", 1560), ("Long", 1550),
    ("Trung", 1549), ("Hải", 1419), ("Vũ", 1415), ("Nguyên", 1401), ("Thắng", 1399), ("Minh", 1312), ("Duy", 1154),
    ("Tiến", 1142), ("Quang", 1114), ("Phúc", 1048), ("Trường", 1017), ("Tài", 1007), ("Toàn", 981), ("Hưng", 924),
    ("Phong", 909), ("Tùng", 894), ("Linh", 866), ("Khánh", 861), ("Bảo", 858), ("Quân", 825), ("Dương", 790),
    ("Nghĩa", 777), ("Lâm", 776), ("Vinh", 766), ("Bình", 764), ("Mạnh", 751), ("Tú", 744), ("Việt", 704),
    ("Thịnh", 683), ("Hòa", 683), ("Tâm", 658), ("Hiệp", 650), ("Tân", 645), ("Phú", 643), ("Phương", 635),
    ("Thiện", 623), ("Thái", 615), ("Nhật", 599), ("Công", 594), ("Sang", 589), ("Hậu", 578), ("Quý", 567),
    ("An", 565), ("Phước", 562), ("Quốc", 547), ("Ngọc", 535), ("Nhân", 530), ("Vương", 513), ("Khoa", 503),
    ("Trí", 497), ("Kiên", 487), ("Lộc", 478), ("Thanh", 478), ("Thuận", 476), ("Chiến", 475), ("Trọng", 452),
    ("Giang", 414), ("Tín", 383), ("Phát", 373), ("Đại", 372), ("Thông", 368), ("Đông", 346), ("Phi", 340),
    ("Chung", 332), ("Lợi", 301), ("Quyền", 292), ("Luân", 271), ("Khải", 250), ("Hoàn", 243), ("Thiên", 241),
    ("Danh", 240), ("Thọ", 240), ("Kiệt", 236), ("Lực", 233), ("Khang", 231), ("Quyết", 230), ("Thạch", 219),
    ("Cảnh", 214), ("Hào", 199), ("Tình", 198),
];

/// Men's given names, born since 2003: our assumption.
#[rustfmt::skip]
pub(super) const MALE_SINCE_2003: &[Weighted] = &[
    ("Minh", 5000), ("Anh", 5000), ("Bảo", 4000), ("Khang", 4000), ("Huy", 4000), ("Phúc", 3500), ("Khôi", 3000),
    ("Đăng", 3000), ("Quân", 3000), ("Nam", 3000), ("Phong", 3000), ("Hoàng", 3000), ("Đạt", 2500), ("Khánh", 2500),
    ("Hưng", 2500), ("Khoa", 2500), ("Nguyên", 2500), ("Đức", 2500), ("Long", 2500), ("Dũng", 2000), ("Phát", 2000),
    ("Duy", 2000), ("Kiên", 2000), ("Hiếu", 2000), ("An", 2000), ("Quang", 2000), ("Tuấn", 1500), ("Lâm", 1500),
    ("Bách", 1500), ("Trí", 1500), ("Vũ", 1500), ("Thành", 1500), ("Thịnh", 1500), ("Vinh", 1500), ("Sơn", 1000),
    ("Tiến", 1000),
];

/// Women's given names, born before 1975: our assumption.
#[rustfmt::skip]
pub(super) const FEMALE_BEFORE_1975: &[Weighted] = &[
    ("Hoa", 3500), ("Lan", 3410), ("Hương", 3320), ("Hồng", 3230), ("Nga", 3140), ("Loan", 3050), ("Liên", 2960),
    ("Hà", 2870), ("Thanh", 2780), ("Tâm", 2690), ("Thủy", 2600), ("Vân", 2510), ("Bình", 2420), ("Hòa", 2330),
    ("Xuân", 2240), ("Nhung", 2150), ("Huệ", 2060), ("Minh", 1970), ("Phương", 1880), ("Yến", 1790), ("Hoài", 1700),
    ("Thu", 1610), ("Hiền", 1520), ("Lý", 1430), ("Lài", 1340), ("Sen", 1250), ("Nhàn", 1160), ("Thìn", 1070),
    ("Tân", 980), ("Mùi", 890), ("Tuất", 800), ("Tứ", 710), ("Nậm", 620), ("Cháu", 530), ("Em", 440), ("Con", 400),
    ("Lành", 400), ("Lộc", 400), ("Tư", 400),
];

/// Women's given names, measured for those born 1991 to 2002.
#[rustfmt::skip]
pub(super) const FEMALE_1975_TO_2002: &[Weighted] = &[
    ("Trang", 4193), ("Thảo", 3518), ("Linh", 3023), ("Anh", 2462), ("Phương", 2197), ("Hằng", 2139),
    ("Huyền", 2106), ("Hà", 2071), ("Hiền", 2030), ("Hương", 1719), ("Ngọc", 1717), ("Dung", 1697), ("Nhung", 1685),
    ("Thủy", 1648), ("Nhi", 1622), ("Duyên", 1554), ("Vân", 1495), ("Quỳnh", 1494), ("Nga", 1487), ("Yến", 1477),
    ("Trinh", 1464), ("Thương", 1340), ("Uyên", 1336), ("Hạnh", 1305), ("Ngân", 1217), ("Oanh", 1192),
    ("Trâm", 1162), ("Ly", 1156), ("Mai", 1146), ("Phượng", 1086), ("Thúy", 1080), ("Hoa", 1021), ("Vy", 1018),
    ("Hồng", 993), ("Tâm", 961), ("Thu", 943), ("My", 942), ("Giang", 928), ("Loan", 919), ("Thanh", 884),
    ("Ánh", 838), ("Vi", 836), ("Lan", 835), ("Quyên", 796), ("Chi", 795), ("Thư", 744), ("Tiên", 727),
    ("Thùy", 688), ("Huệ", 687), ("Nguyệt", 674), ("Như", 665), ("Nguyên", 663), ("Tuyết", 635), ("Diễm", 619),
    ("Liên", 598), ("Hòa", 562), ("Hường", 557), ("Hoài", 532), ("Kiều", 514), ("Lệ", 506), ("Xuân", 468),
    ("Tuyền", 468), ("Thắm", 464), ("Diệu", 399), ("Dương", 394), ("Sương", 383), ("An", 377), ("Bình", 366),
    ("Bích", 344), ("Châu", 342), ("Thi", 338), ("Hậu", 323), ("Mỹ", 314), ("Nhàn", 313), ("Minh", 312),
    ("Hiếu", 309), ("Trúc", 290), ("Hân", 286), ("Na", 285), ("Đào", 276), ("Hải", 274), ("Ý", 266), ("Hảo", 253),
    ("Cúc", 248), ("Trân", 239), ("Thoa", 237), ("Phúc", 219), ("Liễu", 204), ("Thơm", 201), ("Trà", 196),
    ("Thuận", 178), ("Thơ", 176), ("Phụng", 174), ("Lành", 173), ("Hạ", 152), ("Diệp", 149), ("Tươi", 143),
];

/// Women's given names, measured for those born 2007 to 2011.
#[rustfmt::skip]
pub(super) const FEMALE_SINCE_2003: &[Weighted] = &[
    ("Anh", 7100), ("Vy", 5700), ("Ngọc", 4300), ("Nhi", 4200), ("Hân", 4100), ("Thư", 4100), ("Linh", 3500),
    ("Như", 3100), ("Ngân", 3000), ("Phương", 2100), ("Thảo", 2100), ("My", 2100), ("Trân", 1800), ("Quỳnh", 1800),
    ("Nghi", 1700), ("Trang", 1700), ("Trâm", 1600), ("An", 1600), ("Thy", 1500), ("Châu", 1500), ("Trúc", 1500),
    ("Uyên", 1400), ("Yến", 1400), ("Ý", 1200), ("Tiên", 1100), ("Mai", 1100), ("Hà", 1000), ("Vân", 1000),
    ("Nguyên", 930), ("Hương", 890), ("Quyên", 780), ("Duyên", 770), ("Kim", 760), ("Trinh", 750), ("Thanh", 750),
    ("Tuyền", 720), ("Hằng", 720), ("Dương", 680), ("Chi", 640), ("Giang", 630), ("Tâm", 620), ("Lam", 610),
    ("Ánh", 550), ("Hiền", 550),
];

/// Women's middle names after `Thị`; the frequencies are our assumption.
#[rustfmt::skip]
pub(super) const FEMALE_SECOND_MIDDLE: &[Weighted] = &[
    ("Thu", 1000), ("Thanh", 1000), ("Hồng", 1000), ("Minh", 1000), ("Phương", 1000), ("Mỹ", 1000), ("Hoài", 1000),
    ("Khánh", 1000), ("Quỳnh", 1000), ("Hà", 1000), ("Kim", 1000), ("Bích", 1000), ("Thúy", 1000), ("Diệu", 1000),
];

/// Women's middle names without `Thị`; the frequencies are our assumption.
#[rustfmt::skip]
pub(super) const FEMALE_MIDDLE: &[Weighted] = &[
    ("Ngọc", 1000), ("Bảo", 1000), ("Khánh", 1000), ("Phương", 1000), ("Minh", 1000), ("Quỳnh", 1000),
    ("Thảo", 1000), ("Gia", 1000), ("Hà", 1000), ("Thanh", 1000),
];
