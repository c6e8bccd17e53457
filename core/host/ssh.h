/* ssh.h: wire.h over one session of the system's ssh client.
 *
 * The client is started with an argument vector, never through a shell of ours; host keys, ports,
 * users and jump hosts are the business of ssh's own config. It never asks anything (BatchMode) and
 * notices a dead link by itself. */
#ifndef CORE_HOST_SSH_H
#define CORE_HOST_SSH_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/wire.h"
#include "model/error.h"
#include "model/strbuf.h"

/* Borrowed as long as the session lives. */
struct ssh_options {
    const char *destination; /* "host" or "user@host", or a name of ssh's config */
    const char *config_file; /* NULL or "": ssh's own */
    const char *command;     /* what runs there: words without quotes, "sudo -n /usr/..." */
};

/* Zero-initialise but for `options`. */
struct ssh {
    struct ssh_options options;
    pid_t pid; /* 0: no session */
    int to;
    int from;
    int told; /* what ssh itself has to say */
};

/* Refuses a destination or a command that ssh or the shell there could take for something else.
 * Errors: ERR_CONFIG. */
MUST_CHECK enum error_code ssh_check(const struct ssh_options *options, struct error *err);

/* The interface; borrows it. */
struct wire ssh_wire(struct ssh *ssh);

#endif
