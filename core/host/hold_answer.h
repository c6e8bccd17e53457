/* hold_answer.h: what the program ebshift-hold answers, line by line, to an ebshift elsewhere.
 *
 * A question is a verb and its words (words.h); the answer is "ok" and words, or "no", the name of
 * an error (model/error.h) and its message:
 *
 *     hello                        -> ok VERSION                    HOLD_VERSION
 *     place BY_ID PATH             -> ok REAL MOUNT VOLUME...       as mounts.h finds them here
 *     server DIRECTORY             -> ok HEAD                       of its postmaster.pid
 *     thawed MOUNT...              -> ok                            refused if one is frozen
 *     prepare LIMIT_MS MOUNT...    -> ok                            nothing is frozen yet
 *     freeze                       -> ok
 *     thaw                         -> ok
 *     settle                       -> ok ALL_FROZEN FIRED STOLEN FLUSH_US FREEZE_US HELD_US THAW_US
 *
 * and what preflight asks beforehand, each as one function of survey.h:
 *
 *     facts                        -> ok KERNEL ARCHITECTURE GLIBC ICU POSTGRES
 *     now                          -> ok MS                         its clock, Unix milliseconds
 *     room DIRECTORY               -> ok FREE_BYTES USED_BYTES
 *     mounts MOUNT...              -> ok                            refused if one cannot be frozen
 *     filesystem MOUNT             -> ok NAME
 *     needs MOUNT                  -> ok MAJOR MINOR FEATURE UNKNOWN
 *     try NAME                     -> as settle                     on a scratch filesystem
 *
 * The end of the connection, for whatever reason, thaws; so does the watchdog at the limit, and when
 * this program dies. */
#ifndef CORE_HOST_HOLD_ANSWER_H
#define CORE_HOST_HOLD_ANSWER_H

#include <limits.h>

#include "core/host/hold.h"
#include "model/strbuf.h"

#define HOLD_VERSION "2"

/* After so long without a word nobody is there any more; far more than the limit of any freeze. */
enum { HOLD_IDLE_MS = 600000 };

/* One conversation. Zero-initialise; hand back with hold_talk_done(). */
struct hold_talk {
    struct hold hold;
    bool prepared;
    char paths[FREEZE_MOUNTS_MAX][PATH_MAX]; /* what hold borrows */
};

/* Answers one line, which is cut to pieces. Never fails: what goes wrong is the answer. */
void hold_talk_answer(struct hold_talk *talk, char *line, struct strbuf *answer);

/* Thaws what is still frozen. */
void hold_talk_done(struct hold_talk *talk);

#endif
