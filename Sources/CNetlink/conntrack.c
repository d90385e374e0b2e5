// SPDX-License-Identifier: Apache-2.0

#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define TYPE(message) CNL_NETFILTER_TYPE(NFNL_SUBSYS_CTNETLINK, message)

// What a dump's filter looks at (nf_internals.h in the kernel's own headers). Not at addresses: of IPv6 ones kernels
// (6.18 is one) leave out those that are the same, instead of the others.
#define FILTER_PROTOCOL (1 << 3)
#define FILTER_DESTINATION_PORT (1 << 5)

// The longest of an IPv6 flow has about 80 bytes.
#define TUPLE_SIZE 256

static void put_header(struct nlmsghdr *request, uint8_t family)
{
    struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
    header->nfgen_family = family;
    header->version = NFNETLINK_V0;
}

// Reading

// The attributes of a flow by which it is told from others, or null.
struct identity {
    const struct nlattr *original;
    const struct nlattr *id;
    const struct nlattr *zone;
};

static struct identity read_identity(const struct nlmsghdr *record)
{
    struct identity identity = { NULL, NULL, NULL };
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, record, sizeof(struct nfgenmsg)) {
        switch (mnl_attr_get_type(attribute)) {
        case CTA_TUPLE_ORIG:
            identity.original = attribute;
            break;
        case CTA_ID:
            if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
                identity.id = attribute;
            break;
        case CTA_ZONE:
            if (mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0)
                identity.zone = attribute;
            break;
        }
    }
    return identity;
}

static void read_addresses(const struct nlattr *tuple, struct cnl_flow *flow)
{
    uint16_t source = flow->length == 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
    uint16_t destination = flow->length == 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST;
    const struct nlattr *attribute;
    mnl_attr_for_each_nested(attribute, tuple) {
        if (mnl_attr_get_type(attribute) == source)
            flow->source = cnl_address_bytes(attribute, flow->length);
        if (mnl_attr_get_type(attribute) == destination)
            flow->destination = cnl_address_bytes(attribute, flow->length);
    }
}

static void read_protocol(const struct nlattr *tuple, struct cnl_flow *flow)
{
    const struct nlattr *attribute;
    mnl_attr_for_each_nested(attribute, tuple) {
        _Bool is_u16 = mnl_attr_validate(attribute, MNL_TYPE_U16) >= 0;

        switch (mnl_attr_get_type(attribute)) {
        case CTA_PROTO_NUM:
            if (mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0)
                flow->protocol = mnl_attr_get_u8(attribute);
            break;
        case CTA_PROTO_SRC_PORT:
            if (is_u16)
                flow->source_port = ntohs(mnl_attr_get_u16(attribute));
            break;
        case CTA_PROTO_DST_PORT:
            if (is_u16)
                flow->destination_port = ntohs(mnl_attr_get_u16(attribute));
            break;
        }
    }
}

const struct cnl_flow *cnl_read_flow(struct cnl_socket *socket)
{
    const struct nlmsghdr *record = socket->record;
    if (record->nlmsg_type != TYPE(IPCTNL_MSG_CT_NEW) || mnl_nlmsg_get_payload_len(record) < sizeof(struct nfgenmsg))
        return NULL;
    const struct nfgenmsg *header = mnl_nlmsg_get_payload(record);
    if (header->nfgen_family != AF_INET && header->nfgen_family != AF_INET6)
        return NULL;
    const struct nlattr *original = read_identity(record).original;
    if (!original)
        return NULL;

    struct cnl_flow flow = { .length = header->nfgen_family == AF_INET ? 4 : 16 };
    const struct nlattr *attribute;
    mnl_attr_for_each_nested(attribute, original) {
        if (mnl_attr_get_type(attribute) == CTA_TUPLE_IP)
            read_addresses(attribute, &flow);
        if (mnl_attr_get_type(attribute) == CTA_TUPLE_PROTO)
            read_protocol(attribute, &flow);
    }
    if (!flow.source || !flow.destination)
        return NULL;
    socket->read.flow = flow;
    return &socket->read.flow;
}

// Asking

static void put_filter(struct nlmsghdr *request, uint8_t protocol, uint16_t port)
{
    uint32_t flags = FILTER_PROTOCOL;
    struct nlattr *tuple = mnl_attr_nest_start(request, CTA_TUPLE_ORIG);
    struct nlattr *ports = mnl_attr_nest_start(request, CTA_TUPLE_PROTO);
    mnl_attr_put_u8(request, CTA_PROTO_NUM, protocol);
    if (port != 0) {
        flags |= FILTER_DESTINATION_PORT;
        mnl_attr_put_u16(request, CTA_PROTO_DST_PORT, htons(port));
    }
    mnl_attr_nest_end(request, ports);
    mnl_attr_nest_end(request, tuple);

    struct nlattr *filter = mnl_attr_nest_start(request, CTA_FILTER);
    mnl_attr_put_u32(request, CTA_FILTER_ORIG_FLAGS, flags);
    mnl_attr_nest_end(request, filter);
}

int cnl_dump_flows(struct cnl_socket *socket, uint32_t length, uint8_t protocol, uint16_t port)
{
    int code = -EINVAL;
    // A kernel that knows no filter leaves it unread, or refuses it.
    for (int filters = 1; filters >= 0 && (code == -EINVAL || code == -EOPNOTSUPP); filters--) {
        struct nlmsghdr *request = cnl_begin_dump(socket, TYPE(IPCTNL_MSG_CT_GET));
        if (!request)
            return -EBUSY;
        put_header(request, cnl_family(socket, length, 0));
        if (filters)
            put_filter(request, protocol, port);
        code = cnl_end_dump(socket, request);
    }
    return code;
}

const struct cnl_flow *cnl_next_flow(struct cnl_socket *socket)
{
    while (cnl_step(socket)) {
        const struct cnl_flow *flow = cnl_read_flow(socket);
        if (flow)
            return flow;
    }
    return NULL;
}

void cnl_put_delete_flow(struct cnl_socket *socket)
{
    struct nlmsghdr *request = cnl_begin(socket, TYPE(IPCTNL_MSG_CT_DELETE), NLM_F_ACK);
    // Without addresses and ports the kernel would take it for "every flow".
    if (!socket->record || !cnl_read_flow(socket)) {
        cnl_break(socket, -EINVAL);
        return;
    }
    const struct nfgenmsg *header = mnl_nlmsg_get_payload(socket->record);
    put_header(request, header->nfgen_family);

    struct identity identity = read_identity(socket->record);
    uint16_t size = mnl_attr_get_payload_len(identity.original);
    if (size > TUPLE_SIZE)
        cnl_break(socket, -EMSGSIZE);
    else
        mnl_attr_put(request, CTA_TUPLE_ORIG | NLA_F_NESTED, size, mnl_attr_get_payload(identity.original));
    if (identity.id)
        mnl_attr_put_u32(request, CTA_ID, mnl_attr_get_u32(identity.id));
    if (identity.zone)
        mnl_attr_put_u16(request, CTA_ZONE, mnl_attr_get_u16(identity.zone));
    cnl_end(socket, request);
}
