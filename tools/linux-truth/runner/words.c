/* The words of the event language and what Linux calls them. */
#define _GNU_SOURCE
#include "words.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

const struct word process_verbs[] = {
  {"load", V_LOAD}, {"store", V_STORE}, {"modify", V_MODIFY}, {"fetch", V_FETCH}, {"mmap", V_MMAP},
  {"munmap", V_MUNMAP}, {"mprotect", V_MPROTECT}, {"mremap", V_MREMAP}, {"madvise", V_MADVISE}, {"brk", V_BRK},
  {"mlock", V_MLOCK},
  {"munlock", V_MUNLOCK}, {"msync", V_MSYNC}, {"mincore", V_MINCORE}, {"fork", V_FORK}, {"exit", V_EXIT},
  {"exec", V_EXEC}, {"signal", V_SIGNAL}, {"maps", V_MAPS}, {NULL, 0},
};

const struct word device_verbs[] = {{"load", V_DEVICE_LOAD}, {"store", V_DEVICE_STORE}, {NULL, 0}};

const struct word machine_verbs[] = {
  {"file", V_FILE}, {"truncate", V_TRUNCATE}, {"write", V_WRITE}, {"sync", V_SYNC}, {"attach", V_ATTACH},
  {"detach", V_DETACH}, {"reclaim", V_RECLAIM}, {"check", V_CHECK}, {NULL, 0},
};

const struct word mmap_flags[] = {
  {"private", MAP_PRIVATE}, {"shared", MAP_SHARED}, {"anonymous", MAP_ANONYMOUS}, {"fixed", MAP_FIXED},
  {"fixed_noreplace", MAP_FIXED_NOREPLACE}, {"populate", MAP_POPULATE}, {"growsdown", MAP_GROWSDOWN},
  {"noreserve", MAP_NORESERVE}, {"hugetlb", MAP_HUGETLB}, {"locked", MAP_LOCKED}, {"stack", MAP_STACK}, {NULL, 0},
};

const struct word mremap_flags[] = {
  {"maymove", MREMAP_MAYMOVE}, {"fixed", MREMAP_FIXED}, {"dontunmap", MREMAP_DONTUNMAP}, {NULL, 0},
};

const struct word msync_flags[] = {{"async", MS_ASYNC}, {"sync", MS_SYNC}, {"invalidate", MS_INVALIDATE}, {NULL, 0}};

const struct word advices[] = {
  {"dontneed", MADV_DONTNEED}, {"free", MADV_FREE}, {"remove", MADV_REMOVE}, {"willneed", MADV_WILLNEED},
  {"cold", MADV_COLD}, {"pageout", MADV_PAGEOUT}, {"hugepage", MADV_HUGEPAGE}, {"nohugepage", MADV_NOHUGEPAGE},
  {"collapse", MADV_COLLAPSE}, {"mergeable", MADV_MERGEABLE}, {"unmergeable", MADV_UNMERGEABLE},
  {"dontfork", MADV_DONTFORK}, {"dofork", MADV_DOFORK}, {"wipeonfork", MADV_WIPEONFORK},
  {"keeponfork", MADV_KEEPONFORK}, {"populate_read", MADV_POPULATE_READ}, {"populate_write", MADV_POPULATE_WRITE},
  {NULL, 0},
};

static const struct word errnos[] = {
  {"EPERM", EPERM}, {"ENOENT", ENOENT}, {"ESRCH", ESRCH}, {"EINTR", EINTR}, {"EIO", EIO}, {"ENXIO", ENXIO},
  {"EBADF", EBADF}, {"EAGAIN", EAGAIN}, {"ENOMEM", ENOMEM}, {"EACCES", EACCES}, {"EFAULT", EFAULT}, {"EBUSY", EBUSY},
  {"EEXIST", EEXIST}, {"ENODEV", ENODEV}, {"EINVAL", EINVAL}, {"ENFILE", ENFILE}, {"EMFILE", EMFILE},
  {"ETXTBSY", ETXTBSY}, {"EFBIG", EFBIG}, {"ENOSPC", ENOSPC}, {"ENOSYS", ENOSYS}, {"EOVERFLOW", EOVERFLOW},
  {"EOPNOTSUPP", EOPNOTSUPP}, {"EHWPOISON", EHWPOISON}, {NULL, 0},
};

const struct word *find_word(const struct word *table, const char *text) {
  for (; table->text != NULL; table++) {
    if (strcmp(table->text, text) == 0) return table;
  }
  return NULL;
}

static const char *name_of(const struct word *table, int value, const char *prefix, char *unknown, size_t size) {
  for (; table->text != NULL; table++) {
    if (table->value == value) return table->text;
  }
  snprintf(unknown, size, "%s%d", prefix, value);
  return unknown;
}

const char *errno_name(int number) {
  static char unknown[32];
  return name_of(errnos, number, "E", unknown, sizeof unknown);
}

const char *signal_name(int signal) {
  return signal == SIGBUS ? "SIGBUS" : "SIGSEGV";
}

const char *signal_code_name(int signal, int code) {
  static const struct word segv[] = {
    {"SEGV_MAPERR", SEGV_MAPERR}, {"SEGV_ACCERR", SEGV_ACCERR}, {"SEGV_BNDERR", 3}, {"SEGV_PKUERR", 4},
    {"SI_KERNEL", SI_KERNEL}, {NULL, 0},
  };
  static const struct word bus[] = {
    {"BUS_ADRALN", BUS_ADRALN}, {"BUS_ADRERR", BUS_ADRERR}, {"BUS_OBJERR", BUS_OBJERR}, {"BUS_MCEERR_AR", 4},
    {"BUS_MCEERR_AO", 5}, {"SI_KERNEL", SI_KERNEL}, {NULL, 0},
  };
  static char unknown[32];
  return name_of(signal == SIGBUS ? bus : segv, code, "CODE_", unknown, sizeof unknown);
}
