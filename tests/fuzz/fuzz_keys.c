/* fuzz_keys.c: any bytes as the JSON that hands out keys, and as the line of a program that does:
 * keys, words or a refusal, never more. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/aws/credential_document.h"
#include "core/aws/credential_process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_document(const uint8_t *data, size_t size, bool of_program)
{
    CLEANUP_CREDENTIALS struct credentials keys = {0};
    struct error err = {0};
    const struct credential_document document = {
        .text = (const char *)data,
        .length = size,
        .token_name = of_program ? "SessionToken" : "Token",
        .has_version = of_program,
        .has_code = !of_program,
    };
    if (credential_document_read(&document, &keys, &err) == ERR_NONE)
        assert(keys.access_key_id[0] != '\0' && keys.secret_access_key[0] != '\0');
}

static void split_line(const uint8_t *data, size_t size)
{
    char line[2048];
    char *words[CREDENTIAL_PROCESS_WORDS_MAX + 1];
    struct error err = {0};
    size_t length = size < sizeof(line) ? size : sizeof(line) - 1;
    memcpy(line, data, length);
    line[length] = '\0';
    if (credential_process_split(line, words, &err) == ERR_NONE)
        assert(words[0] != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_document(data, size, true);
    read_document(data, size, false);
    split_line(data, size);
    return 0;
}
