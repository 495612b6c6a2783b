/* Named points at which tests let a worker or an indexer die or freeze. Nothing unless built with
 * TB_FAULTS.
 *
 * TICKETBUS_CRASH_AT=NAME:WHEN[:stop]: at the point NAME the process gets SIGKILL (or SIGSTOP), the
 * WHENth time it is passed when WHEN is a whole number, each time with that probability when it has
 * a decimal point. */
#ifndef TB_CRASH_CRASH_H
#define TB_CRASH_CRASH_H

#ifdef TB_FAULTS
void tb_crash_point(const char *name);
#define TB_CRASH_POINT(name) tb_crash_point(name)
#else
#define TB_CRASH_POINT(name) ((void)0)
#endif

#endif
