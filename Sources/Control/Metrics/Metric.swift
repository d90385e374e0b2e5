// SPDX-License-Identifier: Apache-2.0

/// What is measured: each with its name, its labels, and what it says. `docs/metrics.md` has them as a table.
enum Metric: String, CaseIterable, Sendable {
    case requests = "plugind_request_duration_seconds"
    case commits = "plugind_store_commit_duration_seconds"
    case auditEntries = "plugind_audit_entries_total"
    case pools = "plugind_pools"
    case poolSize = "plugind_pool_size_addresses"
    case poolAllocatable = "plugind_pool_allocatable_addresses"
    case poolAddresses = "plugind_pool_addresses"
    case poolExhaustion = "plugind_pool_exhausted_in_seconds"
    case networks = "plugind_networks"
    case endpoints = "plugind_endpoints"
    case networkEndpoints = "plugind_network_endpoints"
    case bridgePortsLeft = "plugind_bridge_ports_left"
    case publishedPorts = "plugind_published_ports"
    case portsNotHeld = "plugind_published_ports_not_held"
    case repairs = "plugind_repairs_total"
    case reconciliations = "plugind_reconciliations_total"
    case reconciliationTime = "plugind_last_reconciliation_seconds"
    case linksMade = "plugind_links_made_total"
    case linksDeleted = "plugind_links_deleted_total"
    case kernelRefusals = "plugind_kernel_refusals_total"
    case transactions = "plugind_firewall_transactions_total"
    case owed = "plugind_owed"
    case ready = "plugind_ready"
    case buildInfo = "plugind_build_info"
    // The names that Prometheus's own client libraries have for these.
    case processorTime = "process_cpu_seconds_total"
    case residentMemory = "process_resident_memory_bytes"
    case virtualMemory = "process_virtual_memory_bytes"
    case openFiles = "process_open_fds"
    case mostFiles = "process_max_fds"
    case startTime = "process_start_time_seconds"

    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    var kind: Kind {
        switch self {
        case .requests, .commits: .histogram
        case .auditEntries, .repairs, .reconciliations, .linksMade, .linksDeleted, .kernelRefusals, .transactions,
            .processorTime:
            .counter
        default: .gauge
        }
    }

    /// The names of the labels of each of its samples.
    var labels: [String] {
        switch self {
        case .requests: ["method", "outcome"]
        case .commits, .transactions: ["outcome"]
        case .auditEntries: ["decision"]
        case .poolSize, .poolAllocatable, .poolExhaustion: ["pool"]
        case .poolAddresses: ["pool", "state"]
        case .networkEndpoints, .bridgePortsLeft: ["network", "bridge"]
        case .publishedPorts: ["protocol"]
        case .repairs, .linksMade: ["kind"]
        case .kernelRefusals: ["errno"]
        case .owed: ["what"]
        case .buildInfo: ["version"]
        case .pools, .networks, .endpoints, .portsNotHeld, .reconciliations, .reconciliationTime, .linksDeleted, .ready,
            .processorTime, .residentMemory, .virtualMemory, .openFiles, .mostFiles, .startTime:
            []
        }
    }

    /// One line, without a backslash.
    var help: String {
        switch self {
        case .requests: "How long calls of the engine took, by method and outcome: ok, refused or failed."
        case .commits: "How long changes waited to be durable, by outcome: ok or failed."
        case .auditEntries: "Lines that the audit log got since the start, by decision."
        case .pools: "Address pools."
        case .poolSize: "All addresses of the pool's subnet."
        case .poolAllocatable: "Addresses that are chosen from."
        case .poolAddresses: "Addresses of the pool by state: used, sticky, quarantined, reserved, excluded or free."
        case .poolExhaustion: "When the pool will be full if it goes on growing as of late; absent if it does not grow."
        case .networks: "Networks, those being made or deleted among them."
        case .endpoints: "Endpoints, those being made or deleted among them."
        case .networkEndpoints: "Endpoints of the network."
        case .bridgePortsLeft: "Endpoints that the network's bridge can still take, of the kernel's 1023."
        case .publishedPorts: "Published ports by protocol."
        case .portsNotHeld: "Published ports whose port on the host somebody else has."
        case .repairs: "What somebody else had changed and was put back since the start, by kind."
        case .reconciliations: "How often the host was compared with the state as a whole since the start."
        case .reconciliationTime: "How long the last comparison with the host took, with all that was put back."
        case .linksMade: "Links made since the start, by kind: bridge, or veth, of which a pair is one."
        case .linksDeleted: "Links deleted since the start: bridges, and veth pairs, each as one."
        case .kernelRefusals: "What the kernel refused of links, addresses, routes and flows since the start, by errno."
        case .transactions: "Changes of plugind's rules in the packet filter since the start, by outcome: ok or failed."
        case .owed: "What could not be finished and is tried again."
        case .ready: "1 if GET /health says ready, else 0."
        case .buildInfo: "Always 1; the version is the label."
        case .processorTime: "Processor time in user and kernel mode."
        case .residentMemory: "Memory that is resident."
        case .virtualMemory: "Memory that is mapped."
        case .openFiles: "Open file descriptors."
        case .mostFiles: "How many file descriptors may be open."
        case .startTime: "When the process started, since 1970."
        }
    }
}
