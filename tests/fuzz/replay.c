/* replay.c: runs a fuzz target over every file of a folder, without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_INPUT_BYTES (1u << 20)
#define PATH_SIZE       4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *data = malloc(MAX_INPUT_BYTES);
    if (file == NULL || data == NULL) {
        perror(path);
        exit(1);
    }
    size_t size = fread(data, 1, MAX_INPUT_BYTES, file);
    int result = LLVMFuzzerTestOneInput(data, size);
    free(data);
    (void)fclose(file);
    return result;
}

int main(int count, char **arguments)
{
    DIR *folder = count == 2 ? opendir(arguments[1]) : NULL;
    int inputs = 0;
    int failures = 0;
    if (folder == NULL) {
        (void)fprintf(stderr, "usage: replay FOLDER\n");
        return 2;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[PATH_SIZE];
        if (entry->d_type != DT_REG)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", arguments[1], entry->d_name);
        failures += replay(path) != 0;
        inputs++;
    }
    (void)closedir(folder);
    printf("%d inputs, %d failures\n", inputs, failures);
    return inputs == 0 || failures > 0;
}
