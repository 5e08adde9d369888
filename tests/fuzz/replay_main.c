/*
 * replay_main: runs a fuzz target over files, with any compiler.
 *
 *     fuzz_<name> FILE-OR-FOLDER...
 *
 * Folders are read one level deep, in the order of their names. A target fails by aborting. No file at all is a
 * failure too: a corpus that went missing must not look like one that passed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned files;

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t room = 1 << 16, len = 0, got;
    uint8_t *data = malloc(room);
    while (data && (got = fread(data + len, 1, room - len, file)) > 0) {
        len += got;
        if (len == room)
            data = realloc(data, room *= 2);
    }
    if (!data || ferror(file)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        free(data);
        fclose(file);
        return 1;
    }
    fclose(file);
    data = realloc(data, len ? len : 1); /* so that a read past the end is seen */
    LLVMFuzzerTestOneInput(data, len);
    free(data);
    files++;
    return 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return replay_file(path);
    struct dirent **entries;
    int count = scandir(path, &entries, is_visible, alphasort);
    int failed = count < 0;
    for (int i = 0; i < count; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        failed |= replay_file(name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%u files\n", files);
    return failed || files == 0;
}
