/* check: see check.h for the contract. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "level=fatal msg=\"assertion failed\" at=%s:%d what=\"%s\"\n", file, line, what);
    fflush(stderr);
    abort();
}

void *mem_alloc(unsigned long bytes)
{
    void *ptr = malloc(bytes ? bytes : 1);
    CHECK(ptr != NULL);
    return ptr;
}

void *mem_zero(unsigned long count, unsigned long bytes)
{
    void *ptr = calloc(count ? count : 1, bytes ? bytes : 1);
    CHECK(ptr != NULL);
    return ptr;
}

void *mem_grow(void *old, unsigned long bytes)
{
    void *ptr = realloc(old, bytes ? bytes : 1);
    CHECK(ptr != NULL);
    return ptr;
}

char *mem_dup(const void *ptr, unsigned long bytes)
{
    char *copy = mem_alloc(bytes + 1);
    if (bytes)
        memcpy(copy, ptr, bytes);
    copy[bytes] = '\0';
    return copy;
}
