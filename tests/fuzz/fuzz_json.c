/* fuzz_json.c: any bytes as an answer of EBS direct: parsed or refused, never more. */
#include <stddef.h>
#include <stdint.h>

#include "core/aws/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_JVAL struct jval *root = NULL;
    struct error err = {0};
    int64_t index = 0;
    if (jval_parse((const char *)data, size, &root, &err) != ERR_NONE)
        return 0;
    const struct jval *blocks = jval_get(root, "ChangedBlocks");
    for (size_t i = 0; i < jval_count(blocks); i++) {
        (void)!jval_int64(jval_at(blocks, i), "BlockIndex", &index, &err);
        (void)jval_text(jval_at(blocks, i), "BlockToken");
    }
    (void)jval_text(root, "NextToken");
    return 0;
}
