/*
 * check: assertions that stay in release builds, and the attributes the whole code uses.
 *
 * CHECK states what only our own mistake could break; it logs the place and aborts, which the job rules and the
 * store's transactions make safe for the data. What comes from outside is never CHECKed, it is answered with an error.
 */
#ifndef PLACARD_BASE_CHECK_H
#define PLACARD_BASE_CHECK_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args), nonnull(fmt)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((noreturn)) void check_failed(const char *file, int line, const char *what);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

/* malloc and its kin that abort when memory is gone; sizes from outside are bounded before they get here. */
void *mem_alloc(unsigned long bytes);
void *mem_zero(unsigned long count, unsigned long bytes);
void *mem_grow(void *ptr, unsigned long bytes);
char *mem_dup(const void *ptr, unsigned long bytes); /* adds a NUL */

#ifdef __cplusplus
}
#endif

#endif
