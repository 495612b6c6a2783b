/* The migrations built into the program, generated from sql/migrations (cmake/EmbedSql.cmake). */
#ifndef TB_CTL_MIGRATIONS_H
#define TB_CTL_MIGRATIONS_H

#include <stddef.h>

struct ctl_migration {
    int version; /* from 1, without gaps */
    const char *name;
    const char *up;
    const char *down;
};

extern const struct ctl_migration ctl_migrations[];
extern const size_t ctl_nmigrations;

#endif
