// SPDX-License-Identifier: Apache-2.0

/// Where a type and its schema differ, as sentences.
final class SchemaDifferences {
    fileprivate(set) var all: [String] = []
    /// By the path of an object: the keys that the type asks for, and the schema.
    private var objects: [String: (asked: Set<String>, schema: Schema)] = [:]

    func note(_ path: [any CodingKey], _ words: String) { all.append("\(path.words): \(words)") }

    /// Those that the type asks for only where they are there.
    private var optional: Set<String> = []

    fileprivate func ask(for key: any CodingKey, at path: [any CodingKey], of schema: Schema) {
        objects[path.words, default: ([], schema)].asked.insert(key.stringValue)
    }

    fileprivate func askWhether(_ key: any CodingKey, isAt path: [any CodingKey], of schema: Schema) {
        ask(for: key, at: path, of: schema)
        optional.insert((path + [key]).words)
    }

    fileprivate func isOptional(_ path: [any CodingKey]) -> Bool { optional.contains(path.words) }

    /// By the whole name of a type that has a fixed number of cases: that number, and the cases that the document has somewhere.
    private(set) var cases: [String: (count: Int, documented: Set<String>)] = [:]

    fileprivate func document(_ texts: [String], of type: any CaseIterable.Type) {
        cases[String(reflecting: type), default: (type.allCases.count, [])].documented.formUnion(texts)
    }

    /// Notes what the document has and the type never asked for.
    func finish() {
        for (path, object) in objects {
            let unknown = object.schema.properties.keys.filter { !object.asked.contains($0) }
            all += unknown.map { "\(path): property \($0) of the document is not sent" }
        }
    }
}

extension [any CodingKey] {
    fileprivate var words: String { isEmpty ? "whole" : map(\.stringValue).joined(separator: ".") }
}

extension SchemaDifferences {
    /// Notes where some JSON is not as the schema says. Nothing that it has may be left out, but for alternatives.
    func note(_ json: Any, against schema: Schema, at path: String = "sent") {
        switch json {
        case let object as [String: Any]:
            let missing = Set(schema.properties.keys).subtracting(object.keys).subtracting(schema.inAlternatives)
            all += missing.map { "\(path).\($0): it is left out" }
            for (name, value) in object {
                if let property = schema.properties[name] ?? schema.additional {
                    note(value, against: property, at: "\(path).\(name)")
                } else {
                    all.append("\(path).\(name): it is not in the document")
                }
            }
        case let list as [Any]:
            guard let items = schema.items else { return all.append("\(path): the document says no items") }
            for value in list { note(value, against: items, at: "\(path).item") }
        case is String:
            if schema.type != "string" { all.append("\(path): it is a string") }
        default:
            if schema.type == "string" { all.append("\(path): it is no string") }
        }
    }
}

/// Makes a value of a type out of nothing but the schema: every property is there, and each list has one item. What the type
/// asks for, and how, says what the type is.
struct SchemaDecoder: Decoder {
    let schema: Schema
    let differences: SchemaDifferences
    var codingPath: [any CodingKey] = []
    /// The one of `Schema.alternatives` that is there.
    var choice = 0
    /// What a text is, if it is one.
    var sample: String?
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        expect("object")
        return KeyedDecodingContainer(SchemaObject<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        expect("array")
        return SchemaList(decoder: self)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { SchemaValue(decoder: self) }

    /// Notes another type than the document's.
    fileprivate func expect(_ type: String) {
        guard schema.type != type else { return }
        differences.note(codingPath, "the document says \(schema.type ?? "no type"), and it is \(type)")
    }

    fileprivate func value<Value: Decodable>(_ type: Value.Type, _ schema: Schema?, at key: any CodingKey) throws
        -> Value
    {
        let path = codingPath + [key]
        guard let schema else {
            differences.note(path, "it is not in the document")
            throw DecodingError.dataCorrupted(.init(codingPath: path, debugDescription: "it is not in the document"))
        }
        var decoder = SchemaDecoder(schema: schema, differences: differences, codingPath: path, choice: choice)
        guard schema.type == "string" else { return try Value(from: decoder) }
        let values = schema.samples.compactMap { sample -> Value? in
            decoder.sample = sample
            return try? Value(from: decoder)
        }
        if !schema.texts.isEmpty { compare(values, with: schema.texts, at: path) }
        guard let value = values.first else {
            let reason = "none of its examples is a \(Value.self); give it one that is"
            differences.note(path, reason)
            throw DecodingError.dataCorrupted(.init(codingPath: path, debugDescription: reason))
        }
        return value
    }

    /// The type has the documented cases.
    private func compare<Value: Decodable>(_ values: [Value], with texts: [String], at path: [any CodingKey]) {
        if values.count < texts.count {
            differences.note(path, "not all of \(texts.joined(separator: ", ")) are a \(Value.self)")
        }
        if let type = Value.self as? any CaseIterable.Type { differences.document(texts, of: type) }
    }
}

private struct SchemaObject<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: SchemaDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }
    private var schema: Schema { decoder.schema }

    init(decoder: SchemaDecoder) {
        self.decoder = decoder
    }

    /// Those that are not there because another alternative is.
    private var absent: Set<String> {
        guard !schema.alternatives.isEmpty else { return [] }
        return schema.inAlternatives.subtracting(schema.alternatives[decoder.choice % schema.alternatives.count])
    }

    var allKeys: [Key] {
        let names = schema.additional == nil ? Array(schema.properties.keys) : ["key"]
        return names.filter { !absent.contains($0) }.compactMap(Key.init(stringValue:))
    }

    /// Asked before what may be absent, and only then.
    func contains(_ key: Key) -> Bool {
        decoder.differences.askWhether(key, isAt: codingPath, of: schema)
        if schema.required.contains(key.stringValue) {
            decoder.differences.note(codingPath + [key], "the document requires it, and it may be absent")
        }
        if schema.properties[key.stringValue] == nil {
            decoder.differences.note(codingPath + [key], "it is not in the document")
            return false
        }
        return !absent.contains(key.stringValue)
    }

    func decodeNil(forKey key: Key) -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try value(type, key) }
    // The library's own would be taken, which refuses.
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try value(type, key) }

    private func value<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value {
        decoder.differences.ask(for: key, at: codingPath, of: schema)
        let isRequired = schema.required.contains(key.stringValue)
        if schema.properties[key.stringValue] != nil, !isRequired, !decoder.differences.isOptional(codingPath + [key]) {
            decoder.differences.note(codingPath + [key], "it is always there, and the document does not require it")
        }
        return try decoder.value(type, schema.properties[key.stringValue] ?? schema.additional, at: key)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw NotNeeded() }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw NotNeeded() }
    func superDecoder() throws -> any Decoder { throw NotNeeded() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw NotNeeded() }
}

/// A list of one item.
private struct SchemaList: UnkeyedDecodingContainer {
    struct Position: CodingKey {
        var stringValue: String { "item" }
        var intValue: Int? { 0 }

        init() {}
        init?(stringValue: String) { nil }
        init?(intValue: Int) { nil }
    }

    let decoder: SchemaDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { 1 }
    private(set) var currentIndex = 0
    var isAtEnd: Bool { currentIndex > 0 }

    init(decoder: SchemaDecoder) {
        self.decoder = decoder
    }

    func decodeNil() -> Bool { false }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        currentIndex += 1
        return try decoder.value(type, decoder.schema.items, at: Position())
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
        throw NotNeeded()
    }

    func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw NotNeeded() }
    func superDecoder() throws -> any Decoder { throw NotNeeded() }
}

private struct SchemaValue: SingleValueDecodingContainer {
    let decoder: SchemaDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value(type) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try value(type) }

    private func value<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let made: Any
        switch type {
        case is String.Type:
            decoder.expect("string")
            made = decoder.sample ?? "text"
        case is Bool.Type:
            decoder.expect("boolean")
            made = true
        case let type as any BinaryInteger.Type:
            decoder.expect("integer")
            made = type.init(7)
        case let type as any BinaryFloatingPoint.Type:
            decoder.expect("number")
            made = type.init(7)
        default:
            return try Value(from: decoder)
        }
        guard let value = made as? Value else { throw NotNeeded() }
        return value
    }
}

/// Something of `Decoder` that no type of the API uses.
private struct NotNeeded: Error {}
