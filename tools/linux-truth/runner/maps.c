/*
 * What /proc/self/maps says about the mappings that the script made.
 *
 * What is mapped before the first event is the runner's own: it is left out of the answers, and an event that would
 * reach it ends the run, since the rest of the run could not be trusted.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run.h"

enum { MAX_OWN = 64 };

struct mapping {
  uint64_t start, end, offset;
  char prot[5];
  const char *name;
};

static struct { uint64_t start, end; } own[MAX_OWN];
static int own_count;
static char text[1 << 20];

static void own_range(uint64_t start, uint64_t end) {
  if (own_count == MAX_OWN) {
    fprintf(stderr, "linux-truth: more mappings of its own than expected\n");
    _exit(3);
  }
  own[own_count].start = start;
  own[own_count++].end = end;
}

static void read_maps(void) {
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  size_t length = 0;
  for (ssize_t got; (got = read(fd, text + length, sizeof text - 1 - length)) > 0;) length += (size_t)got;
  close(fd);
  text[length] = '\0';
}

/* Cuts the next line off `*rest`. */
static bool next_mapping(char **rest, struct mapping *m) {
  char *line = strsep(rest, "\n");
  if (line == NULL || *line == '\0') return false;
  char *at = line;
  m->start = strtoull(at, &at, 16);
  m->end = strtoull(at + 1, &at, 16);
  memcpy(m->prot, at + 1, 4);
  m->prot[4] = '\0';
  m->offset = strtoull(at + 6, &at, 16);
  /* The device and the inode; then the name, after blanks. */
  for (int field = 0; field < 2; field++) at += 1 + strcspn(at + 1, " ");
  m->name = at + strspn(at, " ");
  return true;
}

void note_own_memory(void) {
  struct mapping m;
  read_maps();
  char *rest = text;
  while (next_mapping(&rest, &m)) {
    bool stack = strcmp(m.name, "[stack]") == 0;
    own_range(m.start - (stack ? 8 << 20 : 0), m.end);
  }
  own_range(0x7e0000000000, 0x7e0000000000 + (1 << 30)); /* guest.c */
}

/* The script's part of a mapping: the kernel may have merged it with the runner's. */
static bool clip(struct mapping *m) {
  for (int i = 0; i < own_count; i++) {
    if (m->end <= own[i].start || own[i].end <= m->start) continue;
    if (m->start < own[i].start) m->end = own[i].start;
    else if (own[i].end < m->end) m->start = own[i].end;
    else return false;
  }
  return true;
}

bool own_memory(uint64_t start, uint64_t length) {
  for (int i = 0; i < own_count; i++) {
    if (start >= own[i].end || (start < own[i].start && own[i].start - start >= length)) continue;
    refuse("0x%lx + 0x%lx reaches memory of the runner itself, 0x%lx-0x%lx", start, length, own[i].start, own[i].end);
    return true;
  }
  return false;
}

int mapping_prot(uint64_t address) {
  struct mapping m;
  read_maps();
  char *rest = text;
  while (next_mapping(&rest, &m)) {
    if (address < m.start || address >= m.end) continue;
    return (m.prot[0] == 'r') * PROT_READ | (m.prot[1] == 'w') * PROT_WRITE | (m.prot[2] == 'x') * PROT_EXEC;
  }
  return -1;
}

/* `/memfd:NAME (deleted)` is the script's file NAME; everything else is anonymous memory. */
static void say_backing(const struct mapping *m) {
  static const char prefix[] = "/memfd:", suffix[] = " (deleted)";
  if (strncmp(m->name, prefix, strlen(prefix)) != 0) {
    say("\"offset\":\"0x0\",\"file\":null}");
    return;
  }
  const char *name = m->name + strlen(prefix);
  int length = (int)(strlen(name) - strlen(suffix));
  say("\"offset\":\"0x%lx\",\"file\":\"%.*s\"}", m->offset, length, name);
}

void say_maps(void) {
  struct mapping m;
  const char *separator = "";
  read_maps();
  char *rest = text;
  say("\"result\":[");
  while (next_mapping(&rest, &m)) {
    if (!clip(&m)) continue;
    say("%s{\"start\":\"0x%lx\",\"end\":\"0x%lx\",\"prot\":\"%.3s\",\"shared\":%s,", separator, m.start, m.end, m.prot,
        m.prot[3] == 's' ? "true" : "false");
    say_backing(&m);
    separator = ",";
  }
  say("]");
}
