// SPDX-License-Identifier: Apache-2.0

import Addressing
import FoundationEssentials
import Yams

/// The configuration file: a YAML mapping of settings. What the values mean is for `Configuration` to say.
struct ConfigurationFile {
    private let values: [String: Value]

    /// Reads the file at `path`, or, if that is nil, the default file where there is one. An empty file says nothing.
    init(_ path: String?) throws(ConfigurationError) {
        let isNamed = path != nil
        let path = path ?? Configuration.defaultFile
        guard let data = FileManager.default.contents(atPath: path) else {
            // One that is there and cannot be read is not the same as none.
            guard isNamed || FileManager.default.fileExists(atPath: path) else {
                values = [:]
                return
            }
            throw ConfigurationError("cannot read the configuration file \(path)")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: String(decoding: data, as: UTF8.self))
        } catch let error as YamlError {
            throw ConfigurationError(error, path: path)
        } catch {
            throw ConfigurationError("\(path): \(error)")
        }
        guard let root, root != Node("") else {
            values = [:]
            return
        }
        values = try Value(root, path: path, trail: []).members(
            Configuration.Key.allCases.map(\.rawValue), such: "log-level: debug")
    }

    /// What the file says of a setting, if anything.
    subscript(key: Configuration.Key) -> Value? { values[key.rawValue] }
}

extension ConfigurationFile {
    /// A part of the file, and where it is.
    struct Value {
        private let node: Node
        private let path: String
        /// What leads to it from the root: `["reservations", "entry 2", "mac"]`.
        private let trail: [String]

        fileprivate init(_ node: Node, path: String, trail: [String]) {
            self.node = node
            self.path = path
            self.trail = trail
        }

        /// `/etc/plugind/config.yaml, line 7`
        var place: String { node.mark.map { "\(path), line \($0.line)" } ?? path }

        /// For people: `/etc/plugind/config.yaml, line 7: reservations, entry 2, mac`.
        private var source: String {
            trail.isEmpty ? place : "\(place): \(trail.joined(separator: ", "))"
        }

        func refused(_ reason: String) -> ConfigurationError { ConfigurationError("\(source): \(reason)") }

        func text() throws(ConfigurationError) -> ConfigurationText {
            guard let scalar = node.scalar else { throw refused("this is not a plain text") }
            return ConfigurationText(scalar.string, source: source)
        }

        /// The entries of a list; a setting with nothing behind its colon has none. `example` is a list as it could be.
        func entries(such example: String) throws(ConfigurationError) -> [Value] {
            if let scalar = node.scalar, scalar.style == .plain, scalar.string.isEmpty { return [] }
            guard let sequence = node.sequence else { throw refused("this is not a list, such as \(example)") }
            return sequence.enumerated().map { number, entry in
                Value(entry, path: path, trail: trail + ["entry \(number + 1)"])
            }
        }

        /// The values of a mapping that may have the keys `known`. `example` is one as it could be.
        func members(_ known: [String], such example: String) throws(ConfigurationError) -> [String: Value] {
            guard let mapping = node.mapping else {
                throw refused("\(trail.isEmpty ? "the file" : "this") is not a mapping, such as \(example)")
            }
            var members: [String: Value] = [:]
            for (key, node) in mapping {
                guard let name = key.scalar?.string, known.contains(name) else {
                    throw Value(key, path: path, trail: trail).unknown(known)
                }
                members[name] = Value(node, path: path, trail: trail + [name])
            }
            return members
        }

        /// The refusal of a key that is none of `known`.
        private func unknown(_ known: [String]) -> ConfigurationError {
            let kind = trail.isEmpty ? "setting" : "key"
            guard let name = node.scalar?.string else { return refused("a \(kind) that is not a plain text") }
            let advice =
                name.nearest(among: known).map { "did you mean ‘\($0)’?" }
                ?? "\(kind)s are \(known.joined(separator: ", "))"
            return refused("unknown \(kind) ‘\(name)’; \(advice)")
        }
    }
}

extension ConfigurationError {
    /// What is wrong with the form of the file at `path`, in one line, unlike the library's own words.
    fileprivate init(_ error: YamlError, path: String) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let words = [context?.text, problem].compactMap(\.self).joined(separator: ": ")
            self.init("\(path), line \(mark.line): \(words)")
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map { "‘\($0)’" }.joined(separator: ", ")
            self.init("\(path), line \(context.mark.line): more than once: \(names)")
        default:
            self.init("\(path): \(error)")
        }
    }
}
