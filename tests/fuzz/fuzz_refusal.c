/* fuzz_refusal.c: any bytes as the body of a refusal: judged, told in one line, and a call that
 * creates is only called off when the service surely did nothing. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/aws/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {100, 301, 400, 401, 403, 404, 408, 429, 500, 503};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = 1 << 20};
    struct client client = {0};
    struct error err = {0};
    struct client_call call = {.action = "CreateSnapshot"};
    if (size < 2)
        return 0;
    response.status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))];
    call.creates = (data[1] & 1) != 0;
    strbuf_add(&response.body, data + 2, size - 2);
    enum error_code code = client_judge(&client, &call, ERR_NONE, &response, &err);
    assert(code != ERR_NONE && code == err.code);
    assert(!call.creates || code != ERR_TRANSIENT || response.status < 500);
    for (const char *c = err.message; *c != '\0'; c++)
        assert((unsigned char)*c >= ' ' && *c != 0x7f);
    return 0;
}
