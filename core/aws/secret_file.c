#include "core/aws/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void secret_text_done(struct strbuf *text)
{
    if (text->text != NULL)
        explicit_bzero(text->text, text->room);
    strbuf_done(text);
}

static void close_file(const int *file)
{
    if (*file >= 0)
        (void)close(*file);
}

enum error_code secret_file_read(const char *path, struct strbuf *text, struct error *err)
{
    CLEANUP(close_file) const int file = open(path, O_RDONLY | O_CLOEXEC);
    char part[4096];
    ssize_t got = -1;
    /* All room at once: growing would leave copies behind. */
    strbuf_reserve(text, text->max_bytes);
    while (file >= 0 && (got = read(file, part, sizeof(part))) > 0)
        strbuf_add(text, part, (size_t)got);
    int why = errno;
    explicit_bzero(part, sizeof(part));
    if (got < 0)
        return error_set(err, ERR_SYSTEM, "cannot read '%s': %s", path, strerrordesc_np(why));
    if (strbuf_check(text, err) != ERR_NONE)
        return error_prefix(err, "'%s'", path);
    return ERR_NONE;
}
