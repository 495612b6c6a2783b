/* Runs a fuzz target over files and folders: fuzz_x PATH... Also over every prefix of each small
 * input, which costs little and reaches what a cut message reaches. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

#define MAX_BYTES        ((size_t)1 << 20)
#define MAX_PREFIX_BYTES 2048

static unsigned long inputs;

/* A copy of exactly that size, so that the sanitizer sees a read past the end. */
static void run(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, bytes, n);
    (void)LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    inputs++;
}

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    uint8_t *bytes = malloc(MAX_BYTES);
    if (!bytes) {
        abort();
    }
    size_t n = fread(bytes, 1, MAX_BYTES, f);
    (void)fclose(f);
    run(bytes, n);
    for (size_t i = 0; n <= MAX_PREFIX_BYTES && i < n; i++) {
        run(bytes, i);
    }
    free(bytes);
    return 0;
}

static int run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        perror(path);
        return 1;
    }
    if (!S_ISDIR(st.st_mode)) {
        return run_file(path);
    }
    DIR *dir = opendir(path);
    if (!dir) {
        perror(path);
        return 1;
    }
    int failed = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char inner[4096];
        if (entry->d_name[0] != '.') {
            (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            failed |= run_path(inner);
        }
    }
    (void)closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        failed |= run_path(argv[i]);
    }
    (void)printf("%lu inputs\n", inputs);
    return failed || !inputs;
}
