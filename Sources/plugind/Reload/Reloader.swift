// SPDX-License-Identifier: Apache-2.0

import Control
import Events
import Logging

/// Has the daemon take its configuration anew while it runs.
///
/// The configuration is read and checked as a whole, and whatever can fail is made ready, before anything is changed: so a
/// reload is refused and nothing is different, or it is done and cannot fail any more.
actor Reloader {
    /// One part of the daemon that takes settings.
    struct Step: Sendable {
        /// Makes the taking effect of settings, which cannot fail.
        typealias Commit = @Sendable () async -> Void

        /// The settings that it takes; nil if it has something to look at whatever has changed.
        let keys: Set<Configuration.Key>?
        /// Does what can fail, and changes nothing yet. Of several steps the later ones are not asked if it throws.
        let prepare: @Sendable (_ current: Configuration, _ next: Configuration) async throws -> Commit

        init(
            _ keys: Set<Configuration.Key>?,
            prepare: @escaping @Sendable (_ current: Configuration, _ next: Configuration) async throws -> Commit
        ) {
            self.keys = keys
            self.prepare = prepare
        }
    }

    /// What the daemon has now.
    private var current: Configuration
    private let read: @Sendable () throws -> Configuration
    private let log: LogSettings
    private let steps: [Step]
    /// What is to be said of how the configuration goes with what there is, in words.
    private let remarks: @Sendable () async -> [String]
    private let events: EventLog
    private let logger: Logger
    private var last: Task<ReloadAnswer, any Error>?

    /// `read` reads the configuration as it would be at a start.
    init(
        _ current: Configuration, read: @escaping @Sendable () throws -> Configuration, log: LogSettings,
        steps: [Step], remarks: @escaping @Sendable () async -> [String], events: EventLog, logger: Logger
    ) {
        self.current = current
        self.read = read
        self.log = log
        self.steps = steps
        self.remarks = remarks
        self.events = events
        self.logger = logger
    }

    /// Reads the configuration and takes what has changed, one reload after the other. Logs what it does, and why it does
    /// not if it throws.
    @discardableResult
    func reload() async throws -> ReloadAnswer {
        let before = last
        let task = Task {
            _ = await before?.result
            return try await reloadOnce()
        }
        last = task
        return try await task.value
    }

    private func reloadOnce() async throws -> ReloadAnswer {
        let changes: [ConfigurationChange]
        let next: Configuration
        var commits: [Step.Commit] = []
        do {
            let new = try read()
            changes = current.changes(to: new)
            next = current.taking(new)
            let changed = Set(changes.map(\.key))
            for step in steps where step.keys.map({ !$0.isDisjoint(with: changed) }) ?? true {
                commits.append(try await step.prepare(current, next))
            }
        } catch {
            logger.error("Cannot reload the configuration, going on with what was", error: error)
            throw error
        }
        for commit in commits { await commit() }
        let remarks = await remarks()
        // What is said of the change is seen if it was to be seen before or is to be from now on.
        log.format = next.logFormat
        log.level = min(current.logLevel, next.logLevel)
        let answer = ReloadAnswer(settings: changes.map { ReloadedSetting($0, in: next) }, remarks: remarks)
        say(answer)
        log.level = next.logLevel
        current = next
        return answer
    }

    private func say(_ answer: ReloadAnswer) {
        for change in answer.settings {
            logger.notice(
                change.applied ? "Changed a setting" : "A changed setting waits for the next start",
                metadata: ["setting": "\(change.setting)", "from": "\(change.from)", "to": "\(change.to)"])
        }
        for remark in answer.remarks { Self.warn(of: remark, logger) }
        let (applied, waiting) = (answer.settings.filter(\.applied), answer.settings.filter { !$0.applied })
        logger.notice(
            "Reloaded the configuration", metadata: ["changed": "\(applied.count)", "waiting": "\(waiting.count)"])
        events.emit(.configurationReloaded(changed: applied.map(\.setting), refused: waiting.map(\.setting)))
    }

    /// Says what keeps a reservation from being what the configuration says.
    static func warn(of remark: String, _ logger: Logger) {
        logger.warning("A reservation is not as the configuration has it", metadata: ["reason": "\(remark)"])
    }
}

extension ReloadedSetting {
    /// `next` is what the daemon has after the reload.
    fileprivate init(_ change: ConfigurationChange, in next: Configuration) {
        self.init(
            setting: change.key.rawValue, from: change.from, to: change.to,
            applied: next.written(change.key) == change.value)
    }
}
