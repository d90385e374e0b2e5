// SPDX-License-Identifier: Apache-2.0
//
// An ICU data package without entries, under the name by which Foundation's ICU looks for its data.
//
// GRDB, Yams and the argument parser import the whole of Foundation, and with it comes ICU's package of locales,
// calendars and character sets: 34 MB, half of the program. plugind formats no date and no number for a locale. Because
// this symbol is found first, the linker leaves the archive's own out (lib_FoundationICU.a, icu_packaged_data.cpp.o). What needs
// no package (Unicode properties, regular expressions, UTC) works as before; DateFormatter and NumberFormatter do not.
//
// Layout: ICU's ucmndata.h, `DataHeader` and `UDataOffsetTOC`, here with a count of zero. The symbol's number is ICU's
// major version; with another one the program is as large as without this file, and nothing else changes.

#include "CFootprint.h"

#include <stdint.h>

struct icu_data_package {
    uint16_t header_size;
    uint8_t magic[2];
    struct {
        uint16_t size;
        uint16_t reserved_word;
        uint8_t is_big_endian;
        uint8_t charset_family;
        uint8_t size_of_uchar;
        uint8_t reserved_byte;
        uint8_t data_format[4];
        uint8_t format_version[4];
        uint8_t data_version[4];
    } info;
    uint8_t padding[8];
    uint32_t entry_count;
    uint32_t reserved;
};

extern const struct icu_data_package icudt76_dat;

_Alignas(16) const struct icu_data_package icudt76_dat = {
    .header_size = 32,
    .magic = {0xda, 0x27},
    .info = {
        .size = 20,
        .is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
        .size_of_uchar = 2,
        .data_format = {'T', 'o', 'C', 'P'},
        .format_version = {1},
    },
};
