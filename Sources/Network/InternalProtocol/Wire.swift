import NIOCore

/// Bytes that do not decode: cut short, an unknown case, text that is no UTF-8.
public struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// A value that travels between Apus' processes. Both ends are always of the same build, so there are no versions.
public protocol WireCodable: Sendable {
    func encode(into writer: inout WireWriter)
    init(from reader: inout WireReader) throws(WireError)
}

/// Appends values to a buffer: integers as 8 bytes, strings and arrays with their count first.
public struct WireWriter {
    public private(set) var buffer: ByteBuffer

    public init(_ buffer: ByteBuffer = ByteBuffer()) { self.buffer = buffer }

    public mutating func write(_ value: Int) { buffer.writeInteger(Int64(value)) }
    public mutating func write(_ value: UInt8) { buffer.writeInteger(value) }
    public mutating func write(_ value: UInt32) { buffer.writeInteger(value) }
    public mutating func write(_ value: Bool) { buffer.writeInteger(value ? 1 : 0, as: UInt8.self) }

    public mutating func write(_ value: String) {
        buffer.writeInteger(UInt32(clamping: value.utf8.count))
        buffer.writeString(value)
    }

    public mutating func write(_ value: [UInt8]) {
        buffer.writeInteger(UInt32(clamping: value.count))
        buffer.writeBytes(value)
    }

    public mutating func write<T: WireCodable>(_ value: T) { value.encode(into: &self) }

    public mutating func write<T>(_ values: [T], _ body: (inout WireWriter, T) -> Void) {
        buffer.writeInteger(UInt32(clamping: values.count))
        for value in values { body(&self, value) }
    }

    public mutating func write<T>(optional value: T?, _ body: (inout WireWriter, T) -> Void) {
        write(value != nil)
        if let value { body(&self, value) }
    }
}

/// Takes values off a buffer in the order they were written.
public struct WireReader {
    private var buffer: ByteBuffer

    public init(_ buffer: ByteBuffer) { self.buffer = buffer }

    public mutating func int() throws(WireError) -> Int {
        guard let value = buffer.readInteger(as: Int64.self) else { throw WireError("integer cut short") }
        return Int(value)
    }

    public mutating func byte() throws(WireError) -> UInt8 {
        guard let value = buffer.readInteger(as: UInt8.self) else { throw WireError("byte cut short") }
        return value
    }

    public mutating func uint32() throws(WireError) -> UInt32 {
        guard let value = buffer.readInteger(as: UInt32.self) else { throw WireError("integer cut short") }
        return value
    }

    public mutating func bool() throws(WireError) -> Bool { try byte() != 0 }

    public mutating func string() throws(WireError) -> String {
        let count = Int(try uint32())
        guard let value = buffer.readString(length: count) else { throw WireError("string cut short") }
        return value
    }

    public mutating func bytes() throws(WireError) -> [UInt8] {
        let count = Int(try uint32())
        guard let value = buffer.readBytes(length: count) else { throw WireError("bytes cut short") }
        return value
    }

    public mutating func value<T: WireCodable>(_ type: T.Type = T.self) throws(WireError) -> T {
        try T(from: &self)
    }

    public mutating func array<T>(
        _ body: (inout WireReader) throws(WireError) -> T
    ) throws(WireError) -> [T] {
        let count = Int(try uint32())
        // Each element takes at least a byte, but an element in memory takes more: a wrong count cannot make us reserve it.
        guard count <= buffer.readableBytes else { throw WireError("array cut short") }
        var values: [T] = []
        values.reserveCapacity(min(count, 1024))
        for _ in 0..<count { values.append(try body(&self)) }
        return values
    }

    public mutating func optional<T>(
        _ body: (inout WireReader) throws(WireError) -> T
    ) throws(WireError) -> T? {
        try bool() ? try body(&self) : nil
    }
}

/// Nothing but the fact that an answer came.
public struct WireEmpty: WireCodable, Equatable {
    public init() {}
    public init(from reader: inout WireReader) throws(WireError) {}
    public func encode(into writer: inout WireWriter) {}
}
