#include "core/aws/ec2_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/aws/ec2_parse.h"
#include "core/aws/ec2_query.h"
#include "core/aws/page_token.h"
#include "core/aws/xml.h"

#define PAGE_ITEMS      1000
#define MAX_TOKEN_BYTES 16384
#define MAX_PAGES       1000

/* One kind of list: its action, how to ask, what to do with a page, how to begin anew. */
struct listing {
    const char *action;
    const char *set_name;
    bool by_ids; /* EC2 refuses MaxResults together with ids */
    void (*ask)(const void *filter, struct form *form);
    enum error_code (*take)(const struct xml *xml, int set, void *list, struct error *err);
    void (*clear)(void *list);
    const void *filter;
    void *list;
};

static enum error_code read_page(struct client *client, const struct listing *listing,
                                 struct strbuf *token, struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, listing->action);
    listing->ask(listing->filter, &form);
    if (!listing->by_ids)
        form_add_int(&form, "MaxResults", PAGE_ITEMS);
    form_add_given(&form, "NextToken", strbuf_text(token));

    CLEANUP_XML struct xml xml = {0};
    TRY(form_send(client, &form, false, &xml, err));
    int set = xml_child(&xml, 0, listing->set_name);
    if (set == XML_NONE) {
        return error_set(err, ERR_PROTOCOL, "answer to %s has no '%s'", listing->action,
                         listing->set_name);
    }
    TRY(listing->take(&xml, set, listing->list, err));
    return page_token_next(token, xml_text(&xml, 0, "nextToken"), listing->action, err);
}

static enum error_code read_pages(struct client *client, const struct listing *listing,
                                  struct error *err)
{
    CLEANUP_STRBUF struct strbuf token = {.max_bytes = MAX_TOKEN_BYTES};
    int pages = 0;
    do {
        if (pages++ == MAX_PAGES)
            return error_set(err, ERR_PROTOCOL, "%s never ends", listing->action);
        TRY(read_page(client, listing, &token, err));
    } while (token.length > 0);
    return ERR_NONE;
}

/* Page tokens expire; a listing whose token has is begun anew, once. */
static enum error_code read_list(struct client *client, const struct listing *listing,
                                 struct error *err)
{
    enum error_code code = read_pages(client, listing, err);
    bool is_stale = code == ERR_INVALID && (client_was_refused(client, "InvalidPaginationToken") ||
                                            client_was_refused(client, "InvalidNextToken"));
    if (is_stale) {
        listing->clear(listing->list);
        code = read_pages(client, listing, err);
    }
    if (code != ERR_NONE)
        listing->clear(listing->list);
    return code;
}

static void ask_snapshots(const void *filter, struct form *form)
{
    const struct cloud_snapshot_filter *f = filter;
    for (size_t i = 0; i < f->id_count; i++)
        form_add_item(form, "SnapshotId", i + 1, f->ids[i]);
    if (f->ids == NULL)
        form_add_item(form, "Owner", 1, "self");
    if (f->volume_id != NULL)
        form_add_filter(form, "volume-id", f->volume_id);
    if (f->tag_key != NULL)
        form_add_tag_filter(form, f->tag_key, f->tag_value);
    if (f->pending)
        form_add_filter(form, "status", "pending");
}

static enum error_code take_snapshots(const struct xml *xml, int set, void *list, struct error *err)
{
    return ec2_parse_snapshots(xml, set, list, err);
}

static void clear_snapshots(void *list)
{
    cloud_snapshots_done(list);
}

static int by_id(const void *left, const void *right)
{
    const struct cloud_snapshot *const *a = left;
    const struct cloud_snapshot *const *b = right;
    int order = strcmp((*a)->id, (*b)->id);
    return order != 0 ? order : (*a > *b) - (*a < *b);
}

/* What came or went between two pages moves the others, and a page may tell again what the one before
 * told: the first telling counts. */
static enum error_code drop_repeated(struct cloud_snapshots *snapshots, struct error *err)
{
    struct cloud_snapshot **sorted = calloc(snapshots->count + 1, sizeof(*sorted));
    if (sorted == NULL) {
        cloud_snapshots_done(snapshots);
        return error_set(err, ERR_NO_MEMORY, "cannot sort a list of snapshots");
    }
    for (size_t i = 0; i < snapshots->count; i++)
        sorted[i] = &snapshots->items[i];
    qsort(sorted, snapshots->count, sizeof(struct cloud_snapshot *), by_id);
    for (size_t i = snapshots->count; i-- > 1;) {
        if (strcmp(sorted[i]->id, sorted[i - 1]->id) != 0)
            continue;
        cloud_tags_done(&sorted[i]->tags);
        sorted[i]->id[0] = '\0';
    }
    free(sorted);
    size_t kept = 0;
    for (size_t i = 0; i < snapshots->count; i++) {
        if (snapshots->items[i].id[0] != '\0')
            snapshots->items[kept++] = snapshots->items[i];
    }
    snapshots->count = kept;
    return ERR_NONE;
}

enum error_code ec2_list_snapshots(struct client *client,
                                   const struct cloud_snapshot_filter *filter,
                                   struct cloud_snapshots *snapshots, struct error *err)
{
    /* An empty list of ids would ask for every public snapshot there is. */
    if (filter->ids != NULL && filter->id_count == 0)
        return ERR_NONE;
    const struct listing listing = {.action = "DescribeSnapshots",
                                    .set_name = "snapshotSet",
                                    .by_ids = filter->ids != NULL,
                                    .ask = ask_snapshots,
                                    .take = take_snapshots,
                                    .clear = clear_snapshots,
                                    .filter = filter,
                                    .list = snapshots};
    TRY(read_list(client, &listing, err));
    TRY(drop_repeated(snapshots, err));
    if (snapshots->count < filter->id_count) {
        cloud_snapshots_done(snapshots);
        return error_set(err, ERR_NOT_FOUND, "one of %zu snapshots, '%s' the first, is not there",
                         filter->id_count, filter->ids[0]);
    }
    return ERR_NONE;
}

static void ask_volumes(const void *filter, struct form *form)
{
    const struct cloud_volume_filter *f = filter;
    for (size_t i = 0; i < f->id_count; i++)
        form_add_item(form, "VolumeId", i + 1, f->ids[i]);
    if (f->instance_id != NULL)
        form_add_filter(form, "attachment.instance-id", f->instance_id);
    if (f->tag_key != NULL)
        form_add_tag_filter(form, f->tag_key, f->tag_value);
}

static enum error_code take_volumes(const struct xml *xml, int set, void *list, struct error *err)
{
    return ec2_parse_volumes(xml, set, list, err);
}

static void clear_volumes(void *list)
{
    cloud_volumes_done(list);
}

enum error_code ec2_list_volumes(struct client *client, const struct cloud_volume_filter *filter,
                                 struct cloud_volumes *volumes, struct error *err)
{
    if (filter->ids != NULL && filter->id_count == 0)
        return ERR_NONE;
    const struct listing listing = {.action = "DescribeVolumes",
                                    .set_name = "volumeSet",
                                    .by_ids = filter->ids != NULL,
                                    .ask = ask_volumes,
                                    .take = take_volumes,
                                    .clear = clear_volumes,
                                    .filter = filter,
                                    .list = volumes};
    TRY(read_list(client, &listing, err));
    if (volumes->count < filter->id_count) {
        cloud_volumes_done(volumes);
        return error_set(err, ERR_NOT_FOUND, "one of %zu volumes, '%s' the first, is not there",
                         filter->id_count, filter->ids[0]);
    }
    return ERR_NONE;
}

enum error_code ec2_get_volume(struct client *client, const char *volume_id,
                               struct cloud_volume *volume, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    const char *const ids[] = {volume_id};
    const struct cloud_volume_filter filter = {.ids = ids, .id_count = 1};
    TRY(ec2_list_volumes(client, &filter, &volumes, err));
    *volume = volumes.items[0];
    volumes.items[0].tags = (struct cloud_tags){0};
    return ERR_NONE;
}

enum error_code ec2_get_instance(struct client *client, const char *instance_id,
                                 struct cloud_instance *instance, struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, "DescribeInstances");
    form_add_item(&form, "InstanceId", 1, instance_id);
    CLEANUP_XML struct xml xml = {0};
    TRY(form_send(client, &form, false, &xml, err));

    int reservation = xml_first(&xml, xml_child(&xml, 0, "reservationSet"));
    int item = xml_first(&xml, xml_child(&xml, reservation, "instancesSet"));
    if (item == XML_NONE)
        return error_set(err, ERR_NOT_FOUND, "no instance '%s'", instance_id);
    return ec2_parse_instance(&xml, item, instance, err);
}

enum error_code ec2_get_zones(struct client *client, char (*zones)[CLOUD_ZONE_SIZE], size_t room,
                              size_t *count, struct error *err)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, "DescribeAvailabilityZones");
    CLEANUP_XML struct xml xml = {0};
    TRY(form_send(client, &form, false, &xml, err));

    size_t found = 0;
    int item = xml_first(&xml, xml_child(&xml, 0, "availabilityZoneInfo"));
    for (; item != XML_NONE; item = xml_next(&xml, item)) {
        if (strcmp(xml_text(&xml, item, "zoneState"), "available") != 0)
            continue;
        if (found == room)
            return error_set(err, ERR_LIMIT, "the region has more than %zu zones", room);
        TRY(xml_copy(&xml, item, "zoneName", zones[found], CLOUD_ZONE_SIZE, err));
        found++;
    }
    *count = found;
    return ERR_NONE;
}
