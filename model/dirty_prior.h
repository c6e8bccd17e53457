/* dirty_prior.h: what is believed of a volume's changed blocks before its first pair of snapshots.
 *
 * The built-in one was learned from recorded block traces; what an account's own volumes tell is in
 * model/fleet.h. For dirty_fit. */
#ifndef MODEL_DIRTY_PRIOR_H
#define MODEL_DIRTY_PRIOR_H

/* Coefficients of log blocks: 1, log bytes (in blocks), log operations, log ticks, bend. */
#define DIRTY_TERMS 5

/* Coefficients are normal around the mean, with the squared noise times the covariance; the squared
 * noise is inverse gamma. Plain data. */
struct dirty_prior {
    double mean[DIRTY_TERMS];
    double covariance[DIRTY_TERMS][DIRTY_TERMS];
    double shape;
    double rate;
    double log_hour_ratio; /* blocks that an hour changes per block or operation written, log */
    double hour_scale;     /* standard deviation of that */
};

/* The built-in prior, from recorded block traces of PostgreSQL and other servers. */
struct dirty_prior dirty_prior_shipped(void);

#endif
