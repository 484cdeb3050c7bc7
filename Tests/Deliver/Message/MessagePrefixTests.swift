import MailSystem
import Testing

@testable import Deliver

@Suite struct MessagePrefixTests {
    @Test func anAddressWithLineEndsStaysOnItsLine() {
        let prefix = MessagePrefix(returnPath: "a@b", originalRecipient: "x\r\nBcc: y@c", deliveredTo: "d\n@e")
        #expect(
            String(decoding: prefix.bytes(now: MailTime(seconds: 1)), as: UTF8.self)
                == "Return-Path: <a@b>\nX-Original-To: \"x\\ \\ Bcc: y\"@c\nDelivered-To: \"d\\ \"@e\n")
    }
}
