#include "core/aws/ebs_direct.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/aws/digest.h"
#include "core/aws/json.h"
#include "core/aws/page_token.h"
#include "core/aws/sigv4.h"
#include "model/instant.h"

#define PAGE_BLOCKS       10000
#define SMALLEST_PAGE     100
#define MAX_ANSWER_BYTES  (16u << 20)
#define MAX_REQUEST_BYTES 16384
#define MAX_PAGES         100000
#define BLOCK_TIMEOUT_MS  (60 * MS_PER_SECOND)

/* A listing under way. */
struct walk {
    const char *first_id; /* NULL: all blocks of second_id */
    const char *second_id;
    const struct cloud_block_sink *sink;
    uint64_t next_index; /* where to go on if the page token is refused */
    struct strbuf token;
};

static void walk_done(struct walk *walk)
{
    strbuf_done(&walk->token);
}

static enum error_code ask(struct client *client, const struct client_call *call,
                           struct jval **root, struct error *err)
{
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_ANSWER_BYTES};
    TRY(client_send(client, call, &response, err));
    if (jval_parse(strbuf_text(&response.body), response.body.length, root, err) != ERR_NONE)
        return error_prefix(err, "answer to %s", call->action);
    return ERR_NONE;
}

static void build_listing(const struct walk *walk, int page_blocks, struct strbuf *path,
                          struct strbuf *query)
{
    strbuf_printf(path, "/snapshots/%s/%s", walk->second_id,
                  walk->first_id == NULL ? "blocks" : "changedblocks");
    if (walk->first_id != NULL)
        strbuf_printf(query, "firstSnapshotId=%s&", walk->first_id);
    strbuf_printf(query, "maxResults=%d", page_blocks);
    if (walk->token.length > 0) {
        strbuf_puts(query, "&pageToken=");
        sigv4_encode(strbuf_text(&walk->token), walk->token.length, query);
    } else if (walk->next_index > 0) {
        strbuf_printf(query, "&startingBlockIndex=%" PRIu64, walk->next_index);
    }
}

static enum error_code ask_page(struct client *client, const struct walk *walk, int page_blocks,
                                struct jval **root, struct error *err)
{
    CLEANUP_STRBUF struct strbuf path = {.max_bytes = MAX_REQUEST_BYTES};
    CLEANUP_STRBUF struct strbuf query = {.max_bytes = MAX_REQUEST_BYTES};
    build_listing(walk, page_blocks, &path, &query);
    TRY(strbuf_check(&path, err));
    TRY(strbuf_check(&query, err));
    const struct client_call call = {.service = ENDPOINT_EBS,
                                     .action = walk->first_id == NULL ? "ListSnapshotBlocks"
                                                                      : "ListChangedBlocks",
                                     .method = "GET",
                                     .path = strbuf_text(&path),
                                     .query = strbuf_text(&query)};
    return ask(client, &call, root, err);
}

static const struct jval *page_blocks(const struct walk *walk, const struct jval *root)
{
    return jval_get(root, walk->first_id == NULL ? "Blocks" : "ChangedBlocks");
}

static enum error_code read_index(const struct jval *block, uint64_t *index, struct error *err)
{
    int64_t value = 0;
    TRY(jval_int64(block, "BlockIndex", &value, err));
    if (value < 0)
        return error_set(err, ERR_PROTOCOL, "a block has a negative index");
    *index = (uint64_t)value;
    return ERR_NONE;
}

/* Heap; the indexes of one page. */
struct page {
    uint64_t *indexes;
    size_t count;
};

static void page_done(struct page *page)
{
    free(page->indexes);
}

static enum error_code read_page(struct walk *walk, const struct jval *blocks, struct page *page,
                                 struct error *err)
{
    size_t count = jval_count(blocks);
    page->indexes = calloc(count, sizeof(*page->indexes));
    if (page->indexes == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu block indexes", count);
    for (; page->count < count; page->count++) {
        uint64_t *index = &page->indexes[page->count];
        TRY(read_index(jval_at(blocks, page->count), index, err));
        if (*index < walk->next_index)
            return error_set(err, ERR_PROTOCOL, "block indexes do not ascend");
        walk->next_index = *index + 1;
    }
    return ERR_NONE;
}

/* A page may be empty and still have a successor; but it says of what size its blocks are, which
 * the page of something in between does not. */
static enum error_code take_page(struct walk *walk, const struct jval *root, struct error *err)
{
    const struct jval *blocks = page_blocks(walk, root);
    CLEANUP(page_done) struct page page = {0};
    if (blocks == NULL && jval_get(root, "BlockSize") == NULL)
        return error_set(err, ERR_PROTOCOL, "the answer is no list of blocks");
    if (jval_count(blocks) == 0)
        return ERR_NONE;
    TRY(read_page(walk, blocks, &page, err));
    return walk->sink->take(walk->sink->self, page.indexes, page.count, err);
}

static enum error_code walk_page(struct client *client, struct walk *walk, struct error *err)
{
    CLEANUP_JVAL struct jval *root = NULL;
    bool had_token = walk->token.length > 0;
    enum error_code code = ask_page(client, walk, PAGE_BLOCKS, &root, err);
    /* Page tokens live for an hour; the position does not. */
    if (code == ERR_INVALID && had_token && client_was_refused(client, "Validation")) {
        strbuf_clear(&walk->token);
        code = ask_page(client, walk, PAGE_BLOCKS, &root, err);
    }
    TRY(code);
    TRY(take_page(walk, root, err));
    return page_token_next(&walk->token, jval_text(root, "NextToken"), "the list of blocks", err);
}

enum error_code ebs_list_changed_blocks(struct client *client, const char *first_id,
                                        const char *second_id, const struct cloud_block_sink *sink,
                                        struct error *err)
{
    CLEANUP(walk_done)
    struct walk walk = {.first_id = first_id,
                        .second_id = second_id,
                        .sink = sink,
                        .token = {.max_bytes = MAX_REQUEST_BYTES}};
    int pages = 0;
    do {
        if (pages++ == MAX_PAGES)
            return error_set(err, ERR_PROTOCOL, "the list of blocks never ends");
        TRY(walk_page(client, &walk, err));
    } while (walk.token.length > 0);
    return ERR_NONE;
}

static enum error_code find_token(struct client *client, const char *snapshot_id, uint64_t index,
                                  struct strbuf *token, struct error *err)
{
    const struct walk walk = {.second_id = snapshot_id, .next_index = index};
    CLEANUP_JVAL struct jval *root = NULL;
    TRY(ask_page(client, &walk, SMALLEST_PAGE, &root, err));
    const struct jval *first =
        jval_count(page_blocks(&walk, root)) > 0 ? jval_at(page_blocks(&walk, root), 0) : NULL;
    uint64_t found = 0;
    if (first != NULL)
        TRY(read_index(first, &found, err));
    if (first == NULL || found != index) {
        return error_set(err, ERR_NOT_FOUND, "snapshot '%s' has no block %" PRIu64, snapshot_id,
                         index);
    }
    strbuf_puts(token, jval_text(first, "BlockToken"));
    return strbuf_check(token, err);
}

static enum error_code take_block(const struct http_response *response, uint64_t index,
                                  uint8_t block[CLOUD_BLOCK_BYTES], struct error *err)
{
    unsigned char digest[DIGEST_BYTES];
    char checksum[DIGEST_BASE64_SIZE];
    if (response->body.length != CLOUD_BLOCK_BYTES) {
        return error_set(err, ERR_TRANSIENT, "block %" PRIu64 " came with %zu bytes", index,
                         response->body.length);
    }
    TRY(digest_sha256(response->body.text, CLOUD_BLOCK_BYTES, digest, err));
    digest_base64(digest, checksum);
    if (strcmp(checksum, response->checksum) != 0) {
        return error_set(err, ERR_TRANSIENT, "block %" PRIu64 " does not match its checksum",
                         index);
    }
    memcpy(block, response->body.text, CLOUD_BLOCK_BYTES);
    return ERR_NONE;
}

enum error_code ebs_get_block(struct client *client, const char *snapshot_id, uint64_t index,
                              uint8_t block[CLOUD_BLOCK_BYTES], struct error *err)
{
    CLEANUP_STRBUF struct strbuf token = {.max_bytes = MAX_REQUEST_BYTES};
    TRY(find_token(client, snapshot_id, index, &token, err));
    CLEANUP_STRBUF struct strbuf path = {.max_bytes = MAX_REQUEST_BYTES};
    CLEANUP_STRBUF struct strbuf query = {.max_bytes = MAX_REQUEST_BYTES};
    strbuf_printf(&path, "/snapshots/%s/blocks/%" PRIu64, snapshot_id, index);
    strbuf_puts(&query, "blockToken=");
    sigv4_encode(strbuf_text(&token), token.length, &query);
    TRY(strbuf_check(&path, err));
    TRY(strbuf_check(&query, err));

    const struct client_call call = {.service = ENDPOINT_EBS,
                                     .action = "GetSnapshotBlock",
                                     .method = "GET",
                                     .path = strbuf_text(&path),
                                     .query = strbuf_text(&query),
                                     .timeout_ms = BLOCK_TIMEOUT_MS};
    CLEANUP_HTTP_RESPONSE struct http_response response = {.body.max_bytes = MAX_ANSWER_BYTES};
    TRY(client_send(client, &call, &response, err));
    return take_block(&response, index, block, err);
}
