/* Caps on what comes from outside. Characters are Unicode code points. */
#ifndef TB_MODEL_LIMITS_H
#define TB_MODEL_LIMITS_H

#define TB_MAX_ID_CHARS          200 /* agents, workflows, tasks, sources, command ids */
#define TB_MAX_TITLE_CHARS       500 /* seed 000: tickets.title varchar(500) */
#define TB_MAX_DESCRIPTION_CHARS 200000
#define TB_MAX_COMMENT_CHARS     100000
#define TB_MAX_TYPE_CHARS        50 /* seed 000: ticket_type, status varchar(50) */
#define TB_MAX_PRIORITY_CHARS    20 /* seed 000: priority varchar(20) */
#define TB_MAX_SHA_CHARS         64 /* seed 000: commit_sha varchar(64) */
#define TB_MAX_TAG_CHARS         100
#define TB_MAX_LIST              1000 /* entries of any list of ids */
#define TB_MAX_TAGS              100
#define TB_MAX_COLUMNS           100
#define TB_MAX_BOARD_NAME_CHARS  200 /* seed 000: board_configs.name varchar(200) */
#define TB_MAX_RATIONALE_CHARS   4000
#define TB_MAX_FILES_LIST        5000
#define TB_MAX_PATH_CHARS        1000
#define TB_MAX_SIMILAR           10     /* tickets of one similar_found */
#define TB_MAX_CLOSURE           100000 /* edges walked to look for a cycle */

#endif
