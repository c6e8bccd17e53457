#include "tests/sim/fault.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/instant.h"

static const struct {
    char name[20];
    char words[40];
    char actions[20];
} rows[FAULT_COUNT] = {
#define FAULT_ROW(effect, name, words, actions) {name, words, actions},
    FAULT_TABLE(FAULT_ROW)
#undef FAULT_ROW
};

const char *fault_name(enum fault_effect effect)
{
    return rows[effect].name;
}

const char *fault_words(enum fault_effect effect)
{
    return rows[effect].words;
}

void fault_script_done(struct fault_script *script)
{
    free(script->items);
    *script = (struct fault_script){0};
}

/* ---- reading: each takes what it knows from the front of *at, or leaves it ---- */

static bool take(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0)
        return false;
    *at += length;
    return true;
}

static bool take_count(const char **at, int64_t *count)
{
    char *end;
    errno = 0;
    int64_t number = strtoll(*at, &end, 10);
    if (**at < '0' || **at > '9' || errno != 0 || number <= 0)
        return false;
    *count = number;
    *at = end;
    return true;
}

/* "3rd ": any of the endings will do. */
static bool take_ordinal(const char **at, int64_t *count)
{
    return take_count(at, count) &&
           (take(at, "st ") || take(at, "nd ") || take(at, "rd ") || take(at, "th "));
}

static bool take_word(const char **at, const char *ends, char *word, size_t size)
{
    size_t length = strcspn(*at, ends);
    if (length == 0 || length >= size)
        return false;
    memcpy(word, *at, length);
    word[length] = '\0';
    *at += length;
    return true;
}

static bool find_effect(const char *text, bool by_words, struct fault *fault)
{
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        fault->effect = (enum fault_effect)i;
        if (strcmp(text, by_words ? rows[i].words : rows[i].name) == 0)
            return true;
    }
    return false;
}

/* "EFFECT" or "EFFECT 90 % of calls". */
static bool read_effect(const char *at, struct fault *fault)
{
    char words[64];
    int64_t percent = 100;
    size_t length = strcspn(at, "%");
    if (at[length] == '%') {
        const char *rest = at + length;
        while (rest > at && rest[-1] == ' ')
            rest--;
        while (rest > at && rest[-1] >= '0' && rest[-1] <= '9')
            rest--;
        length = rest > at ? (size_t)(rest - at) - 1 : 0;
        if (!take_count(&rest, &percent) || percent > 100 || strcmp(rest, " % of calls") != 0)
            return false;
    }
    (void)snprintf(words, sizeof(words), "%.*s", (int)length, at);
    fault->percent = (int)percent;
    return find_effect(words, true, fault);
}

static bool read_sentence(const char *at, struct fault *fault)
{
    int64_t first = 1;
    int64_t last = 0;
    int64_t minutes = 0;
    bool once = take(&at, "at ");
    if ((!once && !take(&at, "from ")) || !take_ordinal(&at, &first))
        return false;
    last = once ? first : INT64_MAX;
    if (once && take(&at, "to ") && !take_ordinal(&at, &last))
        return false;
    if (!take_word(&at, " :", fault->action, sizeof(fault->action)) || last < first ||
        (!once && take(&at, " for ") && !(take_count(&at, &minutes) && take(&at, " minutes"))) ||
        !take(&at, ": "))
        return false;
    if (strcmp(fault->action, "call") == 0)
        fault->action[0] = '\0';
    fault->skip = first - 1;
    fault->left = last == INT64_MAX ? INT64_MAX : last - first + 1;
    fault->lasts_ms = minutes * MS_PER_MINUTE;
    return read_effect(at, fault);
}

static bool read_short(const char *at, struct fault *fault)
{
    char name[32];
    int64_t nth = 1;
    fault->left = 1;
    fault->percent = 100;
    if (!take_word(&at, ":@", name, sizeof(name)) || !find_effect(name, false, fault))
        return false;
    if (take(&at, ":") && !take_word(&at, "@x", fault->action, sizeof(fault->action)))
        return false;
    if (take(&at, "@") && !take_count(&at, &nth))
        return false;
    fault->skip = nth - 1;
    if (take(&at, "x*"))
        fault->left = INT64_MAX;
    else if (take(&at, "x") && !take_count(&at, &fault->left))
        return false;
    return *at == '\0';
}

static enum error_code arm_line(struct fault_script *script, const char *line, struct error *err)
{
    struct fault fault = {0};
    bool sentence = strncmp(line, "at ", 3) == 0 || strncmp(line, "from ", 5) == 0;
    if (strcmp(line, "none") == 0) {
        script->count = 0;
        return ERR_NONE;
    }
    if (!(sentence ? read_sentence(line, &fault) : read_short(line, &fault)))
        return error_set(err, ERR_INVALID, "no fault is written '%.200s'", line);
    struct fault *items = reallocarray(script->items, script->count + 1, sizeof(*items));
    assert(items != NULL);
    script->items = items;
    items[script->count++] = fault;
    return ERR_NONE;
}

enum error_code fault_script_arm(struct fault_script *script, const char *text, struct error *err)
{
    char line[256];
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        if (length >= sizeof(line))
            return error_set(err, ERR_INVALID, "a fault of %zu letters", length);
        memcpy(line, text, length);
        line[length] = '\0';
        if (length > 0)
            TRY(arm_line(script, line, err));
        text += length + (text[length] == '\n');
    }
    return ERR_NONE;
}

/* ---- striking ---- */

static bool matches(const struct fault *fault, const char *action)
{
    const char *actions = rows[fault->effect].actions;
    if (fault->action[0] != '\0')
        return strcmp(fault->action, action) == 0;
    return strncmp(action, actions, strlen(actions)) == 0;
}

static bool strikes(struct fault *fault, struct dice *dice, int64_t now_ms)
{
    if (fault->left == 0)
        return false;
    if (fault->skip > 0) {
        fault->skip--;
        return false;
    }
    if (fault->lasts_ms > 0 && fault->ends_ms == 0)
        fault->ends_ms = now_ms + fault->lasts_ms;
    if (fault->ends_ms > 0 && now_ms >= fault->ends_ms) {
        fault->left = 0;
        return false;
    }
    if (fault->percent < 100 && dice_uniform(dice) * 100 >= fault->percent)
        return false;
    fault->left -= fault->left < INT64_MAX;
    return true;
}

uint32_t fault_script_strike(struct fault_script *script, const char *action, int64_t now_ms)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < script->count; i++) {
        if (matches(&script->items[i], action) && strikes(&script->items[i], &script->dice, now_ms))
            bits |= FAULT_BIT(script->items[i].effect);
    }
    script->strikes += bits != 0;
    return bits;
}
