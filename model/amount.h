/* amount.h: bytes as text for people. */
#ifndef MODEL_AMOUNT_H
#define MODEL_AMOUNT_H

/* Fits any amount_text(). */
#define AMOUNT_TEXT_SIZE 24

/* Writes bytes with a binary unit and three figures at most: "512 KiB", "23.4 GiB", "2.2 TiB";
 * negative ones, which stand for "unknown", as "?". Returns `text`. */
const char *amount_text(double bytes, char text[AMOUNT_TEXT_SIZE]);

#endif
