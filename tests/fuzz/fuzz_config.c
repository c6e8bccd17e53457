/* fuzz_config.c: any bytes as a config file: read or refused with its line, and what was read is
 * written so that it reads back the same. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/config.h"
#include "tests/fuzz/memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum error_code read_bytes(struct config *config, const void *bytes, size_t size,
                                  struct error *err)
{
    const struct memory_file file = memory_file_open(bytes, size);
    enum error_code code = config_read_file(config, file.path, err);
    memory_file_close(&file);
    return code;
}

static void expect_same_after_writing(const struct config *config)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 1 << 20};
    CLEANUP_STRBUF struct strbuf again = {.max_bytes = 1 << 20};
    struct config reread;
    struct error err = {0};
    config_init(&reread);
    if (config_write(config, &text, &err) != ERR_NONE) {
        assert(strstr(err.message, "does not fit") != NULL);
        return;
    }
    enum error_code code = read_bytes(&reread, strbuf_text(&text), text.length, &err);
    /* A password makes the file, which others may read here, refused. */
    if (code != ERR_NONE && strstr(err.message, "0600") != NULL)
        return;
    assert(code == ERR_NONE);
    code = config_write(&reread, &again, &err);
    assert(code == ERR_NONE);
    assert(strcmp(strbuf_text(&text), strbuf_text(&again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct error err = {0};
    config_init(&config);
    if (read_bytes(&config, data, size, &err) == ERR_NONE)
        expect_same_after_writing(&config);
    return 0;
}
