/* output.h - the end of a program that prints. */
#ifndef TCPTALE_EXAMPLES_OUTPUT_H
#define TCPTALE_EXAMPLES_OUTPUT_H

/* Writes out what waits for standard output. Returns `status`, or says that it cannot be written
 * and returns 1 where the status was 0. */
int output_finish(const char *program, int status);

#endif
