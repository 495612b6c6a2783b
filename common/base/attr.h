/* Compiler attributes used across the code base. */
#ifndef TB_BASE_ATTR_H
#define TB_BASE_ATTR_H

/* The caller must look at the result. */
#define TB_MUST_USE          __attribute__((warn_unused_result))
#define TB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#define TB_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
