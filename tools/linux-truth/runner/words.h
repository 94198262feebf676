/* The words of the event language and what Linux calls them. */
#ifndef LINUX_TRUTH_WORDS_H
#define LINUX_TRUTH_WORDS_H

#include "script.h"

struct word {
  const char *text;
  int value;
};

/* Tables end with an entry without text. */
extern const struct word process_verbs[], device_verbs[], machine_verbs[];
extern const struct word mmap_flags[], mremap_flags[], msync_flags[], advices[];

/* The entry of `text`, or NULL. */
const struct word *find_word(const struct word *table, const char *text);

/* `ENOMEM`; `SEGV_MAPERR`; `SIGSEGV`. */
const char *errno_name(int number);
const char *signal_code_name(int signal, int code);
const char *signal_name(int signal);

#endif
