/* Filling a new collection beside the one that is searched, and the switch. */
#ifndef TB_INDEXER_SHELL_REINDEX_H
#define TB_INDEXER_SHELL_REINDEX_H

#include "indexer/shell/proof.h"
#include "indexer/shell/round.h"

struct tb_reindex {
    struct tb_indexer *ix; /* aimed at the new collection */
    tb_str from;           /* the one that is searched */
    void (*progress)(const char *what, size_t done, size_t total, void *arg); /* may be NULL */
    void *arg;
    /* What came of it. */
    int64_t indexed;       /* tickets written here; indexers write, too */
    struct tb_proof proof; /* the last one: without a difference */
    int64_t attempts;      /* at the switch */
};

/* Indexes what the collection lacks until little is left, proves it equal to the database, and
 * switches. Started again after any end it goes on where it was. TB_EUNAVAILABLE: stopped, or a
 * part is away. TB_ECONFLICT: somebody else changed the collections meanwhile, or the indexers do
 * not write the new one. */
enum tb_rc tb_reindex_run(struct tb_reindex *x, struct tb_error *err) TB_MUST_USE;

#endif
