/* SPDX-License-Identifier: ISC */
/* journal_fuzz.c beyond the checksums: each line gets the one that is right. */
#define JOURNAL_SEALED 1
#include "journal_fuzz.c"
