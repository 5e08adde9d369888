/*
 * ident: names that nobody can guess or repeat. Randomness comes from getrandom(2); its failure is ours to abort on.
 */
#ifndef PLACARD_BASE_IDENT_H
#define PLACARD_BASE_IDENT_H

#include <stddef.h>

void ident_random(void *ret_bytes, size_t len);

/* A version 4 UUID, 36 characters and a NUL. Buffered per thread, so that a request id costs no system call. */
void ident_uuid(char ret_text[37]);

/* `len` characters drawn evenly from `alphabet`, and a NUL. */
void ident_text(char *ret_text, size_t len, const char *alphabet);

#endif
