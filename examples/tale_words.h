/* tale_words.h - the vocabulary of the tale: for each thing that the library reports a short mark
 * for the reader who knows TCP, and a plain sentence for the one who does not. */
#ifndef TCPTALE_EXAMPLES_TALE_WORDS_H
#define TCPTALE_EXAMPLES_TALE_WORDS_H

#include <stdint.h>

#include "tale_print.h"

typedef struct tale_word {
  const char *mark;     /* "" where the thing is as ordinary as can be */
  const char *sentence; /* "" where there is nothing to explain */
  enum tale_weight weight;
} tale_word;

/* For any value of the family, also one that a newer library has; never NULL. */
tale_word tale_word_verdict(uint32_t verdict); /* TCPTALE_SEGMENT_ */
tale_word tale_word_anomaly(uint32_t code);    /* TCPTALE_ANOMALY_ */
tale_word tale_word_gap(uint32_t why);         /* TCPTALE_GAP_ */
tale_word tale_word_reset(uint32_t verdict);   /* TCPTALE_RESET_ */

/* Of a segment that comes after a reset; of all such, when the connection ends. */
tale_word tale_word_after_reset(void);
tale_word tale_word_lost_after_reset(void);

/* "by FIN on both sides" ...: how a connection ended, as half a sentence. */
const char *tale_word_close(uint32_t why);

#endif
