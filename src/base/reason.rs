//! Every reason an error can have: its stable code, its kind and its Vietnamese sentence, in one table.
//!
//! Codes are part of the API: they never change and are never reused.

/// Who is at fault and what the caller can do; one row each in the status table of `api::status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request breaks a rule; repeating it is useless.
    Invalid,
    /// No credential, or one that is not accepted.
    Unauthenticated,
    /// An authenticated caller without the right; says the same whether or not the thing exists.
    Denied,
    /// The thing does not exist.
    Missing,
    /// The thing exists already, in another form.
    Exists,
    /// Somebody else was faster; read again and repeat.
    Stale,
    /// The thing is not in a state that allows this.
    WrongState,
    /// A limit was reached.
    Limited,
    /// A source that we depend on does not answer.
    SourceDown,
    /// The caller's deadline passed.
    Late,
    /// Stored or received data fails its checks.
    Corrupt,
    /// There is no such method, or no such form of it.
    Unimplemented,
    /// A defect of ours.
    Bug,
}

macro_rules! reasons {
    ($($variant:ident = $code:literal, $kind:ident, $vi:literal;)*) => {
        /// A stable code, UPPER_SNAKE; the `reason` of `google.rpc.ErrorInfo`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // the code and the sentence beside it say it
        pub enum Reason { $($variant,)* }

        impl Reason {
            /// All reasons, in table order.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $code,)* }
            }

            /// The kind it belongs to.
            pub fn kind(self) -> Kind {
                match self { $(Reason::$variant => Kind::$kind,)* }
            }

            /// The general sentence in Vietnamese, for callers that ask with `accept-language: vi`.
            pub fn vietnamese(self) -> &'static str {
                match self { $(Reason::$variant => $vi,)* }
            }
        }
    };
}

reasons! {
    // requests
    InvalidRequest = "INVALID_REQUEST", Invalid, "Yêu cầu không hợp lệ.";
    MessageMalformed = "MESSAGE_MALFORMED", Invalid, "Thông điệp yêu cầu sai định dạng.";
    MessageTooLarge = "MESSAGE_TOO_LARGE", Invalid, "Thông điệp yêu cầu quá lớn.";
    MethodUnknown = "METHOD_UNKNOWN", Unimplemented, "Không có phương thức này.";
    CompressionUnsupported = "COMPRESSION_UNSUPPORTED", Unimplemented, "Không hỗ trợ kiểu nén này.";
    PageTokenInvalid = "PAGE_TOKEN_INVALID", Invalid, "Mã phân trang không hợp lệ hoặc không thuộc truy vấn này.";
    // credentials and rights
    CredentialMissing = "CREDENTIAL_MISSING", Unauthenticated, "Thiếu thông tin xác thực.";
    CredentialMalformed = "CREDENTIAL_MALFORMED", Unauthenticated, "Thông tin xác thực sai định dạng.";
    CredentialInvalid = "CREDENTIAL_INVALID", Unauthenticated, "Thông tin xác thực không hợp lệ.";
    CredentialExpired = "CREDENTIAL_EXPIRED", Unauthenticated, "Thông tin xác thực đã hết hạn.";
    DemoCredentialRefused = "DEMO_CREDENTIAL_REFUSED", Unauthenticated, "Thông tin xác thực dùng thử chỉ được chấp nhận từ cùng máy.";
    RoleNotAllowed = "ROLE_NOT_ALLOWED", Denied, "Bên gọi không được phép sử dụng dịch vụ này.";
    RightMissing = "RIGHT_MISSING", Denied, "Cơ quan không có quyền đọc dữ liệu này cho mục đích này.";
    ConsentMissing = "CONSENT_MISSING", Denied, "Công dân chưa đồng ý cho phép khai thác dữ liệu này.";
    // things
    NotFound = "NOT_FOUND", Missing, "Không tìm thấy.";
    RecordNotFound = "RECORD_NOT_FOUND", Missing, "Không tìm thấy bản ghi.";
    AlreadyExists = "ALREADY_EXISTS", Exists, "Đã tồn tại.";
    AlreadyLinked = "ALREADY_LINKED", Exists, "Giấy tờ đã được tích hợp.";
    RequestIdReused = "REQUEST_ID_REUSED", Exists, "Mã yêu cầu đã dùng cho nội dung khác.";
    Equivocation = "EQUIVOCATION", Exists, "Một phiên bản của bản ghi được phát hành với hai nội dung khác nhau.";
    VersionConflict = "VERSION_CONFLICT", Stale, "Bản ghi đã có phiên bản khác, hãy đọc lại.";
    StorageConflict = "STORAGE_CONFLICT", Stale, "Dữ liệu vừa được thay đổi, hãy thử lại.";
    // linking and presenting
    AccountLevelTooLow = "ACCOUNT_LEVEL_TOO_LOW", WrongState, "Tài khoản định danh chưa đạt mức độ 2.";
    AccountMissing = "ACCOUNT_MISSING", WrongState, "Công dân chưa có tài khoản định danh điện tử.";
    OrganisationEnded = "ORGANISATION_ENDED", WrongState, "Tổ chức đã chấm dứt tồn tại.";
    TooManyMandates = "TOO_MANY_MANDATES", WrongState, "Tổ chức đã có đủ số người được ủy quyền tối đa.";
    JournalIncomplete = "JOURNAL_INCOMPLETE", WrongState, "Nhật ký lời gọi không còn giữ đủ các lời gọi.";
    RecordingImpossible = "RECORDING_IMPOSSIBLE", WrongState, "Không thể ghi lại các lời gọi ở đây.";
    DocumentExpired = "DOCUMENT_EXPIRED", WrongState, "Giấy tờ đã hết hạn.";
    RecordRevoked = "RECORD_REVOKED", WrongState, "Bản ghi đã bị thu hồi nên không thể thay đổi.";
    TransitionNotAllowed = "TRANSITION_NOT_ALLOWED", WrongState, "Nội dung thay đổi không được phép so với tình trạng hiện tại của bản ghi.";
    DocumentRevoked = "DOCUMENT_REVOKED", WrongState, "Giấy tờ đã bị thu hồi.";
    DocumentSuspended = "DOCUMENT_SUSPENDED", WrongState, "Giấy tờ đang bị tạm dừng hiệu lực.";
    HolderMismatch = "HOLDER_MISMATCH", WrongState, "Thông tin chủ giấy tờ không khớp.";
    MultipleMatches = "MULTIPLE_MATCHES", WrongState, "Có nhiều kết quả trùng khớp.";
    LinkNotActive = "LINK_NOT_ACTIVE", WrongState, "Giấy tờ chưa được tích hợp hoặc không còn hiệu lực.";
    LinkNotPending = "LINK_NOT_PENDING", WrongState, "Yêu cầu tích hợp giấy tờ không ở trạng thái chờ xác nhận.";
    PresentationUsed = "PRESENTATION_USED", WrongState, "Mã xuất trình đã được sử dụng.";
    PresentationExpired = "PRESENTATION_EXPIRED", WrongState, "Mã xuất trình đã hết hạn.";
    PresentationCancelled = "PRESENTATION_CANCELLED", WrongState, "Mã xuất trình đã bị hủy.";
    PersonIdSuperseded = "PERSON_ID_SUPERSEDED", WrongState, "Số định danh cá nhân này đã được thay thế. Hãy đăng nhập bằng số mới.";
    PersonIdCancelled = "PERSON_ID_CANCELLED", WrongState, "Số định danh cá nhân này đã bị hủy.";
    GuardianNeeded = "GUARDIAN_NEEDED", WrongState, "Cần có sự đồng ý của người đại diện theo pháp luật của trẻ em.";
    PersonDeceased = "PERSON_DECEASED", WrongState, "Công dân đã qua đời.";
    OlderVersion = "OLDER_VERSION", WrongState, "Phiên bản cũ hơn phiên bản hiện có.";
    IssuerWithdrawn = "ISSUER_WITHDRAWN", WrongState, "Cơ quan này đã bị thu hồi quyền phát hành.";
    AnswerTooLarge = "ANSWER_TOO_LARGE", WrongState, "Kết quả quá lớn cho một lần trả lời, hãy chia nhỏ yêu cầu.";
    CursorGone = "CURSOR_GONE", WrongState, "Vị trí đọc không còn hoặc vượt quá cuối nhật ký.";
    SessionUnknown = "SESSION_UNKNOWN", Missing, "Không có phiên làm việc này, hoặc phiên đã kết thúc.";
    SessionFull = "SESSION_FULL", Limited, "Phiên làm việc đã đạt giới hạn dữ liệu.";
    TooManySessions = "TOO_MANY_SESSIONS", Limited, "Quá nhiều phiên làm việc đang mở.";
    TooManyFaults = "TOO_MANY_FAULTS", Limited, "Đã có quá nhiều quy tắc gây lỗi trong thế giới mô phỏng này.";
    FaultNeedsSession = "FAULT_NEEDS_SESSION", WrongState, "Lỗi làm sai lệch chữ ký chỉ được phép trong một phiên làm việc riêng.";
    RegistriesElsewhere = "REGISTRIES_ELSEWHERE", WrongState, "Không thực hiện được vì có cơ sở dữ liệu chuyên ngành đặt ở máy chủ riêng.";
    TargetNotListed = "TARGET_NOT_LISTED", WrongState, "Địa chỉ nhận thông báo không có trong danh sách được phép của máy chủ.";
    TooManyWebhooks = "TOO_MANY_WEBHOOKS", Limited, "Cơ quan đã có đủ số webhook tối đa.";
    EntriesNotPublic = "ENTRIES_NOT_PUBLIC", WrongState, "Nhật ký này chỉ công khai cây băm, không công khai nội dung các mục.";
    // limits
    RateLimited = "RATE_LIMITED", Limited, "Quá nhiều yêu cầu, hãy thử lại sau.";
    Overloaded = "OVERLOADED", SourceDown, "Hệ thống đang quá tải, hãy thử lại sau.";
    TooManyStreams = "TOO_MANY_STREAMS", Limited, "Quá nhiều luồng đang mở.";
    WatchBehind = "WATCH_BEHIND", Limited, "Luồng theo dõi đọc chậm hơn mức cho phép, hãy mở lại từ mã tiếp tục cuối cùng.";
    NumbersUsedUp = "NUMBERS_USED_UP", Limited, "Đã dùng hết số dành cho công dân được tạo trong thế giới mô phỏng này.";
    BatchTooLarge = "BATCH_TOO_LARGE", Invalid, "Lô dữ liệu quá lớn.";
    // sources
    RegistryUnavailable = "REGISTRY_UNAVAILABLE", SourceDown, "Cơ sở dữ liệu chuyên ngành không phản hồi.";
    FaultInjected = "FAULT_INJECTED", SourceDown, "Một quy tắc gây lỗi của thế giới mô phỏng từ chối lời gọi này.";
    FeedHalted = "FEED_HALTED", SourceDown, "Luồng thay đổi của cơ sở dữ liệu chuyên ngành đang bị tạm dừng.";
    SignerUnavailable = "SIGNER_UNAVAILABLE", SourceDown, "Thiết bị ký số không phản hồi.";
    ClockBehind = "CLOCK_BEHIND", SourceDown, "Đồng hồ hệ thống đang chạy chậm hơn thời điểm đã ghi nhật ký.";
    StorageFull = "STORAGE_FULL", SourceDown, "Bộ nhớ lưu trữ đã đầy, tạm thời không ghi được.";
    StorageUnavailable = "STORAGE_UNAVAILABLE", SourceDown, "Hệ thống lưu trữ tạm thời không phản hồi.";
    ShuttingDown = "SHUTTING_DOWN", SourceDown, "Hệ thống đang dừng.";
    DeadlineExceeded = "DEADLINE_EXCEEDED", Late, "Quá thời hạn xử lý.";
    // data that fails its checks; the codes of trust::verdict travel as reasons of their own
    RecordNotVerified = "RECORD_NOT_VERIFIED", Corrupt, "Bản ghi không qua được kiểm tra.";
    PayloadMismatch = "PAYLOAD_MISMATCH", Corrupt, "Nội dung bản ghi không khớp với cam kết đã ký.";
    Inclusion = "INCLUSION", Corrupt, "Bằng chứng ghi nhật ký của bản ghi không đúng.";
    IssuerMismatch = "ISSUER_MISMATCH", Corrupt, "Cơ quan ký không phải là cơ quan phát hành bản ghi.";
    NotAuthorised = "NOT_AUTHORISED", Corrupt, "Cơ quan phát hành không có thẩm quyền với loại bản ghi này.";
    NoTrustedSignature = "NO_TRUSTED_SIGNATURE", Corrupt, "Bản ghi không có chữ ký đáng tin cậy.";
    NonCanonical = "NON_CANONICAL", Corrupt, "Nội dung bản ghi không ở dạng chuẩn tắc.";
    Malformed = "MALFORMED", Corrupt, "Bản ghi sai cấu trúc.";
    KeyNotValid = "KEY_NOT_VALID", Corrupt, "Khóa ký không còn hiệu lực tại thời điểm ghi nhận.";
    IssuedInFuture = "ISSUED_IN_FUTURE", Corrupt, "Bản ghi có thời điểm phát hành ở tương lai.";
    TypedFormMismatch = "TYPED_FORM_MISMATCH", Corrupt, "Dữ liệu hiển thị không khớp với dữ liệu đã ký.";
    LogRollback = "LOG_ROLLBACK", Corrupt, "Nhật ký của cơ quan phát hành bị lùi về trạng thái cũ.";
    SplitView = "SPLIT_VIEW", Corrupt, "Nhật ký của cơ quan phát hành có hai phiên bản mâu thuẫn.";
    RevokedNoPoe = "REVOKED_NO_POE", Corrupt, "Khóa ký đã bị thu hồi và không chứng minh được bản ghi có trước thời điểm đó.";
    NoPoe = "NO_POE", Corrupt, "Không chứng minh được thời điểm bản ghi được ghi nhận.";
    TryLater = "TRY_LATER", Corrupt, "Neo tin cậy đã hết hạn, hãy thử lại sau.";
    StatusInvalid = "STATUS_INVALID", Corrupt, "Danh sách trạng thái cho biết bản ghi đã bị thu hồi hoặc đã kết thúc.";
    StatusSuspended = "STATUS_SUSPENDED", Corrupt, "Danh sách trạng thái cho biết bản ghi đang bị tạm dừng hiệu lực.";
    Superseded = "SUPERSEDED", Corrupt, "Danh sách trạng thái cho biết đã có phiên bản mới hơn.";
    KeyBinding = "KEY_BINDING", Corrupt, "Chứng nhận điện tử không gắn với người xuất trình.";
    Expired = "EXPIRED", Corrupt, "Chứng nhận điện tử chưa có hiệu lực hoặc đã hết hiệu lực.";
    Stale = "STALE", Corrupt, "Thông tin trạng thái đã quá cũ.";
    Unavailable = "UNAVAILABLE", Corrupt, "Không lấy được thông tin trạng thái.";
    Tile = "TILE", Corrupt, "Khối băm của nhật ký không khớp với nội dung.";
    LogRule = "LOG_RULE", Corrupt, "Nhật ký chứa mục trái quy tắc.";
    Quorum = "QUORUM", Corrupt, "Chưa đủ nhân chứng cùng ký mốc nhật ký.";
    StorageCorrupt = "STORAGE_CORRUPT", Corrupt, "Dữ liệu lưu trữ bị hỏng.";
    LedgerCorrupt = "LEDGER_CORRUPT", Corrupt, "Sổ cái không khớp với dữ liệu lưu trữ.";
    // start-up
    ConfigurationInvalid = "CONFIGURATION_INVALID", Invalid, "Cấu hình không hợp lệ.";
    Internal = "INTERNAL", Bug, "Lỗi nội bộ.";
}
