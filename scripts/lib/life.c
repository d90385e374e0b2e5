// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE

#include "life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const method_names[METHODS] = {
    "IpamDriver.RequestAddress",
    "NetworkDriver.CreateEndpoint",
    "NetworkDriver.Join",
    "NetworkDriver.ProgramExternalConnectivity",
    "NetworkDriver.EndpointOperInfo",
    "NetworkDriver.RevokeExternalConnectivity",
    "NetworkDriver.Leave",
    "NetworkDriver.DeleteEndpoint",
    "IpamDriver.ReleaseAddress",
};

const char endpoint_options[] =
    "\"Options\":{\"com.docker.network.endpoint.exposedports\":[],\"com.docker.network.portmap\":[]}";

static const char *timed(struct caller *caller, const struct life *life, enum method method, const char *body) {
    uint64_t begin = now_ns();
    const char *answer = call(&caller->connection, method_names[method], body);
    uint64_t time = now_ns() - begin;

    if (caller->load->times_ns[method] != NULL) {
        caller->load->times_ns[method][life->number] = time;
        caller->load->call_times_ns[life->number] += time;
    }
    return answer;
}

void of_endpoint(struct caller *caller, const struct life *life, enum method method, const char *rest) {
    char body[1024];

    snprintf(
        body, sizeof(body), "{\"NetworkID\":\"%s\",\"EndpointID\":\"%s\"%s%s}\n", life->network->id, life->endpoint,
        rest[0] != '\0' ? "," : "", rest);
    timed(caller, life, method, body);
}

uint64_t scattered(uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

static void move_in(struct caller *caller, const struct life *life) {
    struct in_addr address;
    char text[sizeof(life->address)];
    char *slash;
    uint64_t begin = now_ns();

    if (life->link[0] == '\0') {
        return;
    }
    cnl_put_namespace(caller->host, life->link, life->sandbox->fd);
    commit(caller->host, "move a link into a sandbox");
    strcpy(text, life->address);
    slash = strchr(text, '/');
    *slash = '\0';
    inet_pton(AF_INET, text, &address);
    settle(life->sandbox, life->link, "eth0", address, (uint32_t)atoi(slash + 1));
    if (caller->load->move_times_ns != NULL) {
        caller->load->move_times_ns[life->number] += now_ns() - begin;
    }
}

void move_out(struct caller *caller, const struct life *life) {
    uint64_t begin = now_ns();

    if (life->link[0] == '\0') {
        return;
    }
    move_back(life->sandbox, "eth0", life->link, caller->load->host);
    if (caller->load->move_times_ns != NULL) {
        caller->load->move_times_ns[life->number] += now_ns() - begin;
    }
}

void write_key(char *key, size_t size, const struct caller *caller, uint32_t index) {
    snprintf(
        key, size, "/proc/%u/fd/%u", caller->load->holder, FIRST_DESCRIPTOR + caller->number * SANDBOXES + index);
}

void join(struct caller *caller, struct life *life, uint32_t life_number) {
    struct load *load = caller->load;
    const char *answer;
    char body[512];

    life->number = life_number;
    life->network = &load->networks[life_number % load->network_count];
    if (load->has_sandboxes) {
        uint32_t sandbox = life_number / load->callers % SANDBOXES;

        life->sandbox = &caller->sandboxes[sandbox];
        write_key(life->key, sizeof(life->key), caller, sandbox);
    } else {
        life->sandbox = NULL;
        snprintf(life->key, sizeof(life->key), "/var/run/docker/netns/%012x", life_number);
    }
    snprintf(
        life->endpoint, ID_SIZE, "%016lx%016lx%032x", scattered(load->seed + life_number), load->seed, life_number);

    snprintf(body, sizeof(body), "{\"PoolID\":\"%s\",\"Address\":\"\",\"Options\":null}\n", life->network->pool);
    answer = timed(caller, life, REQUEST_ADDRESS, body);
    if (!find_text(answer, "Address", life->address, sizeof(life->address)) || strchr(life->address, '/') == NULL) {
        fail("an answer without an address: %s", answer);
    }
    snprintf(
        body, sizeof(body), "\"Interface\":{\"Address\":\"%s\",\"AddressIPv6\":\"\",\"MacAddress\":\"\"},%s",
        life->address, endpoint_options);
    of_endpoint(caller, life, CREATE_ENDPOINT, body);

    snprintf(body, sizeof(body), "\"SandboxKey\":\"%s\",%s", life->key, endpoint_options);
    of_endpoint(caller, life, JOIN, body);
    if (!find_text(caller->connection.answer, "SrcName", life->link, sizeof(life->link))) {
        life->link[0] = '\0';
    }
    if (load->is_direct && life->link[0] != '\0') {
        fail("plugind does not attach straight into the sandbox: %s", caller->connection.answer);
    }
    if (load->is_direct && life_number < load->callers) {
        index_of(life->sandbox->socket, "eth0");
    }
    if (!load->moves) {
        life->link[0] = '\0';
    }
    move_in(caller, life);
}

void release(struct caller *caller, struct life *life) {
    char body[512];

    snprintf(
        body, sizeof(body), "{\"PoolID\":\"%s\",\"Address\":\"%.*s\"}\n", life->network->pool,
        (int)strcspn(life->address, "/"), life->address);
    timed(caller, life, RELEASE_ADDRESS, body);
}
