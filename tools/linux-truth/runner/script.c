/*
 * Parses the event language, as far as a real process can do what it says:
 *
 *     ACTOR VERB [ARGUMENT...] [= VALUE] [-> NAME]      # comment
 *
 * Tasks (`@TASK`), verdicts and background work have no equivalent here and are refused.
 */
#define _GNU_SOURCE
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "words.h"

/* Far from where scripts work, and not where the kernel puts mappings of its own choice. */
static const uintptr_t SHARED_PLACE = 0x7d0000000000;
static const size_t SHARED_POOL = 64 << 20;

static const uint64_t LARGEST_NUMBER = (1ull << 53) - 1; /* what the language's other readers hold exactly */

struct reader {
  struct script *script;
  int line;
  char *start, *next; /* the line, and where the next word is looked for */
  char *at;           /* the word that was read last */
  char word[4 * MAX_WORD + 8];
};

void *shared_alloc(size_t size) {
  static uint8_t *next, *end;
  size = (size + 15) & ~(size_t)15;
  if (next == NULL || size > (size_t)(end - next)) {
    size_t pool = size > SHARED_POOL ? size : SHARED_POOL;
    void *place = next == NULL ? (void *)SHARED_PLACE : NULL;
    next = mmap(place, pool, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (next == MAP_FAILED) {
      perror("linux-truth: mmap");
      exit(3);
    }
    end = next + pool;
  }
  next += size;
  return next - size;
}

_Noreturn static void fail(struct reader *r, const char *expected) {
  fprintf(stderr, "%s:%d:%d: found %s%s%s, expected %s\n", r->script->name, r->line, (int)(r->at - r->start) + 1,
          *r->word ? "\"" : "", *r->word ? r->word : "the end of the line", *r->word ? "\"" : "", expected);
  exit(2);
}

/* Reads the next word into r->word; empty at the end of the line. */
static bool next_word(struct reader *r) {
  while (*r->next == ' ' || *r->next == '\t' || *r->next == '\r') r->next++;
  r->at = r->next;
  size_t length = *r->next == '#' ? 0 : strcspn(r->next, " \t\r");
  r->word[0] = '\0';
  if (length >= sizeof r->word) {
    if (strspn(r->next, "0123456789abcdefABCDEF") < length) fail(r, "a shorter word");
    length = sizeof r->word - 1; /* bytes are read from the line itself */
  }
  memcpy(r->word, r->next, length);
  r->word[length] = '\0';
  r->next += strcspn(r->next, " \t\r");
  return length > 0;
}

static void take(struct reader *r, const char *expected) {
  if (!next_word(r) || strcmp(r->word, "=") == 0 || strcmp(r->word, "->") == 0) fail(r, expected);
}

/* Whether an argument follows. */
static bool more(struct reader *r) {
  char *back = r->next;
  bool found = next_word(r) && strcmp(r->word, "=") != 0 && strcmp(r->word, "->") != 0;
  r->next = back;
  return found;
}

static void copy_name(struct reader *r, char *name, const char *expected) {
  if (strlen(r->word) >= MAX_WORD) fail(r, expected);
  strcpy(name, r->word);
}

static bool number(const char *text, uint64_t *value) {
  bool hex = strncmp(text, "0x", 2) == 0;
  const char *digits = hex ? text + 2 : text;
  size_t count = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
  if (count == 0 || count > 16) return false;
  char *end;
  *value = strtoull(digits, &end, hex ? 16 : 10);
  int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
  if (end[shift > 0] != '\0' || *value > LARGEST_NUMBER >> shift) return false;
  *value <<= shift;
  return true;
}

static uint64_t take_number(struct reader *r, const char *expected) {
  uint64_t value;
  take(r, expected);
  if (!number(r->word, &value)) fail(r, expected);
  return value;
}

static void take_operand(struct reader *r, struct operand *operand, const char *expected) {
  take(r, expected);
  operand->present = true;
  operand->named = r->word[0] == '$';
  if (!operand->named) {
    if (!number(r->word, &operand->value)) fail(r, expected);
    return;
  }
  size_t length = strcspn(r->word + 1, "+-");
  if (length == 0 || length >= MAX_WORD) fail(r, expected);
  memcpy(operand->name, r->word + 1, length);
  const char *sign = r->word + 1 + length;
  uint64_t offset = 0;
  if (*sign != '\0' && !number(sign + 1, &offset)) fail(r, expected);
  operand->offset = *sign == '-' ? -(int64_t)offset : (int64_t)offset;
}

static int take_list(struct reader *r, const struct word *table, const char *expected) {
  int flags = 0;
  take(r, expected);
  if (strcmp(r->word, "-") == 0) return 0;
  char *rest = NULL;
  for (char *item = strtok_r(r->word, ",", &rest); item != NULL; item = strtok_r(NULL, ",", &rest)) {
    const struct word *word = find_word(table, item);
    if (word == NULL) fail(r, expected);
    flags |= word->value;
  }
  return flags;
}

static int take_prot(struct reader *r) {
  const char *expected = "a protection (letters of rwx, or -)";
  take(r, expected);
  int prot = 0;
  for (const char *letter = r->word; *letter != '\0'; letter++) {
    if (*letter == 'r') prot |= PROT_READ;
    else if (*letter == 'w') prot |= PROT_WRITE;
    else if (*letter == 'x') prot |= PROT_EXEC;
    else if (*letter != '-') fail(r, expected);
  }
  return prot;
}

static int take_file(struct reader *r) {
  take(r, "the name of a file");
  struct script *script = r->script;
  for (int i = 0; i < script->file_count; i++) {
    if (strcmp(script->files[i], r->word) == 0) return i;
  }
  if (script->file_count == MAX_FILES) fail(r, "at most 64 files");
  copy_name(r, script->files[script->file_count], "a shorter name");
  return script->file_count++;
}

static void take_bytes(struct reader *r, struct event *event) {
  take(r, "bytes (an even number of hex digits)");
  size_t digits = strspn(r->at, "0123456789abcdefABCDEF");
  if (digits % 2 != 0 || r->at + digits != r->next) fail(r, "bytes (an even number of hex digits)");
  uint8_t *data = shared_alloc(digits / 2);
  for (size_t i = 0; i < digits / 2; i++) {
    char pair[3] = {r->at[2 * i], r->at[2 * i + 1], '\0'};
    data[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  event->data = data;
  event->length = digits / 2;
}

/* Bytes, or a size whose bytes are the pattern of the line. */
static void take_store(struct reader *r, struct event *event) {
  char *back = r->next;
  take(r, "bytes (an even number of hex digits) or a size");
  size_t length = (size_t)(r->next - r->at);
  bool bytes = length % 2 == 0 && strspn(r->at, "0123456789abcdefABCDEF") >= length;
  r->next = back;
  if (bytes) take_bytes(r, event);
  else event->length = take_number(r, "bytes (an even number of hex digits) or a size");
  if (event->length == 0 || event->length > MAX_ACCESS) fail(r, "an access of 1 byte to 1M");
}

static void take_range(struct reader *r, struct event *event) {
  take_operand(r, &event->address, "an address");
  event->length = take_number(r, "a length");
}

static void take_access(struct reader *r, struct event *event) {
  take_range(r, event);
  if (event->length == 0 || event->length > MAX_ACCESS) fail(r, "an access of 1 byte to 1M");
}

static void parse_process_event(struct reader *r, struct event *event) {
  switch (event->verb) {
    case V_LOAD: case V_MODIFY: case V_FETCH:
      take_access(r, event);
      break;
    case V_STORE:
      take_operand(r, &event->address, "an address");
      take_store(r, event);
      break;
    case V_MMAP:
      take_range(r, event);
      event->prot = take_prot(r);
      event->flags = take_list(r, mmap_flags, "mmap flags");
      if (!(event->flags & MAP_PRIVATE) == !(event->flags & MAP_SHARED)) fail(r, "either private or shared");
      if ((event->flags & MAP_ANONYMOUS) != 0) break;
      event->file = take_file(r);
      event->offset = take_number(r, "an offset");
      break;
    case V_MPROTECT:
      take_range(r, event);
      event->prot = take_prot(r);
      break;
    case V_MREMAP:
      take_operand(r, &event->address, "an address");
      event->length = take_number(r, "an old length");
      event->new_length = take_number(r, "a new length");
      event->flags = take_list(r, mremap_flags, "mremap flags");
      if ((event->flags & MREMAP_FIXED) != 0 || more(r)) take_operand(r, &event->target, "a new address");
      break;
    case V_MADVISE: {
      take_range(r, event);
      take(r, "an advice");
      const struct word *advice = find_word(advices, r->word);
      if (advice == NULL) fail(r, "an advice");
      event->flags = advice->value;
      break;
    }
    case V_MSYNC:
      take_range(r, event);
      event->flags = take_list(r, msync_flags, "msync flags");
      break;
    case V_BRK:
      take_operand(r, &event->address, "an address");
      break;
    case V_EXIT:
      if (more(r) && take_number(r, "an exit status from 0 to 255") > 255) fail(r, "an exit status from 0 to 255");
      break;
    case V_FORK: case V_EXEC: case V_SIGNAL: case V_MAPS:
      break;
    default:
      take_range(r, event);
  }
}

static void parse_attach(struct reader *r, struct event *event) {
  take(r, "a name for the device");
  copy_name(r, event->device, "a shorter name");
  take(r, "the plugin kvm");
  if (strcmp(r->word, "kvm") != 0) fail(r, "the plugin kvm");
  take(r, "a process");
  copy_name(r, event->who, "a process");
  if (more(r) && next_word(r) && strcmp(r->word, "{}") != 0) fail(r, "no options");
}

static void parse_machine_event(struct reader *r, struct event *event) {
  switch (event->verb) {
    case V_FILE:
      event->file = take_file(r);
      event->offset = take_number(r, "a length");
      if (more(r)) take_bytes(r, event);
      if (event->length > event->offset) fail(r, "no more bytes than the file has");
      break;
    case V_TRUNCATE:
      event->file = take_file(r);
      event->length = take_number(r, "a length");
      break;
    case V_WRITE:
      event->file = take_file(r);
      event->offset = take_number(r, "an offset");
      take_bytes(r, event);
      break;
    case V_SYNC:
      event->file = take_file(r);
      break;
    case V_ATTACH:
      parse_attach(r, event);
      break;
    case V_DETACH:
      take(r, "the name of a device");
      copy_name(r, event->device, "a shorter name");
      break;
    case V_RECLAIM:
      event->length = take_number(r, "a number of pages");
      break;
    default:
      break;
  }
}

static bool knows(const struct script *script, enum verb verb, const char *name) {
  for (size_t i = 0; i < script->count; i++) {
    const struct event *event = &script->events[i];
    if (event->verb != verb) continue;
    if (strcmp(verb == V_ATTACH ? event->device : event->binding, name) == 0) return true;
  }
  return false;
}

static void parse_actor(struct reader *r, struct event *event) {
  const char *expected = "a process (p1, p2, ...), machine or an attached device (no tasks and verdicts)";
  copy_name(r, event->who, expected);
  size_t digits = strspn(r->word + 1, "0123456789");
  bool process = r->word[0] == 'p' && digits > 0 && r->word[1] != '0' && r->word[1 + digits] == '\0';
  if (strcmp(r->word, "machine") == 0) event->actor = ACTOR_MACHINE;
  else if (knows(r->script, V_ATTACH, r->word)) event->actor = ACTOR_DEVICE;
  else if (process || knows(r->script, V_FORK, r->word)) event->actor = ACTOR_PROCESS;
  else fail(r, expected);
}

static void parse_verb(struct reader *r, struct event *event) {
  const struct word *verbs[] = {process_verbs, device_verbs, machine_verbs};
  const char *expected = "a verb that a real process, device or machine can be told";
  take(r, expected);
  const struct word *verb = find_word(verbs[event->actor], r->word);
  if (verb == NULL) fail(r, expected);
  event->verb = verb->value;
  if (event->actor == ACTOR_PROCESS) parse_process_event(r, event);
  else if (event->actor == ACTOR_MACHINE) parse_machine_event(r, event);
  else if (event->verb == V_DEVICE_LOAD) take_access(r, event);
  else {
    take_operand(r, &event->address, "an address");
    take_store(r, event);
  }
}

static void parse_line(struct reader *r) {
  struct script *script = r->script;
  if (!next_word(r)) return;
  struct event *event = &script->events[script->count];
  event->line = r->line;
  event->file = -1;
  parse_actor(r, event);
  parse_verb(r, event);
  bool found = next_word(r);
  if (found && strcmp(r->word, "=") == 0) {
    if (!next_word(r)) fail(r, "a recorded value");
    found = next_word(r);
  }
  if (found && strcmp(r->word, "->") == 0) {
    if (!next_word(r)) fail(r, "a name for the result");
    copy_name(r, event->binding, "a shorter name");
    found = next_word(r);
  }
  if (found) fail(r, "the end of the line, = VALUE or -> NAME");
  script->count++;
}

void parse_script(struct script *script, const char *name, const char *text) {
  size_t lines = 1;
  for (const char *at = text; *at != '\0'; at++) lines += *at == '\n';
  memset(script, 0, sizeof *script);
  script->name = name;
  script->events = shared_alloc(lines * sizeof *script->events);
  char *copy = strdup(text), *rest = copy;
  struct reader reader = {.script = script};
  while (rest != NULL) {
    reader.start = reader.next = strsep(&rest, "\n");
    reader.line++;
    parse_line(&reader);
  }
  free(copy);
}
