/// Everything that can go wrong in a run: what never occurred in many runs proves nothing.
public enum Trouble: String, CaseIterable, Sendable {
    // The machine.
    case powerLoss, processKill, reload, clockJump, slowDisk
    case inputOutputError, noSpace, overQuota, tooManyFiles, shortWrite, lostPages
    // Lookups.
    case dnsFailure, dnsSilence, dnsLie, tableFailure
    // Connections.
    case connectionCut, silentCut, bytesInPieces, connectionRefused, hostSilent
    // Servers outside.
    case busyGreeting, refusedForNow, refusedForGood, replyMissing, replyGarbled, replyCutOff, replyEmpty, replyEndless
    case replyLate
    // TLS.
    case startTLSRefused, handshakeSilent, handshakeGarbled, handshakeCut, recordDamaged, plaintextInjected
    // Passwords.
    case wrongPassword, authenticationHangs, authenticationDies, authenticationLies, authenticationRefuses
    case authenticationGreetsWrongly, strangerRefused
    // Programs that take mail.
    case programNotStarted, programKilled, programHangs, programSaysLater, programSaysNo
    case programExits64, programExits65, programExits66, programExits67, programExits68, programExits69
    case programExits70, programExits71, programExits72, programExits73, programExits74, programExits75
    case programExits76, programExits77, programExits78
    // Senders that cannot be told.
    case senderNull, senderRefused, senderWithoutHost, senderSilent, notificationFailed
}
