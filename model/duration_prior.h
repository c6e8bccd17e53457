/* duration_prior.h: what is believed of a volume's transfers before the first of them is over.
 *
 * The shipped one is from reported EBS snapshots (33 to 56 MB/s for full ones, a floor of one to
 * five minutes); others come from the fits of other transfers. For duration_fit. */
#ifndef MODEL_DURATION_PRIOR_H
#define MODEL_DURATION_PRIOR_H

#include <stddef.h>

struct duration_fit;

/* Normal in the two logarithms. Plain data. */
struct duration_prior {
    double log_fixed_s; /* as in struct duration_fit */
    double log_s_per_mib;
    double scale_fixed; /* standard deviations */
    double scale_slope;
    double full_log_s_per_mib;
};

/* The shipped prior, from reported EBS snapshots. */
struct duration_prior duration_prior_shipped(void);

/* What transfers of the other kind tell; *prior if *sibling learned nothing. */
struct duration_prior duration_prior_of_sibling(const struct duration_fit *sibling,
                                                const struct duration_prior *prior);

/* The same for so many transfers of the same blocks, one after the other; 0 and 1 change nothing. */
struct duration_prior duration_prior_of_chain(struct duration_prior prior, int transfers);

/* What other volumes of the account tell of a new one: their mean, and their scatter where there
 * are enough of them. The shipped prior if none of the fits learned anything. */
struct duration_prior duration_prior_of_fleet(const struct duration_fit *fits, size_t count);

#endif
