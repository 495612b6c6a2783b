# shellcheck shell=bash
# Loads all parts of the library; LOCAL_DIR is set by the caller.
for LIBRARY_PART in common say process packages python kafka postgres vectors envfile programs; do
    # shellcheck disable=SC1090
    . "$LOCAL_DIR/lib/$LIBRARY_PART.sh"
done
unset LIBRARY_PART
