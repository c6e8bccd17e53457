/* xml.h: a small XML document read into memory, and typed getters.
 *
 * The only file that knows libxml2. Made for answers of EC2, STS and CloudWatch: namespaces and
 * attributes are ignored, element order does not matter, unknown elements are skipped by not asking
 * for them. Document types and entities are refused, and so is nesting deeper than 32. */
#ifndef CORE_AWS_XML_H
#define CORE_AWS_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/error.h"
#include "model/strbuf.h"

/* One element. Positions are indexes into the document, XML_NONE where there is nothing. */
struct xml_node {
    size_t name_at; /* into texts */
    size_t text_at; /* the text of an element without children; else what was between them */
    int next;       /* sibling */
    int first_child;
    int last_child;
};

#define XML_NONE (-1)

/* Zero-initialise; hand back with xml_done(). */
struct xml {
    struct xml_node *nodes; /* heap; nodes[0] is the root */
    size_t count;
    size_t room;
    struct strbuf texts; /* NUL-terminated names and values, one after the other */
};

/* Frees what *xml owns, after overwriting the texts: they may be credentials. */
void xml_done(struct xml *xml);
#define CLEANUP_XML CLEANUP(xml_done)

/* Reads a whole document. *xml must be empty; on failure it is left for xml_done().
 * Errors: ERR_PROTOCOL if it is not well-formed, too large, too deep, or uses a DTD or entities;
 * ERR_NO_MEMORY. */
MUST_CHECK enum error_code xml_parse(struct xml *xml, const char *text, size_t length,
                                     struct error *err);

/* The local name of a node; borrows. */
const char *xml_name(const struct xml *xml, int node);

/* The text of a node itself, "" for XML_NONE; borrows. */
const char *xml_node_text(const struct xml *xml, int node);

/* First child of that local name, XML_NONE if there is none or node is XML_NONE. */
int xml_child(const struct xml *xml, int node, const char *name);

/* First child of any name, and the next sibling of any name: to walk lists of <item> or
 * <member>. */
int xml_first(const struct xml *xml, int node);
int xml_next(const struct xml *xml, int node);

/* Text of the child of that name, "" if absent or empty; borrows until xml_done(). */
const char *xml_text(const struct xml *xml, int node, const char *name);

/* Copies the text of a child into a buffer of `size` bytes; empty if absent.
 * Errors: ERR_PROTOCOL if it does not fit: a cut id would name something else. */
MUST_CHECK enum error_code xml_copy(const struct xml *xml, int node, const char *name, char *text,
                                    size_t size, struct error *err);

/* A whole number of a child, `absent` if it is absent or empty.
 * Errors: ERR_PROTOCOL if it is no number. */
MUST_CHECK enum error_code xml_int64(const struct xml *xml, int node, const char *name,
                                     int64_t absent, int64_t *value, struct error *err);

/* An RFC 3339 instant of a child in Unix milliseconds, 0 if absent or empty.
 * Errors: ERR_PROTOCOL if it is no instant. */
MUST_CHECK enum error_code xml_instant(const struct xml *xml, int node, const char *name,
                                       int64_t *instant_ms, struct error *err);

/* Tells whether a child says "true". */
bool xml_bool(const struct xml *xml, int node, const char *name);

#endif
