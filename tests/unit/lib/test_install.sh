#!/usr/bin/env bash
# Installs the library to an empty folder and uses it from there, as a stranger would.
# Usage: test_install.sh BUILD-FOLDER
set -Eeuo pipefail
build=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build/producer/lib" --prefix "$work/usr" >"$work/install.log"
pc=$(find "$work/usr" -name ticketbus.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir ticketbus)
version=$(pkg-config --modversion ticketbus)
read -ra flags <<<"$(pkg-config --cflags --libs ticketbus)"
# Ours static, what it stands on shared, as is usual.
read -ra below <<<"$(pkg-config --print-requires-private ticketbus | awk '{print $1}' | xargs pkg-config --libs)"

# The header alone, as C and as C++, without anything else of ours.
cp -r "$work/usr/include" "$work/alone"
for language in c:c99 c++:c++11; do
    echo '#include <ticketbus/ticketbus.h>' |
        cc -x "${language%%:*}" -std="${language##*:}" -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$work/alone" -
done

# Nothing but the public names, and all of them.
grep -o 'TICKETBUS_API[^;]*;' <(tr '\n' ' ' <"$work/alone/ticketbus/ticketbus.h") |
    grep -o 'ticketbus_[a-z_]*(' | tr -d '(' | sort -u >"$work/declared"
nm -D --defined-only "$libdir/libticketbus.so" | awk '{print $3}' | sort -u >"$work/shared"
nm --defined-only --extern-only "$libdir/libticketbus.a" 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u >"$work/static"
diff "$work/declared" "$work/shared"
diff "$work/declared" "$work/static"

# The C example, against the shared and the static library; a C++ program.
strict=(-Wall -Wextra -Werror)
cc -std=c99 "${strict[@]}" "$root/docs/examples/c/publish.c" -o "$work/shared-example" "${flags[@]}"
cc -std=c99 "${strict[@]}" "$root/docs/examples/c/follow.c" -o "$work/follow" "${flags[@]}"
cat >"$work/program.cc" <<'TEXT'
#include <cstring>
#include <ticketbus/ticketbus.h>
int main(int, char **argv)
{
    ticketbus_error error;
    ticketbus_command *command = ticketbus_create("wf", "From C++", &error);
    bool same = command && std::strcmp(ticketbus_version(), argv[1]) == 0;
    ticketbus_command_free(command);
    return same ? 0 : 1;
}
TEXT
c++ -std=c++11 "${strict[@]}" "$work/program.cc" -o "$work/program" "${flags[@]}"
LD_LIBRARY_PATH=$libdir "$work/program" "$version"
rm "$libdir"/libticketbus.so*
c++ -std=c++11 "${strict[@]}" "$work/program.cc" -o "$work/static-program" "${flags[@]}" "${below[@]}" -lpthread
"$work/static-program" "$version"
echo "libticketbus $version: header, names, shared and static library in order"
