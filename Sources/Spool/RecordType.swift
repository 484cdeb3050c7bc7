/// The type byte of a queue file record (queuefile.md §2).
public struct RecordType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    private init(_ letter: Unicode.Scalar) { rawValue = UInt8(truncatingIfNeeded: letter.value) }

    /// `C`: sizes and counts; first record, rewritten in place at commit.
    public static let size = RecordType("C")
    /// `T`: arrival, `SECONDS MICROSECONDS`.
    public static let time = RecordType("T")
    /// `c`: pseudo type of `A create_time=`.
    public static let createTime = RecordType("c")
    /// `F`: full name of the sender.
    public static let fullName = RecordType("F")
    /// `I`: transport of the content inspector; read and ignored.
    public static let inspector = RecordType("I")
    /// `L` in an envelope: content filter, `transport:nexthop`. The same byte as `continued`.
    public static let filter = RecordType("L")
    /// `S`: sender.
    public static let sender = RecordType("S")
    /// `D`: a recipient that is finished; was `R`.
    public static let done = RecordType("D")
    /// `R`: a recipient still to do.
    public static let recipient = RecordType("R")
    /// `O`: the original form of the recipient that follows.
    public static let originalRecipient = RecordType("O")
    /// `/`: a recipient that a milter removed before commit.
    public static let deletedRecipient = RecordType("/")
    /// `W`: when to send the next delay warning.
    public static let warning = RecordType("W")
    /// `A`: `name=value`.
    public static let attribute = RecordType("A")
    /// `K`: a dead record.
    public static let killed = RecordType("K")
    /// `>`: redirect address.
    public static let redirect = RecordType(">")
    /// `f`: extra cleanup flags; never on disk.
    public static let flags = RecordType("f")
    /// `M`: starts the content.
    public static let message = RecordType("M")
    /// `N`: text that ends with a newline, which is not stored.
    public static let line = RecordType("N")
    /// `L` in content: text that the next record continues.
    public static let continued = RecordType("L")
    /// `w`: padding.
    public static let padding = RecordType("w")
    /// `X`: starts the extracted segment.
    public static let extracted = RecordType("X")
    /// `r`, `e`, `P`: obsolete.
    public static let returnReceipt = RecordType("r")
    public static let errorsTo = RecordType("e")
    public static let priority = RecordType("P")
    /// `p`: continue reading at this file offset; 0 is no jump.
    public static let pointer = RecordType("p")
    /// `V`: VERP delimiters.
    public static let verp = RecordType("V")
    /// Pseudo types of DSN attributes.
    public static let dsnReturn = RecordType("<")
    public static let dsnEnvelopeID = RecordType("i")
    public static let dsnOriginalRecipient = RecordType("o")
    public static let dsnNotify = RecordType("n")
    /// `E`: ends the committed stream.
    public static let end = RecordType("E")

    /// Types that may stand in the envelope segment, its terminator first.
    public static let envelopeTypes = Set("MCTcFILSDRO/WVA>K<ionpw".utf8.map(RecordType.init(rawValue:)))
    /// Types that may stand in the extracted segment, its terminator first.
    public static let extractedTypes = Set("EDRO/PreAFIL>Konipw<".utf8.map(RecordType.init(rawValue:)))

    /// The pseudo type that an attribute name stands for, if any.
    public static func pseudoType(attribute name: String) -> RecordType? {
        switch name {
        case "dsn_orig_rcpt": .dsnOriginalRecipient
        case "notify_flags": .dsnNotify
        case "envelope_id": .dsnEnvelopeID
        case "ret_flags": .dsnReturn
        case "create_time": .createTime
        default: nil
        }
    }

    /// The name that postcat prints for the type, or nil for an unknown one.
    public var name: String? { Self.names[rawValue] }

    private static let names: [UInt8: String] = [
        UInt8(ascii: "C"): "message_size", UInt8(ascii: "T"): "message_arrival_time",
        UInt8(ascii: "c"): "queue_file_create_time", UInt8(ascii: "F"): "sender_fullname",
        UInt8(ascii: "I"): "content_inspector", UInt8(ascii: "L"): "content_filter", UInt8(ascii: "S"): "sender",
        UInt8(ascii: "D"): "done_recipient", UInt8(ascii: "R"): "recipient",
        UInt8(ascii: "O"): "original_recipient", UInt8(ascii: "/"): "canceled_recipient",
        UInt8(ascii: "W"): "warning_message_time", UInt8(ascii: "A"): "named_attribute",
        UInt8(ascii: "K"): "killed_record", UInt8(ascii: ">"): "redirect_to", UInt8(ascii: "f"): "flags",
        UInt8(ascii: "M"): "message_content", UInt8(ascii: "N"): "regular_text", UInt8(ascii: "w"): "padding",
        UInt8(ascii: "X"): "extracted_info", UInt8(ascii: "r"): "return_receipt", UInt8(ascii: "e"): "errors_to",
        UInt8(ascii: "P"): "priority", UInt8(ascii: "p"): "pointer_record", UInt8(ascii: "V"): "verp_delimiters",
        UInt8(ascii: "<"): "dsn_return_flags", UInt8(ascii: "i"): "dsn_envelope_id",
        UInt8(ascii: "o"): "dsn_original_recipient", UInt8(ascii: "n"): "dsn_notify_flags",
        UInt8(ascii: "E"): "message_file_end", UInt8(ascii: "d"): "delay", UInt8(ascii: "m"): "milter_count",
    ]
}
