import Configuration
import MailSyntax

/// The parameters of cleanup(8) that are not tables.
struct CleanupSettings: Sendable {
    let hostName: String
    let mailName: String
    let delimiters: String
    let emptyRecipient: String
    let alwaysBcc: String
    let alwaysAddsHeaders: Bool
    let undisclosedRecipients: String
    let dropHeaders: Set<String>
    let headerSizeLimit: Int
    let addressTokenLimit: Int
    let hopCountLimit: Int
    /// Bytes of the queue file; 0: none.
    let messageSizeLimit: Int
    let lineLengthLimit: Int
    let duplicateLimit: Int
    let keepsOriginalRecipient: Bool
    /// Seconds; 0: no warnings.
    let delayWarning: Int
    let replacesStrayCR: Bool
    let detectsEncoding: Bool
    let fullNameInComment: Bool
    let longIDs: Bool

    init(_ parameters: Parameters) {
        hostName = parameters["myhostname"]
        mailName = parameters["mail_name"]
        delimiters = parameters["recipient_delimiter"]
        emptyRecipient = parameters["empty_address_recipient"]
        alwaysBcc = parameters["always_bcc"]
        alwaysAddsHeaders = parameters.bool("always_add_missing_headers")
        undisclosedRecipients = parameters["undisclosed_recipients_header"]
        dropHeaders = Set(parameters.list("message_drop_headers").map { ASCII.lowercased($0) })
        headerSizeLimit = max(1, parameters.int("header_size_limit"))
        addressTokenLimit = max(1, parameters.int("header_address_token_limit"))
        hopCountLimit = parameters.int("hopcount_limit")
        messageSizeLimit = parameters.int("message_size_limit")
        lineLengthLimit = max(1, parameters.int("line_length_limit"))
        duplicateLimit = parameters.int("duplicate_filter_limit")
        keepsOriginalRecipient = parameters.bool("enable_original_recipient")
        delayWarning = parameters.seconds("delay_warning_time")
        replacesStrayCR = parameters.bool("cleanup_replace_stray_cr_lf")
        detectsEncoding = parameters.bool("detect_8bit_encoding_header")
        fullNameInComment = parameters["header_from_format"] == "obsolete"
        longIDs = parameters.bool("enable_long_queue_ids")
    }
}
