/* wrap.h: words that go on below themselves where a line is full. For help and findings. */
#ifndef CLI_WRAP_H
#define CLI_WRAP_H

#include <stdio.h>

/* Prints the words of `text` and a line's end. The first stands in column `at`; further lines begin
 * in column `indent`, counted from 0. */
void wrap_print(const char *text, int at, int indent, FILE *out);

#endif
