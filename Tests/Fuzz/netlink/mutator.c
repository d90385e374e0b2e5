// SPDX-License-Identifier: Apache-2.0
//
// How libFuzzer changes an input of the netlink fuzzer. Bytes that are changed at random are rarely messages any more,
// so the changes know packets, messages and attributes, and most inputs get their lengths repaired afterwards.

#include "packets.h"

#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/net_namespace.h>
#include <string.h>

#define SCRATCH_SIZE 65536
#define PACKETS 64

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t length, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t capacity, unsigned int seed);

static uint32_t state;

// xorshift32
static uint32_t below(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}

// An input while it is changed.
struct input {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
};

// A packet in it: where its header is, and how long its payload.
struct place {
    size_t offset;
    size_t length;
};

static uint8_t *payload_of(const struct input *input, struct place place)
{
    return input->bytes + place.offset + sizeof(struct packet);
}

static size_t find_packets(const struct input *input, struct place *places)
{
    struct span rest = { input->bytes, input->length };
    struct packet header;
    struct span payload;
    size_t count = 0;
    while (count < PACKETS) {
        size_t offset = input->length - rest.length;
        if (!take_packet(&rest, &header, &payload))
            break;
        places[count++] = (struct place){ offset, payload.length };
    }
    return count;
}

// Puts `length` bytes in the place of `old` ones at `offset`. Returns false if there is no room.
static _Bool replace(struct input *input, size_t offset, size_t old, const uint8_t *bytes, size_t length)
{
    if (old > input->length - offset)
        old = input->length - offset;
    if (input->length - old + length > input->capacity)
        return 0;
    memmove(input->bytes + offset + length, input->bytes + offset + old, input->length - offset - old);
    if (length > 0)
        memcpy(input->bytes + offset, bytes, length);
    input->length = input->length - old + length;
    return 1;
}

static void change_payload(struct input *input, struct place place)
{
    static uint8_t scratch[SCRATCH_SIZE];
    size_t room = place.length + input->capacity - input->length;
    if (room > CNL_RECEIVE_SIZE)
        room = CNL_RECEIVE_SIZE;
    room &= ~(size_t)3;
    if (room < place.length || room == 0)
        return;
    memcpy(scratch, payload_of(input, place), place.length);
    uint16_t length = (uint16_t)LLVMFuzzerMutate(scratch, place.length, room);
    memset(scratch + length, 0, padded(length) - length);
    if (replace(input, place.offset + sizeof(struct packet), padded(place.length), scratch, padded(length)))
        memcpy(input->bytes + place.offset + offsetof(struct packet, length), &length, sizeof(length));
}

static void change_header(struct input *input, struct place place)
{
    if (below(2) == 0)
        input->bytes[place.offset + offsetof(struct packet, operation)] = (uint8_t)below(256);
    else
        input->bytes[place.offset + offsetof(struct packet, arrival)] = (uint8_t)below(256);
}

static void repeat(struct input *input, struct place place)
{
    static uint8_t scratch[SCRATCH_SIZE + sizeof(struct packet)];
    size_t length = sizeof(struct packet) + padded(place.length);
    if (length > input->length - place.offset)
        return;
    memcpy(scratch, input->bytes + place.offset, length);
    replace(input, place.offset, 0, scratch, length);
}

// Size of the header that a message of that type has in front of its attributes.
static size_t header_size(uint16_t type)
{
    switch (type) {
    case NLMSG_ERROR: return sizeof(struct nlmsgerr);
    case RTM_NEWLINK: case RTM_DELLINK: return sizeof(struct ifinfomsg);
    case RTM_NEWADDR: case RTM_DELADDR: return sizeof(struct ifaddrmsg);
    case RTM_NEWROUTE: case RTM_DELROUTE: return sizeof(struct rtmsg);
    default: return MNL_ALIGN(sizeof(struct rtgenmsg));
    }
}

// One of the messages of a packet, or null if there is none.
static struct nlmsghdr *any_message(uint8_t *payload, size_t length)
{
    struct nlmsghdr *chosen = NULL;
    struct nlmsghdr *message = (struct nlmsghdr *)payload;
    int left = (int)length;
    for (uint32_t seen = 1; cnl_message_ok(message, left); message = mnl_nlmsg_next(message, &left), seen++) {
        if (below(seen) == 0)
            chosen = message;
    }
    return chosen;
}

static void change_message(uint8_t *payload, size_t length)
{
    static const uint16_t types[] = {
        NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE, RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR, RTM_NEWROUTE,
        RTM_DELROUTE, RTM_NEWNSID, CNL_NETFILTER_TYPE(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW),
        CNL_NETFILTER_TYPE(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWCHAIN),
        CNL_NETFILTER_TYPE(NFNL_SUBSYS_NFTABLES, NFT_MSG_DELRULE),
        CNL_NETFILTER_TYPE(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM),
        CNL_NETFILTER_TYPE(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN),
    };
    static const uint16_t flags[] = { NLM_F_MULTI, NLM_F_DUMP_INTR, NLM_F_ACK_TLVS, NLM_F_CAPPED };
    struct nlmsghdr *message = any_message(payload, length);
    if (!message)
        return;
    if (below(2) == 0)
        message->nlmsg_type = types[below(MNL_ARRAY_SIZE(types))];
    else
        message->nlmsg_flags ^= flags[below(MNL_ARRAY_SIZE(flags))];
}

static void change_attribute(uint8_t *payload, size_t length)
{
    static const uint16_t types[] = {
        IFLA_IFNAME, IFLA_IFALIAS, IFLA_ADDRESS, IFLA_LINKINFO, IFLA_MTU, IFLA_GROUP, IFLA_MASTER, IFLA_LINK,
        IFLA_LINK_NETNSID, IFLA_INFO_KIND, IFA_LOCAL, IFA_ADDRESS, RTA_DST, RTA_GATEWAY, RTA_VIA, RTA_OIF, RTA_TABLE,
        NETNSA_NSID, NLMSGERR_ATTR_MSG, CTA_ID, CTA_ZONE,
    };
    struct nlmsghdr *message = any_message(payload, length);
    if (!message)
        return;
    size_t offset = header_size(message->nlmsg_type);
    struct nlattr *chosen = NULL;
    struct nlattr *attribute;
    uint32_t seen = 1;
    mnl_attr_for_each(attribute, message, offset) {
        if (below(seen++) == 0)
            chosen = attribute;
    }
    // The last one may end in the padding that the last message does not have.
    if (!chosen || (uint8_t *)chosen + sizeof(*chosen) > payload + length)
        return;
    if (below(2) == 0)
        chosen->nla_type = types[below(MNL_ARRAY_SIZE(types))];
    else
        chosen->nla_len = (uint16_t)(chosen->nla_len + below(9) - 4);
}

// Makes every length one that there is room for, so that what follows is read.
static void repair(uint8_t *payload, size_t length)
{
    while (length >= sizeof(struct nlmsghdr)) {
        struct nlmsghdr *message = (struct nlmsghdr *)payload;
        if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > length)
            message->nlmsg_len = (uint32_t)length;
        size_t end = MNL_ALIGN(message->nlmsg_len) < length ? MNL_ALIGN(message->nlmsg_len) : length;

        size_t at = sizeof(*message) + MNL_ALIGN(header_size(message->nlmsg_type));
        while (at + sizeof(struct nlattr) <= end) {
            struct nlattr *attribute = (struct nlattr *)(payload + at);
            if (attribute->nla_len < sizeof(*attribute) || attribute->nla_len > end - at)
                attribute->nla_len = (uint16_t)(end - at);
            at += MNL_ALIGN(attribute->nla_len);
        }
        payload += end;
        length -= end;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t capacity, unsigned int seed)
{
    struct input input = { bytes, length, capacity };
    struct place places[PACKETS];
    state = seed | 1;
    size_t count = find_packets(&input, places);
    if (count == 0 || below(16) == 0)
        return LLVMFuzzerMutate(bytes, length, capacity);

    struct place place = places[below((uint32_t)count)];
    switch (below(8)) {
    case 0: case 1: change_payload(&input, place); break;
    case 2: change_header(&input, place); break;
    case 3: repeat(&input, place); break;
    case 4: replace(&input, place.offset, sizeof(struct packet) + padded(place.length), NULL, 0); break;
    case 5: change_message(payload_of(&input, place), place.length); break;
    default: change_attribute(payload_of(&input, place), place.length); break;
    }
    if (below(8) != 0) {
        count = find_packets(&input, places);
        for (size_t i = 0; i < count; i++)
            repair(payload_of(&input, places[i]), places[i].length);
    }
    return input.length > 0 ? input.length : 1;
}
