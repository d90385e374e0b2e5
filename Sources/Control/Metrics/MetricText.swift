// SPDX-License-Identifier: Apache-2.0

/// Measured values in Prometheus's text format, version 0.0.4.
struct MetricText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""

    /// A value, with a value for each of the metric's labels.
    struct Sample {
        let labels: [String]
        let value: Double

        init(_ value: some BinaryInteger, _ labels: String...) {
            self.value = Double(value)
            self.labels = labels
        }

        init(_ value: Double, _ labels: String...) {
            self.value = value
            self.labels = labels
        }
    }

    /// Adds a metric with all of its samples. One without samples is left out.
    mutating func add(_ metric: Metric, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        addHead(metric)
        for sample in samples {
            addLine(metric.rawValue, Array(zip(metric.labels, sample.labels)), sample.value)
        }
    }

    mutating func add(_ metric: Metric, _ sample: Sample) {
        add(metric, [sample])
    }

    /// Adds a metric with a histogram for each set of labels.
    mutating func add(_ metric: Metric, _ histograms: [(labels: [String], histogram: Histogram)]) {
        guard !histograms.isEmpty else { return }
        addHead(metric)
        for (values, histogram) in histograms {
            let labels = Array(zip(metric.labels, values))
            for (bound, count) in zip(Histogram.bounds, histogram.cumulative) {
                addLine("\(metric.rawValue)_bucket", labels + [("le", Self.number(bound))], Double(count))
            }
            addLine("\(metric.rawValue)_bucket", labels + [("le", "+Inf")], Double(histogram.count))
            addLine("\(metric.rawValue)_sum", labels, histogram.sum)
            addLine("\(metric.rawValue)_count", labels, Double(histogram.count))
        }
    }

    private mutating func addHead(_ metric: Metric) {
        text += "# HELP \(metric.rawValue) \(metric.help)\n# TYPE \(metric.rawValue) \(metric.kind.rawValue)\n"
    }

    private mutating func addLine(_ name: String, _ labels: [(name: String, value: String)], _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// In a label's value, a backslash, a quotation mark and a line feed are written with a backslash.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Whole numbers as such, as long as a double has them exactly.
    private static func number(_ value: Double) -> String {
        guard let whole = Int64(exactly: value), whole.magnitude < 1 << 53 else { return "\(value)" }
        return "\(whole)"
    }
}
