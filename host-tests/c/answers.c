/* Checks the status that every function returns for each mistake that a C program can make. Prints
 * the number of checks; exits with 1 if a status was not the documented one. */
#include "wouldblock.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int answers, wrong;

#define EXPECT(call, status) expect(#call, __LINE__, call, status)

static void expect(const char *call, int line, wb_status returned, wb_status expected)
{
    ++answers;
    if (returned != expected) {
        ++wrong;
        printf("line %d: %s answers %s, not %s\n", line, call, wb_status_name(returned),
               wb_status_name(expected));
    }
}

static void check(const char *what, int holds)
{
    ++answers;
    if (!holds) {
        ++wrong;
        printf("%s does not hold\n", what);
    }
}
#define CHECK(holds) check(#holds, holds)

static alignas(64) unsigned char memory[4096];
static alignas(64) unsigned char other[8192];
static wb_cache cache;

/* A pointer of this type that is not aligned for it. */
#define CROOKED(type) ((type *)(void *)(other + 1))

static void of_the_cache(void)
{
    EXPECT(wb_cache_get(NULL), WB_NULL);
    EXPECT(wb_cache_get(CROOKED(wb_cache)), WB_MISALIGNED);
    EXPECT(wb_cache_detect(NULL), WB_NULL);
    EXPECT(wb_cache_get(&cache), WB_OK);
    wb_cache again;
    EXPECT(wb_cache_detect(&again), WB_OK);
    CHECK(memcmp(&again, &cache, sizeof cache) == 0);
    CHECK(cache.line >= 32 && cache.flush >= WB_INSTRUCTION_CLFLUSH);

    wb_cache bad[] = {cache, cache, cache, cache, cache, cache, {0, 0, 0, 0, 0}};
    bad[0].line = 7;
    bad[1].line = 4;
    bad[2].line = 65536;
    bad[3].flush = (wb_instruction)4;
    bad[4].write_back = (wb_instruction)0;
    bad[5].extras = 16;
    for (unsigned n = 0; n < sizeof bad / sizeof *bad; ++n) {
        wb_batch batch;
        wb_region region;
        EXPECT(wb_flush_range(&bad[n], memory, 1), WB_INVALID);
        EXPECT(wb_zero(&bad[n], memory, 1), WB_INVALID);
        EXPECT(wb_batch_begin(&batch, &bad[n]), WB_INVALID);
        EXPECT(wb_region_new(&region, memory, 64, &bad[n], WB_DOMAIN_CACHES), WB_INVALID);
    }
}

static void of_ranges(void)
{
    wb_status (*const on_range[])(const wb_cache *, const void *, size_t) = {
        wb_flush_range, wb_write_back_range, wb_prefetch_for_writing, wb_demote};
    for (unsigned n = 0; n < sizeof on_range / sizeof *on_range; ++n) {
        EXPECT(on_range[n](NULL, memory, 1), WB_NULL);
        EXPECT(on_range[n](CROOKED(wb_cache), memory, 1), WB_MISALIGNED);
        EXPECT(on_range[n](&cache, NULL, 1), WB_NULL);
        EXPECT(on_range[n](&cache, NULL, 0), WB_OK);
        EXPECT(on_range[n](&cache, memory, SIZE_MAX), WB_OUT_OF_BOUNDS);
        EXPECT(on_range[n](&cache, (void *)(UINTPTR_MAX - 62), 64), WB_OUT_OF_BOUNDS);
        EXPECT(on_range[n](&cache, memory + 1, 300), WB_OK);
    }
    EXPECT(wb_zero(&cache, NULL, 1), WB_NULL);
    EXPECT(wb_zero(&cache, NULL, 0), WB_OK);
    memset(other, 7, 1000);
    EXPECT(wb_zero(&cache, other + 1, 500), WB_OK);
    CHECK(other[0] == 7 && other[1] == 0 && other[500] == 0 && other[501] == 7);
    wb_sfence();
    wb_lfence();
    wb_mfence();
}

static void of_the_batch(void)
{
    wb_batch batch = {0};
    EXPECT(wb_batch_flush(&batch, memory, 1), WB_NOT_BEGUN);
    EXPECT(wb_batch_step(&batch), WB_NOT_BEGUN);
    EXPECT(wb_batch_wait(&batch), WB_NOT_BEGUN);
    CHECK(wb_batch_issued(&batch) == 0 && wb_batch_issued(NULL) == 0);
    EXPECT(wb_batch_begin(NULL, &cache), WB_NULL);
    EXPECT(wb_batch_begin(&batch, NULL), WB_NULL);
    EXPECT(wb_batch_begin(CROOKED(wb_batch), &cache), WB_MISALIGNED);

    EXPECT(wb_batch_begin(&batch, &cache), WB_OK);
    EXPECT(wb_batch_flush(NULL, memory, 1), WB_NULL);
    EXPECT(wb_batch_flush(&batch, NULL, 1), WB_NULL);
    EXPECT(wb_batch_flush(&batch, NULL, 0), WB_OK);
    EXPECT(wb_batch_write_back(&batch, memory, SIZE_MAX), WB_OUT_OF_BOUNDS);
    CHECK(wb_batch_issued(&batch) == 0);
    EXPECT(wb_batch_flush(&batch, memory + cache.line - 1, 2), WB_OK);
    CHECK(wb_batch_issued(&batch) == 2);
    EXPECT(wb_batch_step(&batch), WB_OK);
    EXPECT(wb_batch_write_back(&batch, other, 70 * cache.line), WB_OK);
    CHECK(wb_batch_issued(&batch) == 2 + WB_LINES_PER_STEP);
    while (wb_batch_step(&batch) == WB_WOULD_BLOCK) {
    }
    CHECK(wb_batch_issued(&batch) == 72);
    EXPECT(wb_batch_flush(&batch, other, 100 * cache.line), WB_OK);
    EXPECT(wb_batch_order(&batch), WB_OK);
    EXPECT(wb_batch_order(&batch), WB_NOT_BEGUN);
    EXPECT(wb_batch_begin(&batch, &cache), WB_OK);
    EXPECT(wb_batch_flush(&batch, other, (2 * WB_LINES_PER_STEP + 1) * cache.line), WB_OK);
    EXPECT(wb_batch_step(&batch), WB_WOULD_BLOCK);
    EXPECT(wb_batch_step(&batch), WB_OK);
    EXPECT(wb_batch_wait_and_serialize(&batch), WB_OK);
    EXPECT(wb_batch_wait(&batch), WB_NOT_BEGUN);
}

static void of_the_region(void)
{
    wb_region region = {0};
    const wb_domain domain = WB_DOMAIN_MEMORY_CONTROLLER;
    EXPECT(wb_region_flush(&region, 0, 1), WB_INVALID);
    EXPECT(wb_region_drain(NULL), WB_NULL);
    EXPECT(wb_region_new(NULL, memory, 64, &cache, domain), WB_NULL);
    EXPECT(wb_region_new(&region, NULL, 64, &cache, domain), WB_NULL);
    EXPECT(wb_region_new(&region, NULL, 0, &cache, domain), WB_NULL);
    EXPECT(wb_region_new(&region, memory, 64, NULL, domain), WB_NULL);
    EXPECT(wb_region_new(&region, memory, 64, &cache, (wb_domain)0), WB_INVALID);
    EXPECT(wb_region_new(&region, memory, 64, &cache, (wb_domain)3), WB_INVALID);
    EXPECT(wb_region_new(&region, memory + 8, 64, &cache, domain), WB_MISALIGNED);
    EXPECT(wb_region_new(&region, memory, SIZE_MAX, &cache, domain), WB_OUT_OF_BOUNDS);
    CHECK(region.start == NULL);

    EXPECT(wb_region_new(&region, memory, 0, &cache, domain), WB_OK);
    EXPECT(wb_region_persist(&region, 0, 0), WB_OK);
    EXPECT(wb_region_persist(&region, 0, 1), WB_OUT_OF_BOUNDS);
    for (int n = 1; n <= 2; ++n) {
        EXPECT(wb_region_new(&region, memory, 2048, &cache, (wb_domain)n), WB_OK);
        EXPECT(wb_region_flush(&region, 2048, 0), WB_OK);
        EXPECT(wb_region_flush(&region, 2049, 0), WB_OUT_OF_BOUNDS);
        EXPECT(wb_region_persist(&region, 1, SIZE_MAX), WB_OUT_OF_BOUNDS);
        EXPECT(wb_region_zero_persist(&region, 2000, 49), WB_OUT_OF_BOUNDS);
        EXPECT(wb_region_copy(&region, 2000, other, 49), WB_OUT_OF_BOUNDS);
        EXPECT(wb_region_copy(&region, 0, NULL, 1), WB_NULL);
        EXPECT(wb_region_copy(&region, 0, NULL, 0), WB_OK);
        EXPECT(wb_region_copy(&region, 0, memory + 2047, 1), WB_OVERLAP);
        EXPECT(wb_region_copy_persist(&region, 0, memory + 1000, 8), WB_OVERLAP);
        EXPECT(wb_region_copy_persist(&region, 0, memory + 2048, 8), WB_OK);
        memset(other, 5, sizeof other);
        EXPECT(wb_region_copy_persist(&region, 3, other, 2000), WB_OK);
        region.non_temporal_from = SIZE_MAX;
        EXPECT(wb_region_copy_persist(&region, 2003, other, 40), WB_OK);
        CHECK(memory[2] == 0 && memcmp(memory + 3, other, 2040) == 0 && memory[2043] == 0);
        EXPECT(wb_region_zero_persist(&region, 3, 2040), WB_OK);
        EXPECT(wb_region_drain(&region), WB_OK);
        CHECK(memory[3] == 0 && memory[2042] == 0);
        region.domain = (wb_domain)9;
        EXPECT(wb_region_drain(&region), WB_INVALID);
    }
    /* Bytes that end where the region begins are outside of it. */
    EXPECT(wb_region_new(&region, memory + 1024, 1024, &cache, domain), WB_OK);
    EXPECT(wb_region_copy(&region, 100, memory + 1016, 8), WB_OK);
    EXPECT(wb_region_copy(&region, 100, memory + 1017, 8), WB_OVERLAP);
    EXPECT(wb_region_copy(&region, 100, memory + 1000, 2000), WB_OVERLAP);
}

/* Makes room once. If that were not enough, the append would never return. */
static void clear(wb_log *log, void *calls)
{
    if (++*(int *)calls > 1) {
        printf("clearing the log has made no room\n");
        exit(1);
    }
    EXPECT(wb_log_clear(log), WB_OK);
}

static void end(wb_log *log, void *calls)
{
    ++*(int *)calls;
    EXPECT(wb_log_end(log), WB_OK);
}

static void of_the_log(void)
{
    wb_region region;
    wb_log log = {0};
    wb_record record = {0};
    uint64_t sequence = 0;
    size_t length = 0;
    int calls = 0;
    char text[32];
    EXPECT(wb_region_new(&region, memory, 144, &cache, WB_DOMAIN_CACHES), WB_OK);
    EXPECT(wb_log_create(&log, &region), WB_TOO_SMALL);
    EXPECT(wb_log_recover(&log, &region), WB_TOO_SMALL);
    EXPECT(wb_log_check(&region), WB_TOO_SMALL);
    EXPECT(wb_log_check(NULL), WB_NULL);
    EXPECT(wb_log_room(&log, &length), WB_NOT_BEGUN);
    EXPECT(wb_region_new(&region, memory, 512, &cache, WB_DOMAIN_MEMORY_CONTROLLER), WB_OK);
    memset(memory, 0, 512);
    EXPECT(wb_log_recover(&log, &region), WB_NOT_A_LOG);
    EXPECT(wb_log_check(&region), WB_NOT_A_LOG);
    EXPECT(wb_log_create(NULL, &region), WB_NULL);
    EXPECT(wb_log_create(&log, NULL), WB_NULL);
    EXPECT(wb_log_create(CROOKED(wb_log), &region), WB_MISALIGNED);
    EXPECT(wb_log_try_append(&log, "a", 1, NULL), WB_NOT_BEGUN);
    EXPECT(wb_log_next(&log, &record), WB_NOT_BEGUN);
    EXPECT(wb_log_wait(&log), WB_NOT_BEGUN);

    EXPECT(wb_log_create(&log, &region), WB_OK);
    EXPECT(wb_log_check(&region), WB_OK);
    EXPECT(wb_log_room(&log, NULL), WB_NULL);
    EXPECT(wb_log_room(&log, CROOKED(size_t)), WB_MISALIGNED);
    EXPECT(wb_log_room(&log, &length), WB_OK);
    CHECK(length == 512 - 128 - 24);
    EXPECT(wb_log_next(&log, &record), WB_END);
    EXPECT(wb_log_next(&log, NULL), WB_NULL);
    EXPECT(wb_log_try_append(&log, NULL, 1, NULL), WB_NULL);
    EXPECT(wb_log_try_append(&log, "a", 1, CROOKED(uint64_t)), WB_MISALIGNED);
    EXPECT(wb_log_try_append(&log, memory + 511, 1, NULL), WB_OVERLAP);
    EXPECT(wb_log_try_append(&log, other, 512, NULL), WB_TOO_LONG);
    EXPECT(wb_log_try_append(&log, other, SIZE_MAX, NULL), WB_OUT_OF_BOUNDS);
    EXPECT(wb_log_next(&log, &record), WB_END);
    EXPECT(wb_log_try_append(&log, NULL, 0, &sequence), WB_OK);
    CHECK(sequence == 1);
    EXPECT(wb_log_start_append(&log, "two", 3, &sequence), WB_OK);
    CHECK(sequence == 2);
    EXPECT(wb_log_wait(&log), WB_OK);
    EXPECT(wb_log_append(&log, "three", 5, &sequence, NULL, NULL), WB_NULL);
    EXPECT(wb_log_append(&log, "three", 5, &sequence, clear, &calls), WB_OK);
    CHECK(sequence == 3 && calls == 0);

    EXPECT(wb_log_next(&log, &record), WB_OK);
    CHECK(record.sequence == 1 && record.length == 0);
    EXPECT(wb_log_next(&log, &record), WB_OK);
    CHECK(record.sequence == 2 && record.length == 3);
    EXPECT(wb_log_read(&log, &record, text, 2, &length), WB_OK);
    CHECK(length == 2 && memcmp(text, "tw", 2) == 0);
    EXPECT(wb_log_read(&log, &record, NULL, 0, &length), WB_OK);
    CHECK(length == 0);
    EXPECT(wb_log_read(&log, &record, NULL, 1, NULL), WB_NULL);
    EXPECT(wb_log_read(&log, NULL, text, 1, NULL), WB_NULL);
    EXPECT(wb_log_read(&log, &record, memory + 100, 1, NULL), WB_OVERLAP);
    EXPECT(wb_log_read(&log, &record, text, 1, CROOKED(size_t)), WB_MISALIGNED);
    wb_record foreign[] = {record, record, record, record, record, record, record};
    foreign[0].place = SIZE_MAX;
    foreign[1].length = 513;
    foreign[2].sequence = UINT64_MAX;
    foreign[3].place += 1;
    foreign[4].log ^= 1;
    foreign[5].epoch += 1;
    foreign[6].place = 0;
    for (unsigned n = 0; n < sizeof foreign / sizeof *foreign; ++n) {
        EXPECT(wb_log_read(&log, &foreign[n], text, sizeof text, NULL), WB_STALE);
        EXPECT(wb_log_next(&log, &foreign[n]), WB_STALE);
    }
    EXPECT(wb_log_next(&log, &record), WB_OK);
    EXPECT(wb_log_next(&log, &record), WB_END);
    CHECK(record.sequence == 3);

    while (wb_log_try_append(&log, other, 40, &sequence) == WB_OK) {
    }
    EXPECT(wb_log_try_append(&log, other, 40, NULL), WB_WOULD_BLOCK);
    EXPECT(wb_log_start_append(&log, other, 40, NULL), WB_WOULD_BLOCK);
    EXPECT(wb_log_append(&log, other, 40, NULL, clear, &calls), WB_OK);
    CHECK(calls == 1);
    EXPECT(wb_log_next(&log, &record), WB_STALE); /* the log was cleared since */
    EXPECT(wb_log_read(&log, &record, text, sizeof text, NULL), WB_STALE);
    EXPECT(wb_log_end(&log), WB_OK);
    EXPECT(wb_log_end(&log), WB_NOT_BEGUN);

    uint64_t last = sequence + 1;
    memset(&record, 0, sizeof record);
    EXPECT(wb_log_recover(&log, &region), WB_OK);
    EXPECT(wb_log_next(&log, &record), WB_OK);
    CHECK(record.sequence == last && record.length == 40);
    EXPECT(wb_log_next(&log, &record), WB_END);
    while (wb_log_try_append(&log, other, 40, NULL) == WB_OK) {
    }
    while (wb_log_room(&log, &length) == WB_OK) {
        CHECK(length < 40);
        EXPECT(wb_log_try_append(&log, other, length + 1, NULL), WB_WOULD_BLOCK);
        EXPECT(wb_log_try_append(&log, other, length, NULL), WB_OK);
    }
    EXPECT(wb_log_room(&log, &length), WB_WOULD_BLOCK);
    EXPECT(wb_log_append(&log, other, 40, NULL, end, &calls), WB_NOT_BEGUN);
    CHECK(calls == 2);
}

/* A log that is opened for reading only: opening stores nothing, and no function can change it. */
static void of_reading(void)
{
    wb_region region;
    wb_log log;
    wb_record record = {0};
    size_t length = 0;
    int calls = 0;
    char text[32];
    EXPECT(wb_region_new(&region, memory, 512, &cache, WB_DOMAIN_MEMORY_CONTROLLER), WB_OK);
    memset(memory, 0, 512);
    EXPECT(wb_log_open_read_only(&log, &region), WB_NOT_A_LOG);
    EXPECT(wb_log_open_read_only(NULL, &region), WB_NULL);
    EXPECT(wb_log_create(&log, &region), WB_OK);
    EXPECT(wb_log_try_append(&log, "one", 3, NULL), WB_OK);
    EXPECT(wb_log_end(&log), WB_OK);
    memcpy(other, memory, 512);

    EXPECT(wb_log_open_read_only(&log, &region), WB_OK);
    EXPECT(wb_log_next(&log, &record), WB_OK);
    EXPECT(wb_log_read(&log, &record, text, sizeof text, &length), WB_OK);
    CHECK(length == 3 && memcmp(text, "one", 3) == 0);
    EXPECT(wb_log_next(&log, &record), WB_END);
    EXPECT(wb_log_room(&log, &length), WB_OK);
    CHECK(length == 512 - 128 - 32 - 24);
    EXPECT(wb_log_try_append(&log, "two", 3, NULL), WB_READ_ONLY);
    EXPECT(wb_log_start_append(&log, "two", 3, NULL), WB_READ_ONLY);
    EXPECT(wb_log_append(&log, "two", 3, NULL, clear, &calls), WB_READ_ONLY);
    EXPECT(wb_log_clear(&log), WB_READ_ONLY);
    EXPECT(wb_log_wait(&log), WB_READ_ONLY);
    EXPECT(wb_log_end(&log), WB_OK);
    EXPECT(wb_log_end(&log), WB_NOT_BEGUN);
    CHECK(calls == 0 && memcmp(memory, other, 512) == 0);

    /* A log opens only in a region of its own length. */
    EXPECT(wb_region_new(&region, memory, 448, &cache, WB_DOMAIN_CACHES), WB_OK);
    EXPECT(wb_log_check(&region), WB_OTHER_LENGTH);
    EXPECT(wb_log_recover(&log, &region), WB_OTHER_LENGTH);
    EXPECT(wb_log_open_read_only(&log, &region), WB_OTHER_LENGTH);
    EXPECT(wb_region_new(&region, memory, 512, &cache, WB_DOMAIN_CACHES), WB_OK);

    /* One copy of the header is enough. If both are damaged, the log is reported as damaged, not as
     * absent. */
    for (unsigned byte = 0; byte < 128; ++byte) {
        memcpy(memory, other, 512);
        memory[byte] ^= 0x10;
        EXPECT(wb_log_check(&region), WB_OK);
        EXPECT(wb_log_recover(&log, &region), WB_OK);
        EXPECT(wb_log_end(&log), WB_OK);
        memory[byte] ^= 0x10; /* recovery has repaired it */
        memory[(byte + 64) % 128] ^= 0x10;
        EXPECT(wb_log_check(&region), WB_DAMAGED);
        EXPECT(wb_log_recover(&log, &region), WB_DAMAGED);
        EXPECT(wb_log_open_read_only(&log, &region), WB_DAMAGED);
    }
    memset(memory, 1, 128);
    memcpy(memory, "wblog\0\0\1", 8); /* the previous format */
    EXPECT(wb_log_check(&region), WB_OTHER_VERSION);
    EXPECT(wb_log_recover(&log, &region), WB_OTHER_VERSION);
}

/* Structs, results and payloads that overlap and must not. */
static void of_overlaps(void)
{
    const wb_domain domain = WB_DOMAIN_MEMORY_CONTROLLER;
    wb_region region;
    wb_record record = {0};
    union { /* a log, and what overlaps with it */
        wb_log log;
        wb_region region;
        unsigned char bytes[sizeof(wb_log)];
        uint64_t number;
        wb_record record;
    } both = {{0}};
    wb_log *log = &both.log;
    char text[8];
    size_t length;

    /* The struct of a region inside the region's memory: at its beginning, and at its end. */
    wb_region *inside = (wb_region *)(void *)memory;
    EXPECT(wb_region_new(inside, memory, 512, &cache, domain), WB_OVERLAP);
    EXPECT(wb_region_new((wb_region *)(void *)(memory + 504), memory, 512, &cache, domain),
           WB_OVERLAP);
    wb_region *beside = (wb_region *)(void *)(memory + 512);
    EXPECT(wb_region_new(beside, memory, 512, &cache, domain), WB_OK);
    EXPECT(wb_region_drain(beside), WB_OK);
    memcpy(inside, beside, sizeof *inside);
    EXPECT(wb_region_zero_persist(inside, 0, 512), WB_OVERLAP);
    EXPECT(wb_region_copy(inside, 0, "text", 4), WB_OVERLAP);
    EXPECT(wb_region_flush(inside, 0, 1), WB_OVERLAP);
    EXPECT(wb_region_drain(inside), WB_OVERLAP);
    EXPECT(wb_log_check(inside), WB_OVERLAP);
    EXPECT(wb_log_create(log, inside), WB_OVERLAP);

    EXPECT(wb_region_new(&region, memory, 512, &cache, domain), WB_OK);
    EXPECT(wb_log_create((wb_log *)(void *)memory, &region), WB_OVERLAP);
    EXPECT(wb_log_recover((wb_log *)(void *)(memory + 504), &region), WB_OVERLAP);
    both.region = region;
    EXPECT(wb_log_create(log, &both.region), WB_OVERLAP);
    EXPECT(wb_log_create((wb_log *)(void *)(memory + 512), &region), WB_OK);

    EXPECT(wb_log_create(log, &region), WB_OK);
    uint64_t *number = (uint64_t *)(void *)(memory + 504);
    EXPECT(wb_log_try_append(log, "one", 3, number), WB_OVERLAP);
    EXPECT(wb_log_try_append(log, "one", 3, number + 1), WB_OK);
    EXPECT(wb_log_start_append(log, "one", 3, &both.number), WB_OVERLAP);
    EXPECT(wb_log_try_append(log, both.bytes + sizeof both - 1, 1, NULL), WB_OVERLAP);
    EXPECT(wb_log_room(log, (size_t *)(void *)number), WB_OVERLAP);
    EXPECT(wb_log_room(log, (size_t *)(void *)both.bytes), WB_OVERLAP);
    EXPECT(wb_log_next(log, (wb_record *)(void *)memory), WB_OVERLAP);
    EXPECT(wb_log_next(log, &both.record), WB_OVERLAP);
    EXPECT(wb_log_next(log, &record), WB_OK);
    EXPECT(wb_log_read(log, &record, log, 1, NULL), WB_OVERLAP);
    EXPECT(wb_log_read(log, &record, &record, 1, NULL), WB_OVERLAP);
    EXPECT(wb_log_read(log, &record, text, 1, (size_t *)(void *)number), WB_OVERLAP);
    EXPECT(wb_log_read(log, &record, text, 1, (size_t *)(void *)both.bytes), WB_OVERLAP);
    EXPECT(wb_log_read(log, &record, text, 1, (size_t *)(void *)&record.sequence), WB_OVERLAP);
    EXPECT(wb_log_read(log, &record, &length, sizeof length, &length), WB_OVERLAP);
    /* None of these calls has changed anything. */
    EXPECT(wb_log_read(log, &record, text, sizeof text, &length), WB_OK);
    CHECK(record.sequence == 1 && length == 3 && memcmp(text, "one", 3) == 0);
    EXPECT(wb_log_next(log, &record), WB_END);
    EXPECT(wb_log_end(log), WB_OK);
}

static void of_names(void)
{
#define IS_NAMED(status) CHECK(strcmp(wb_status_name(status), #status) == 0)
    IS_NAMED(WB_OK);
    IS_NAMED(WB_WOULD_BLOCK);
    IS_NAMED(WB_END);
    IS_NAMED(WB_NULL);
    IS_NAMED(WB_MISALIGNED);
    IS_NAMED(WB_INVALID);
    IS_NAMED(WB_NOT_BEGUN);
    IS_NAMED(WB_NO_FLUSH);
    IS_NAMED(WB_OUT_OF_BOUNDS);
    IS_NAMED(WB_OVERLAP);
    IS_NAMED(WB_TOO_SMALL);
    IS_NAMED(WB_NOT_A_LOG);
    IS_NAMED(WB_EXHAUSTED);
    IS_NAMED(WB_TOO_LONG);
    IS_NAMED(WB_DAMAGED);
    IS_NAMED(WB_OTHER_VERSION);
    IS_NAMED(WB_OTHER_LENGTH);
    IS_NAMED(WB_STALE);
    IS_NAMED(WB_READ_ONLY);
    CHECK(strcmp(wb_status_name((wb_status)(WB_READ_ONLY + 1)), "?") == 0);
    CHECK(strcmp(wb_status_name((wb_status)-1), "?") == 0);
}

int main(void)
{
    of_the_cache();
    of_ranges();
    of_the_batch();
    of_the_region();
    of_the_log();
    of_reading();
    of_overlaps();
    of_names();
    printf("%d answers, %d wrong\n", answers, wrong);
    return wrong != 0;
}
