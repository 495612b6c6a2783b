/* Only in the installed libraries: somebody else's program is told by return codes, not on stderr.
 */
#include "producer/lib/internal.h"

__attribute__((constructor)) static void be_quiet(void)
{
    ticketbus_log_warnings(false);
}
