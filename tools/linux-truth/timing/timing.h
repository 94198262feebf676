/* What the two halves of the timing program share. */
#include <stddef.h>

enum { PAGE = 4096, TABLE = 2 << 20 };

void begin(void);
/* CPU nanoseconds since `begin`, for each of `count`. */
double end(size_t count);
_Noreturn void die(const char *what);

char *reserve(size_t bytes);
void write_pages(volatile char *area, size_t pages);
double drop(char *area, size_t bytes, size_t count);
void many_areas(size_t count, int touched);

double kvm_fault_present(void);
double kvm_fault_missing(void);
double kvm_drop_extra(void);
double kvm_register_1000(void);
double kvm_register_10000(void);
double kvm_register_60000(void);
