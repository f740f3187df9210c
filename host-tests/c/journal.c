/* A journal in a file: appends each TEXT as a record, then prints all records.
 *
 *     journal FILE TEXT...
 *
 * The first 64 bytes of the file count the runs; the rest is an append-only log. An acknowledged
 * record survives a crash at any moment if the file is on persistent memory and mapped with
 * MAP_SYNC. Ordinary file systems do not support MAP_SYNC, so this program does not use it.
 */
#define _POSIX_C_SOURCE 200809L
#include "wouldblock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_SIZE 4096
#define LOG_AT 64

/* Ends the program if a call failed. */
static void must(const char *what, wb_status status)
{
    if (status != WB_OK) {
        fprintf(stderr, "%s: %s\n", what, wb_status_name(status));
        exit(1);
    }
}

static void *map(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT, 0666);
    if (file < 0 || ftruncate(file, FILE_SIZE) != 0) {
        perror(path);
        exit(2);
    }
    void *start = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (start == MAP_FAILED) {
        perror(path);
        exit(2);
    }
    close(file);
    return start;
}

static void print(const wb_log *log)
{
    wb_record record = {0};
    while (wb_log_next(log, &record) == WB_OK) {
        char text[200];
        size_t length;
        must("read", wb_log_read(log, &record, text, sizeof text, &length));
        printf("%llu: %.*s\n", (unsigned long long)record.sequence, (int)length, text);
    }
}

/* Called when the log is full: copies its records elsewhere (here: to the terminal), clears it. */
static void make_room(wb_log *log, void *context)
{
    int *shipped = (int *)context;
    print(log);
    must("clear", wb_log_clear(log));
    ++*shipped;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: journal FILE TEXT...\n");
        return 2;
    }
    char *start = (char *)map(argv[1]);

    wb_cache cache;
    must("detect", wb_cache_get(&cache));
    wb_region head, tail;
    must("head", wb_region_new(&head, start, LOG_AT, &cache, WB_DOMAIN_MEMORY_CONTROLLER));
    must("tail", wb_region_new(&tail, start + LOG_AT, FILE_SIZE - LOG_AT, &cache,
                               WB_DOMAIN_MEMORY_CONTROLLER));

    uint64_t runs;
    memcpy(&runs, start, sizeof runs);
    ++runs;
    must("count", wb_region_copy_persist(&head, 0, &runs, sizeof runs));

    wb_log log;
    wb_status found = wb_log_recover(&log, &tail);
    if (found == WB_NOT_A_LOG && runs == 1) {
        found = wb_log_create(&log, &tail);
    }
    must("log", found);

    /* All records but the last are started without waiting. The last record, and each record for
     * which the log is full, is appended by a blocking call, which makes room if necessary. */
    int shipped = 0;
    for (int n = 2; n < argc; ++n) {
        size_t length = strlen(argv[n]);
        wb_status started =
            n + 1 < argc ? wb_log_start_append(&log, argv[n], length, NULL) : WB_WOULD_BLOCK;
        if (started == WB_WOULD_BLOCK) {
            started = wb_log_append(&log, argv[n], length, NULL, make_room, &shipped);
        }
        must(argv[n], started);
    }
    must("wait", wb_log_wait(&log));

    printf("run %llu, shipped %d times\n", (unsigned long long)runs, shipped);
    print(&log);
    must("end", wb_log_end(&log));
    return munmap(start, FILE_SIZE) == 0 ? 0 : 1;
}
