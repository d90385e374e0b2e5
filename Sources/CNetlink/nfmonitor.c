// SPDX-License-Identifier: Apache-2.0

#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>

// What the kernel (6.3) calls a deletion that does not mind if nothing is there: as its linux/netfilter/nf_tables.h.
#define MSG_DESTROYTABLE 26
#define MSG_DESTROYCHAIN 27
#define MSG_DESTROYRULE 28
#define MSG_DESTROYSET 29
#define MSG_DESTROYSETELEM 30
#define MSG_DESTROYOBJ 31
#define MSG_DESTROYFLOWTABLE 32

// How to read a message: what it is about, and which attributes name the table and what is in it.
struct form {
    uint8_t message;
    enum cnl_firewall_part part;
    _Bool is_gone;
    uint16_t table;
    // 0 if there is none.
    uint16_t name;
};

static const struct form forms[] = {
    { NFT_MSG_NEWTABLE, cnl_firewall_table, 0, NFTA_TABLE_NAME, 0 },
    { NFT_MSG_DELTABLE, cnl_firewall_table, 1, NFTA_TABLE_NAME, 0 },
    { MSG_DESTROYTABLE, cnl_firewall_table, 1, NFTA_TABLE_NAME, 0 },
    { NFT_MSG_NEWCHAIN, cnl_firewall_chain, 0, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME },
    { NFT_MSG_DELCHAIN, cnl_firewall_chain, 1, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME },
    { MSG_DESTROYCHAIN, cnl_firewall_chain, 1, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME },
    { NFT_MSG_NEWRULE, cnl_firewall_rule, 0, NFTA_RULE_TABLE, NFTA_RULE_CHAIN },
    { NFT_MSG_DELRULE, cnl_firewall_rule, 1, NFTA_RULE_TABLE, NFTA_RULE_CHAIN },
    { MSG_DESTROYRULE, cnl_firewall_rule, 1, NFTA_RULE_TABLE, NFTA_RULE_CHAIN },
    { NFT_MSG_NEWSET, cnl_firewall_set, 0, NFTA_SET_TABLE, NFTA_SET_NAME },
    { NFT_MSG_DELSET, cnl_firewall_set, 1, NFTA_SET_TABLE, NFTA_SET_NAME },
    { MSG_DESTROYSET, cnl_firewall_set, 1, NFTA_SET_TABLE, NFTA_SET_NAME },
    { NFT_MSG_NEWSETELEM, cnl_firewall_element, 0, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET },
    { NFT_MSG_DELSETELEM, cnl_firewall_element, 1, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET },
    { MSG_DESTROYSETELEM, cnl_firewall_element, 1, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET },
    { NFT_MSG_NEWOBJ, cnl_firewall_object, 0, NFTA_OBJ_TABLE, NFTA_OBJ_NAME },
    { NFT_MSG_DELOBJ, cnl_firewall_object, 1, NFTA_OBJ_TABLE, NFTA_OBJ_NAME },
    { MSG_DESTROYOBJ, cnl_firewall_object, 1, NFTA_OBJ_TABLE, NFTA_OBJ_NAME },
    { NFT_MSG_NEWFLOWTABLE, cnl_firewall_flowtable, 0, NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME },
    { NFT_MSG_DELFLOWTABLE, cnl_firewall_flowtable, 1, NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME },
    { MSG_DESTROYFLOWTABLE, cnl_firewall_flowtable, 1, NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME },
    { NFT_MSG_NEWGEN, cnl_firewall_generation, 0, 0, 0 },
};

int cnl_open_firewall_monitor(struct cnl_socket **ret_socket)
{
    static const int group = NFNLGRP_NFTABLES;
    return cnl_open_listener(NETLINK_NETFILTER, &group, 1, ret_socket);
}

static const struct form *form_of(const struct nlmsghdr *record)
{
    for (size_t i = 0; i < MNL_ARRAY_SIZE(forms); i++) {
        if (record->nlmsg_type == CNL_NETFILTER_TYPE(NFNL_SUBSYS_NFTABLES, forms[i].message))
            return &forms[i];
    }
    return NULL;
}

static void read_generation_attribute(const struct nlattr *attribute, struct cnl_firewall_change *change)
{
    switch (mnl_attr_get_type(attribute)) {
    case NFTA_GEN_PROC_PID:
        if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
            change->process = ntohl(mnl_attr_get_u32(attribute));
        break;
    case NFTA_GEN_PROC_NAME:
        if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
            change->process_name = mnl_attr_get_str(attribute);
        break;
    }
}

static void read_part_attribute(
    const struct nlattr *attribute, const struct form *form, struct cnl_firewall_change *change)
{
    uint16_t type = mnl_attr_get_type(attribute);
    if ((type != form->table && type != form->name) || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0)
        return;
    if (type == form->table)
        change->table = mnl_attr_get_str(attribute);
    else
        change->name = mnl_attr_get_str(attribute);
}

const struct cnl_firewall_change *cnl_read_firewall_change(struct cnl_socket *socket)
{
    const struct nlmsghdr *record = socket->record;
    const struct form *form = form_of(record);
    if (!form || mnl_nlmsg_get_payload_len(record) < sizeof(struct nfgenmsg))
        return NULL;

    const struct nfgenmsg *header = mnl_nlmsg_get_payload(record);
    struct cnl_firewall_change change = {
        .part = form->part,
        .is_gone = form->is_gone,
        .family = header->nfgen_family,
        .table = "",
        .name = "",
        .process_name = "",
    };
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, record, sizeof(*header)) {
        if (form->part == cnl_firewall_generation)
            read_generation_attribute(attribute, &change);
        else
            read_part_attribute(attribute, form, &change);
    }
    socket->read.firewall_change = change;
    return &socket->read.firewall_change;
}

int cnl_receive_firewall_change(struct cnl_socket *socket, const struct cnl_firewall_change **ret_change)
{
    for (;;) {
        while (cnl_step(socket)) {
            const struct cnl_firewall_change *change = cnl_read_firewall_change(socket);
            if (change) {
                *ret_change = change;
                return 0;
            }
        }
        int code = cnl_receive_records(socket);
        // A rule or an element may be longer than the buffer, and is then lost like one that had no room.
        if (code < 0)
            return code == -ENOSPC ? -ENOBUFS : code;
    }
}
