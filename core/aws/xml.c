#include "core/aws/xml.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/xmlreader.h>

#include "model/instant.h"

#define MAX_DEPTH      32
#define MAX_NODES      2000000
#define MAX_TEXT_BYTES (64u << 20)

/* The path from the root to where the reader stands. */
struct cursor {
    xmlTextReader *reader;
    int open[MAX_DEPTH];
    size_t depth;
    struct strbuf value; /* text seen so far in the innermost element */
};

void xml_done(struct xml *xml)
{
    if (xml->texts.text != NULL)
        explicit_bzero(xml->texts.text, xml->texts.room);
    strbuf_done(&xml->texts);
    free(xml->nodes);
    *xml = (struct xml){0};
}

static void cursor_done(struct cursor *cursor)
{
    if (cursor->value.text != NULL)
        explicit_bzero(cursor->value.text, cursor->value.room);
    strbuf_done(&cursor->value);
    if (cursor->reader != NULL)
        xmlFreeTextReader(cursor->reader);
}

static size_t keep_text(struct xml *xml, const char *text)
{
    size_t at = xml->texts.length;
    strbuf_add(&xml->texts, text, strlen(text) + 1);
    return at;
}

static enum error_code grow(struct xml *xml, struct error *err)
{
    if (xml->count < xml->room)
        return ERR_NONE;
    if (xml->count >= MAX_NODES)
        return error_set(err, ERR_PROTOCOL, "XML has more than %d elements", MAX_NODES);
    size_t room = xml->room == 0 ? 64 : 2 * xml->room;
    struct xml_node *nodes = reallocarray(xml->nodes, room, sizeof(*nodes));
    if (nodes == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu XML elements", room);
    xml->nodes = nodes;
    xml->room = room;
    return ERR_NONE;
}

static void link_node(struct xml *xml, int parent, int node)
{
    struct xml_node *above = &xml->nodes[parent];
    if (above->first_child == XML_NONE) {
        above->first_child = node;
    } else {
        xml->nodes[above->last_child].next = node;
    }
    above->last_child = node;
}

static enum error_code open_element(struct xml *xml, struct cursor *cursor, const char *name,
                                    struct error *err)
{
    if (cursor->depth == MAX_DEPTH)
        return error_set(err, ERR_PROTOCOL, "XML is nested deeper than %d", MAX_DEPTH);
    TRY(grow(xml, err));
    int node = (int)xml->count++;
    xml->nodes[node] = (struct xml_node){.name_at = keep_text(xml, name),
                                         .next = XML_NONE,
                                         .first_child = XML_NONE,
                                         .last_child = XML_NONE};
    if (cursor->depth > 0)
        link_node(xml, cursor->open[cursor->depth - 1], node);
    cursor->open[cursor->depth++] = node;
    strbuf_clear(&cursor->value);
    return ERR_NONE;
}

static void close_element(struct xml *xml, struct cursor *cursor)
{
    if (cursor->depth == 0)
        return;
    int node = cursor->open[--cursor->depth];
    xml->nodes[node].text_at = keep_text(xml, strbuf_text(&cursor->value));
    strbuf_clear(&cursor->value);
}

static enum error_code take_element(struct xml *xml, struct cursor *cursor, struct error *err)
{
    const xmlChar *name = xmlTextReaderConstLocalName(cursor->reader);
    bool is_empty = xmlTextReaderIsEmptyElement(cursor->reader) == 1;
    TRY(open_element(xml, cursor, name == NULL ? "" : (const char *)name, err));
    if (is_empty)
        close_element(xml, cursor);
    return ERR_NONE;
}

static enum error_code take_step(struct xml *xml, struct cursor *cursor, struct error *err)
{
    const xmlChar *value = NULL;
    switch (xmlTextReaderNodeType(cursor->reader)) {
    case XML_READER_TYPE_ELEMENT:
        return take_element(xml, cursor, err);
    case XML_READER_TYPE_END_ELEMENT:
        close_element(xml, cursor);
        return ERR_NONE;
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
        value = xmlTextReaderConstValue(cursor->reader);
        strbuf_puts(&cursor->value, value == NULL ? "" : (const char *)value);
        return ERR_NONE;
    case XML_READER_TYPE_DOCUMENT_TYPE:
    case XML_READER_TYPE_ENTITY_REFERENCE:
        return error_set(err, ERR_PROTOCOL, "XML with a document type or entities is refused");
    default:
        return ERR_NONE;
    }
}

/* libxml2 prints its errors to stderr unless it is given somewhere else to put them. */
static void drop_message(void *self, const char *text, xmlParserSeverities severity,
                         xmlTextReaderLocatorPtr place)
{
    (void)self;
    (void)text;
    (void)severity;
    (void)place;
}

enum error_code xml_parse(struct xml *xml, const char *text, size_t length, struct error *err)
{
    xml->texts.max_bytes = MAX_TEXT_BYTES;
    CLEANUP(cursor_done) struct cursor cursor = {.value = {.max_bytes = MAX_TEXT_BYTES}};
    if (length > INT_MAX)
        return error_set(err, ERR_PROTOCOL, "XML of %zu bytes is too long", length);
    cursor.reader = xmlReaderForMemory(text, (int)length, NULL, NULL,
                                       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (cursor.reader == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot read XML");
    xmlTextReaderSetErrorHandler(cursor.reader, drop_message, NULL);

    int step = xmlTextReaderRead(cursor.reader);
    for (; step == 1; step = xmlTextReaderRead(cursor.reader))
        TRY(take_step(xml, &cursor, err));
    if (step != 0 || xml->count == 0)
        return error_set(err, ERR_PROTOCOL, "XML is not well-formed");
    TRY(strbuf_check(&cursor.value, err));
    return strbuf_check(&xml->texts, err);
}

const char *xml_name(const struct xml *xml, int node)
{
    return xml->texts.text + xml->nodes[node].name_at;
}

int xml_first(const struct xml *xml, int node)
{
    return node == XML_NONE || xml->count == 0 ? XML_NONE : xml->nodes[node].first_child;
}

int xml_next(const struct xml *xml, int node)
{
    return xml->nodes[node].next;
}

int xml_child(const struct xml *xml, int node, const char *name)
{
    int child = xml_first(xml, node);
    while (child != XML_NONE && strcmp(xml_name(xml, child), name) != 0)
        child = xml_next(xml, child);
    return child;
}

const char *xml_node_text(const struct xml *xml, int node)
{
    return node == XML_NONE ? "" : xml->texts.text + xml->nodes[node].text_at;
}

const char *xml_text(const struct xml *xml, int node, const char *name)
{
    return xml_node_text(xml, xml_child(xml, node, name));
}

enum error_code xml_copy(const struct xml *xml, int node, const char *name, char *text, size_t size,
                         struct error *err)
{
    const char *value = xml_text(xml, node, name);
    size_t length = strlen(value);
    if (length >= size) {
        return error_set(err, ERR_PROTOCOL, "element '%s' is longer than %zu bytes", name,
                         size - 1);
    }
    memcpy(text, value, length + 1);
    return ERR_NONE;
}

enum error_code xml_int64(const struct xml *xml, int node, const char *name, int64_t absent,
                          int64_t *value, struct error *err)
{
    const char *text = xml_text(xml, node, name);
    if (text[0] == '\0') {
        *value = absent;
        return ERR_NONE;
    }
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return error_set(err, ERR_PROTOCOL, "element '%s' is no number", name);
    *value = number;
    return ERR_NONE;
}

enum error_code xml_instant(const struct xml *xml, int node, const char *name, int64_t *instant_ms,
                            struct error *err)
{
    const char *text = xml_text(xml, node, name);
    if (text[0] == '\0') {
        *instant_ms = 0;
        return ERR_NONE;
    }
    struct error why = {0};
    if (instant_parse(text, instant_ms, &why) != ERR_NONE)
        return error_set(err, ERR_PROTOCOL, "element '%s' is no instant", name);
    return ERR_NONE;
}

bool xml_bool(const struct xml *xml, int node, const char *name)
{
    return strcmp(xml_text(xml, node, name), "true") == 0;
}
