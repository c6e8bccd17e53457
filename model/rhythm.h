/* rhythm.h: the daily and weekly rhythm of a rate, and its forecast.
 *
 * Works on sums of half hours. Real write rates have spiky jobs (backups, cron), so the rhythm is a
 * table by time of day, and by time of week after two weeks, not a curve. For write_rate. */
#ifndef MODEL_RHYTHM_H
#define MODEL_RHYTHM_H

#include <stddef.h>
#include <stdint.h>

/* Half hours of a day and of a week. */
#define RHYTHM_DAY_SLOTS  48
#define RHYTHM_WEEK_SLOTS 336

/* Forecasts what follows `past_count` half-hour sums (not negative; past[0] is half hour number
 * first_slot since the Unix epoch) into future[0..future_count): between "same time yesterday" and
 * the median of it, a rhythm of logarithms and one of plain means. With less than a day known, the recent
 * level goes on. */
void rhythm_forecast(const double *past, size_t past_count, int64_t first_slot, double *future,
                     size_t future_count);

/* Scale of the log error of forecast sums over six hours, from the last two days of `past` and what
 * other volumes showed. */
double rhythm_log_noise(const double *past, size_t past_count);

#endif
