/* far_ask.h: one question to another machine's ebshift-hold, and its answer as words.
 *
 * Between far.h and the wire; hold_answer.h lists the questions. */
#ifndef CORE_HOST_FAR_ASK_H
#define CORE_HOST_FAR_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "core/host/far.h"
#include "core/host/words.h"
#include "model/error.h"
#include "model/strbuf.h"

/* The first word of all may have to wait for a connection to be made. */
enum { FAR_ASK_MS = 30000 };

/* An answer; words[0] is its "ok", and they borrow from the text. */
struct far_reply {
    struct strbuf text;
    const char *words[WORDS_MAX];
    size_t count;
};
void far_reply_done(struct far_reply *reply);
#define CLEANUP_FAR_REPLY CLEANUP(far_reply_done)

/* An empty answer with room for any line. */
struct far_reply far_reply_new(void);

/* Asks without a greeting: nothing but this line may be under way inside a freeze.
 * Errors: ERR_QUIESCE if the machine cannot be asked or what answers is no ebshift-hold; else what it
 * answered, which names the machine. */
MUST_CHECK enum error_code far_say(struct far *far, const char *line, int64_t limit_ms,
                                   struct far_reply *reply, struct error *err);

/* Makes sure, once, that the other side speaks our version. Errors: as above. */
MUST_CHECK enum error_code far_greet(struct far *far, struct error *err);

/* Greets and asks. Errors: as above; ERR_LIMIT or ERR_NO_MEMORY if the line could not be made. */
MUST_CHECK enum error_code far_ask(struct far *far, const struct strbuf *line, int64_t limit_ms,
                                   struct far_reply *reply, struct error *err);

/* The same for a verb and one word or none (NULL) after it, and so many words in the answer after its
 * "ok". Errors: also ERR_QUIESCE for another number. */
MUST_CHECK enum error_code far_ask_words(struct far *far, const char *const question[2],
                                         size_t wanted, struct far_reply *reply, struct error *err);

/* Reads the seven numbers of what was held. Errors: ERR_QUIESCE. */
MUST_CHECK enum error_code far_reply_held(const struct far *far, const struct far_reply *reply,
                                          struct held *held, struct error *err);

#endif
