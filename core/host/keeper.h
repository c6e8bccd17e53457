/* keeper.h: a conversation with ebshift-hold that lasts longer than one command.
 *
 * SSM runs commands, each a process of its own. The first one of a key leaves a process behind that
 * keeps the conversation (hold_answer.h) and hears the others through a socket on tmpfs, which only
 * root can reach. It ends with "bye", and after ten minutes without a word, and thaws then. */
#ifndef CORE_HOST_KEEPER_H
#define CORE_HOST_KEEPER_H

#include "model/error.h"
#include "model/strbuf.h"

#define KEEPER_DIR "/run/ebshift"

/* Passes one line on to the keeper of `key`, made if there is none, and appends its answer with a
 * newline. Errors: ERR_INVALID for a key that is not letters and digits; ERR_SYSTEM. */
MUST_CHECK enum error_code keeper_ask(const char *key, const char *line, struct strbuf *answer,
                                      struct error *err);

#endif
