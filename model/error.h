/* error.h: the failure vocabulary of the whole program.
 *
 * One convention: a function that can fail returns `enum error_code` and fills a caller-owned
 * `struct error`; its outputs stay untouched. The remedy of a code is looked up by the command
 * line, so a message says only what failed. */
#ifndef MODEL_ERROR_H
#define MODEL_ERROR_H

#define MUST_CHECK                  __attribute__((warn_unused_result))
#define CLEANUP(function)           __attribute__((cleanup(function)))
#define PRINTF_LIKE(text, argument) __attribute__((format(printf, text, argument)))

/* Every way to fail, one row each: code, name in JSON output. */
#define ERROR_TABLE(ROW)                                                                           \
    ROW(ERR_NONE, "none")                                                                          \
    ROW(ERR_INVALID, "invalid")     /* an argument or input that can never work */                 \
    ROW(ERR_CONFIG, "config")       /* the config file or the command line */                      \
    ROW(ERR_NOT_FOUND, "not-found") /* the thing asked for does not exist */                       \
    ROW(ERR_NO_RUN, "no-run")       /* the store has no such run */                                \
    ROW(ERR_NO_MEMORY, "no-memory")                                                                \
    ROW(ERR_SYSTEM, "system")           /* the operating system refused */                         \
    ROW(ERR_TIMEOUT, "timeout")         /* a deadline passed */                                    \
    ROW(ERR_INTERRUPTED, "interrupted") /* the operator or the system asked us to stop */          \
    ROW(ERR_LOCKED, "locked")           /* another run holds the lease */                          \
    ROW(ERR_STATE, "state")             /* not possible in the present state */                    \
    ROW(ERR_STORE, "store")             /* the store failed */                                     \
    ROW(ERR_UNREACHABLE, "unreachable") /* no connection; nothing was sent */                      \
    ROW(ERR_TRANSIENT, "transient")     /* the service failed for now; may be sent again */        \
    ROW(ERR_THROTTLED, "throttled")     /* too many requests; send again later */                  \
    ROW(ERR_LIMIT, "limit")             /* a quota is full; wait for a free place */               \
    ROW(ERR_AMBIGUOUS, "ambiguous")     /* sent, no answer: the effect may have happened */        \
    ROW(ERR_ACCESS, "access")           /* credentials wrong, expired or without the right */      \
    ROW(ERR_CLOUD, "cloud")             /* the service refused for good */                         \
    ROW(ERR_ASKED, "asked")             /* it would be done, but was only asked about */           \
    ROW(ERR_PROTOCOL, "protocol")       /* an answer that cannot be understood */                  \
    ROW(ERR_POSTGRES, "postgres")       /* the database refused or failed */                       \
    ROW(ERR_QUIESCE, "quiesce")         /* freezing failed; everything is thawed */                \
    ROW(ERR_NOT_THAWED, "not-thawed")   /* a filesystem may still be frozen */                     \
    ROW(ERR_NO_GO, "no-go")             /* a check of preflight says no */                         \
    ROW(ERR_NO_CONVERGENCE, "no-convergence") /* no series of snapshots meets the limit */         \
    ROW(ERR_DEADLINE, "deadline")             /* the window would be, or was, missed */

enum error_code {
#define ERROR_ENUM(code, name) code,
    ERROR_TABLE(ERROR_ENUM)
#undef ERROR_ENUM
};

/* Caller-owned and free of heap, so that reporting "out of memory" cannot itself fail. */
struct error {
    enum error_code code;
    char message[400]; /* one line, lower case, no full stop, subjects in single quotes */
};

/* Fills *err (which may be NULL) and returns `code`, which makes `return error_set(...)` one
 * statement. A message longer than the buffer is cut. */
enum error_code error_set(struct error *err, enum error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);
#ifdef __clang_analyzer__
/* The analyzer looks into one file at a time and would take an error for a success.
 * NOLINTNEXTLINE(readability-identifier-naming): it stands for the function */
#    define error_set(err, code, ...) ((void)(error_set)(err, code, __VA_ARGS__), (code))
#endif

/* Puts "context: " before the message of *err and returns its code. */
enum error_code error_prefix(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The name of a code as JSON output shows it, for example "not-found". */
const char *error_name(enum error_code code);

/* Passes a failure up unchanged. Leak-free only because owned locals carry CLEANUP(). */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum error_code try_code = (call);                                                         \
        if (try_code != ERR_NONE)                                                                  \
            return try_code;                                                                       \
    } while (0)

#endif
