/* A firmware in C that links wouldblock as a static library, without compiling any Rust.
 *
 * On a CPU whose flushes trap (`-cpu max,-clflush,-clflushopt,-clwb`) it sees each line that is
 * flushed. So it can simulate a power cut: only flushed lines survive. On any other CPU the flushes
 * are executed, and it checks only the content of the memory.
 */
#include "wouldblock.h"

/* The board: COM1, and the ports by which the firmware reports to QEMU. */

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

enum { COM1 = 0x3f8, TRANSMITTER_IS_EMPTY = 1 << 5, REPORT = 0xe8, EXIT = 0xf4 };
enum { SUCCESS = 0x10, FAILED = 0x11, EXCEPTION = 0x20 };

static void print(const char *text)
{
    for (; *text; ++text) {
        while (!(in8(COM1 + 5) & TRANSMITTER_IS_EMPTY)) {
        }
        out8(COM1, (uint8_t)*text);
    }
}

static void print_number(uint64_t number)
{
    char digits[21];
    char *first = digits + sizeof digits - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
    } while (number /= 10);
    print(first);
}

_Noreturn static void leave(uint32_t code)
{
    out32(EXIT, code);
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

/* A condition that does not hold ends the run. */
#define CHECK(holds) check(holds, #holds, __LINE__)

static void check(int holds, const char *what, int line)
{
    if (!holds) {
        print("does not hold: ");
        print(what);
        print(", line ");
        print_number((uint64_t)line);
        print("\n");
        leave(FAILED);
    }
}

/* `memory` is the memory that the library takes for persistent. `survives` is its content after a
 * power cut: a line is copied there when it is flushed. */

enum { LINE = 64, SIZE = 16384, MOST = 512 };

static _Alignas(LINE) unsigned char memory[SIZE];
static unsigned char survives[SIZE];
static uintptr_t trapped[MOST]; /* the addresses of the trapped flushes, in order */
static size_t traps;

static void copy(unsigned char *to, const unsigned char *from, size_t length)
{
    while (length--) {
        *to++ = *from++;
    }
}

static void cut_the_power(void)
{
    copy(memory, survives, SIZE);
}

/* Exceptions. */

struct frame { /* start.s pushes it in this order */
    uint64_t general[15], vector, error_code, rip, cs, rflags, rsp, ss;
};

static uint64_t register_of(const struct frame *frame, unsigned number)
{
    return number == 4 ? frame->rsp : frame->general[number < 4 ? number : number - 1];
}

/* If the instruction at `code` is a flush of the line at [register]: its length, and the register's
 * number in `number`. Otherwise 0. (SDM vol. 2, chapter 2.) */
static unsigned flush_at(const unsigned char *code, unsigned *number)
{
    const unsigned char *at = code;
    unsigned prefix = *at == 0x66, high = 0;
    at += prefix;
    if ((*at & 0xf0) == 0x40) {
        high = (*at++ & 1) << 3;
    }
    if (at[0] != 0x0f || at[1] != 0xae) {
        return 0;
    }
    unsigned modrm = at[2], operation = modrm >> 3 & 7, low = modrm & 7;
    at += 3;
    if (operation != 7 && !(prefix && operation == 6)) {
        return 0;
    }
    if (modrm >> 6 == 0 && low == 4 && *at == 0x24) {
        ++at; /* a SIB byte for rsp or r12 */
    } else if (modrm >> 6 == 1 && low != 4 && *at == 0) {
        ++at; /* a displacement of 0 */
    } else if (modrm >> 6 != 0 || low == 4 || low == 5) {
        return 0;
    }
    *number = low | high;
    return (unsigned)(at - code);
}

/* Called by start.s. Records and skips a flush instruction that this CPU does not have. */
void exception(struct frame *frame)
{
    unsigned number, length = 0;
    if (frame->vector == 6) {
        length = flush_at((const unsigned char *)frame->rip, &number);
    }
    if (length == 0) {
        print("exception at ");
        print_number(frame->rip);
        print("\n");
        leave(EXCEPTION + (uint32_t)frame->vector);
    }
    uintptr_t line = register_of(frame, number);
    if (traps < MOST) {
        trapped[traps] = line;
    }
    ++traps;
    size_t at = line - (uintptr_t)memory;
    if (at < SIZE) {
        copy(survives + at, memory + at, LINE);
    }
    frame->rip += length;
}

static void catch_exceptions(void)
{
    static struct {
        uint16_t low, segment, kind, middle;
        uint32_t high, reserved;
    } table[32];
    extern const char exception_entries[];
    for (unsigned n = 0; n < 32; ++n) {
        uint64_t entry = (uint64_t)(exception_entries + 16 * n);
        table[n].low = (uint16_t)entry;
        table[n].segment = 8;
        table[n].kind = 0x8e00; /* an interrupt gate, present */
        table[n].middle = (uint16_t)(entry >> 16);
        table[n].high = (uint32_t)(entry >> 32);
    }
    struct {
        uint16_t limit;
        void *base;
    } __attribute__((packed)) pointer = {sizeof table - 1, table};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

/* The checks. */

static int flushes_trap;

static void say_lines(const char *what, size_t lines)
{
    print(what);
    print(": ");
    print_number(lines);
    print(" lines, ");
    print_number(traps);
    print(" trapped\n");
    CHECK(traps == (flushes_trap ? lines : 0));
}

/* Checks that exactly these lines trapped, each once, in order. */
static void check_lines(const unsigned char *start, size_t length)
{
    uintptr_t first = (uintptr_t)start & ~(uintptr_t)(LINE - 1);
    uintptr_t last = (uintptr_t)(start + length - 1) & ~(uintptr_t)(LINE - 1);
    for (size_t n = 0; n < traps; ++n) {
        CHECK(trapped[n] == first + n * LINE && trapped[n] <= last);
    }
    CHECK(!flushes_trap || trapped[traps - 1] == last);
}

/* The asynchronous form: a long range in steps, with other work in between, and one end. */
static void batch_in_steps(const wb_cache *cache)
{
    wb_batch batch;
    size_t work = 0;
    traps = 0;
    CHECK(wb_batch_begin(&batch, cache) == WB_OK);
    CHECK(wb_batch_write_back(&batch, memory + 5, 200 * LINE) == WB_OK);
    while (wb_batch_step(&batch) == WB_WOULD_BLOCK) {
        ++work;
    }
    CHECK(work == (201 - 1) / WB_LINES_PER_STEP - 1 && wb_batch_issued(&batch) == 201);
    CHECK(wb_batch_wait(&batch) == WB_OK);
    say_lines("batch", 201);
    check_lines(memory + 5, 200 * LINE);
}

/* Persisted bytes survive a power cut; others do not. */
static void region(const wb_cache *cache)
{
    wb_region region;
    CHECK(wb_region_new(&region, memory, SIZE, cache, WB_DOMAIN_MEMORY_CONTROLLER) == WB_OK);
    CHECK(wb_region_zero_persist(&region, 0, SIZE) == WB_OK);
    traps = 0;
    memory[60] = memory[130] = 7;
    CHECK(wb_region_persist(&region, 60, 71) == WB_OK);
    say_lines("persist", 3);
    check_lines(memory + 60, 71);
    memory[4000] = 7;
    if (flushes_trap) {
        cut_the_power();
        CHECK(memory[4000] == 0);
    }
    CHECK(memory[60] == 7 && memory[130] == 7);
}

/* Every acknowledged record is in the log after a power cut, and appending continues after them. */
static void journal(const wb_cache *cache)
{
    static const char text[] = "a record of no great length";
    wb_region region;
    wb_log log;
    uint64_t last = 0;
    CHECK(wb_region_new(&region, memory, SIZE, cache, WB_DOMAIN_MEMORY_CONTROLLER) == WB_OK);
    CHECK(wb_log_create(&log, &region) == WB_OK);
    for (int n = 0; n < 100; ++n) {
        CHECK(wb_log_try_append(&log, text, sizeof text, &last) == WB_OK);
    }
    for (int n = 0; n < 100; ++n) {
        CHECK(wb_log_start_append(&log, text, sizeof text, &last) == WB_OK);
    }
    CHECK(wb_log_wait(&log) == WB_OK && last == 200);

    if (flushes_trap) {
        memory[SIZE - 1] = 7; /* not flushed */
        cut_the_power();
        CHECK(memory[SIZE - 1] == 0);
    }
    CHECK(wb_log_recover(&log, &region) == WB_OK);
    wb_record record = {0};
    uint64_t found = 0;
    while (wb_log_next(&log, &record) == WB_OK) {
        char read[sizeof text];
        size_t length;
        CHECK(wb_log_read(&log, &record, read, sizeof read, &length) == WB_OK);
        CHECK(length == sizeof text && record.sequence == ++found);
        for (size_t n = 0; n < length; ++n) {
            CHECK(read[n] == text[n]);
        }
    }
    print("log: 200 acknowledged, ");
    print_number(found);
    print(" recovered\n");
    CHECK(found == 200);

    while (wb_log_try_append(&log, text, sizeof text, &last) == WB_OK) {
    }
    CHECK(wb_log_try_append(&log, text, sizeof text, &last) == WB_WOULD_BLOCK);
    print("full with ");
    print_number(last);
    print("\n");
    CHECK(wb_log_clear(&log) == WB_OK);
    CHECK(wb_log_try_append(&log, text, sizeof text, &last) == WB_OK);
    CHECK(wb_log_end(&log) == WB_OK);
}

/* Called by start.s. */
_Noreturn void firmware(void)
{
    catch_exceptions();
    wb_cache cache;
    wb_status found = wb_cache_get(&cache);
    flushes_trap = found == WB_NO_FLUSH;
    if (flushes_trap) {
        /* Filled in by hand. `exception` handles the instructions that this CPU does not have. */
        cache = (wb_cache){.line = LINE,
                           .flush = WB_INSTRUCTION_CLFLUSHOPT,
                           .write_back = WB_INSTRUCTION_CLWB,
                           .clflush_is_weak = 1};
    } else {
        CHECK(found == WB_OK && cache.line == LINE);
    }
    print(flushes_trap ? "flushes trap\n" : "flushes are executed\n");
    batch_in_steps(&cache);
    region(&cache);
    journal(&cache);
    wb_wbinvd();
    wb_wbnoinvd();
    for (const char *line = "{\"type\":\"complete\"}\n"; *line; ++line) {
        out8(REPORT, (uint8_t)*line);
    }
    leave(SUCCESS);
}
