/* ssm.h: wire.h over SSM's Run Command: each line is a command that the agent of an instance runs.
 *
 * The command is `command`, a key that tells our conversation from others, and the line, whose words
 * mean nothing to a shell (core/host/words.h); ebshift-hold keeps the conversation there between the
 * commands. One line takes seconds: whoever freezes must know that beforehand. */
#ifndef CORE_AWS_SSM_H
#define CORE_AWS_SSM_H

#include <stdbool.h>

#include "core/aws/client.h"
#include "core/wire.h"
#include "model/error.h"

enum { SSM_KEY_SIZE = 33 };

/* Zero-initialise but for the first group, which is borrowed. */
struct ssm {
    struct client *client;
    const char *instance_id;
    const char *command; /* checked by ssh_check()'s rule: it goes to a shell */

    char key[SSM_KEY_SIZE];
    bool talking; /* a line was sent, so that somebody there may wait for more */
};

/* The interface; borrows it. */
struct wire ssm_wire(struct ssm *ssm);

#endif
