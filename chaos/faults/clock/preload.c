/* Answer a process that asks for the wall clock with another time, and note what it was told.
 *
 * Loaded before libc (LD_PRELOAD). How far the clock is off stands in a page that the process shares with the agent:
 * see page.py for its layout. Needs nothing but the kernel; what libc offers is looked for and not required, so that
 * one file serves glibc and musl. The monotonic clock is left alone. A wait until a moment of the wall clock is a wait
 * until the true moment that the process means.
 *
 * Built by `python scripts/clock_library.py`.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#define BILLION 1000000000L
/* A monotonic clock does not get there (31 years); the wall clock has been beyond since 2001. */
#define SURELY_WALL BILLION

struct page {
    int64_t version; /* odd while the agent writes the next three */
    int64_t offset_ns;
    int64_t drift_ppb;
    int64_t since_ns; /* monotonic: the drift counts from there */
    int64_t asked;    /* how often the process has asked */
    int64_t told_ns;  /* by how much the last answer was off */
};

static struct page *page;

extern char **environ __attribute__((weak));
extern int *__errno_location(void) __attribute__((weak));
extern void *dlsym(void *, const char *) __attribute__((weak));
extern void *dlvsym(void *, const char *, const char *) __attribute__((weak));
#define NEXT ((void *)-1L)

static long call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#else
#error "the system call of this architecture is not known"
#endif
}

static long now(clockid_t clock)
{
    struct timespec at = {0, 0};
    call(SYS_clock_gettime, clock, (long)&at, 0, 0, 0, 0);
    return at.tv_sec * BILLION + at.tv_nsec;
}

/* How far the clock is off now. The agent writes seldom and quickly, so a reader never waits long. */
static long off_by(void)
{
    int64_t before, offset, drift, since;
    if (!page)
        return 0;
    do {
        before = __atomic_load_n(&page->version, __ATOMIC_ACQUIRE);
        offset = __atomic_load_n(&page->offset_ns, __ATOMIC_RELAXED);
        drift = __atomic_load_n(&page->drift_ppb, __ATOMIC_RELAXED);
        since = __atomic_load_n(&page->since_ns, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((before & 1) || before != __atomic_load_n(&page->version, __ATOMIC_RELAXED));
    if (drift)
        offset += (int64_t)((double)(now(CLOCK_MONOTONIC) - since) * ((double)drift / 1e9));
    return offset;
}

static long wall(clockid_t clock)
{
    long offset = off_by();
    if (page) {
        __atomic_store_n(&page->told_ns, offset, __ATOMIC_RELAXED);
        __atomic_add_fetch(&page->asked, 1, __ATOMIC_RELEASE);
    }
    return now(clock) + offset;
}

static void put(struct timespec *at, long ns)
{
    at->tv_sec = ns / BILLION;
    at->tv_nsec = ns % BILLION;
}

/* The true moment that a process means by a deadline; a deadline of another clock is left as it is. */
static const struct timespec *meant(const struct timespec *deadline, struct timespec *room)
{
    if (!deadline || !page || deadline->tv_sec < SURELY_WALL || deadline->tv_nsec < 0 || deadline->tv_nsec >= BILLION)
        return deadline;
    put(room, deadline->tv_sec * BILLION + deadline->tv_nsec - off_by());
    return room;
}

static void *next(const char *name, const char *version)
{
    void *found = dlvsym && version ? dlvsym(NEXT, name, version) : 0;
    return found || !dlsym ? found : dlsym(NEXT, name);
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI) {
        put(at, wall(clock));
        return 0;
    }
    long result = call(SYS_clock_gettime, clock, (long)at, 0, 0, 0, 0);
    if (result == 0)
        return 0;
    if (__errno_location)
        *__errno_location() = (int)-result;
    return -1;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    if (at) {
        long ns = wall(CLOCK_REALTIME);
        at->tv_sec = ns / BILLION;
        at->tv_usec = ns % BILLION / 1000;
    }
    if (zone)
        call(SYS_gettimeofday, 0, (long)zone, 0, 0, 0, 0);
    return 0;
}

time_t time(time_t *at)
{
    time_t seconds = wall(CLOCK_REALTIME) / BILLION;
    if (at)
        *at = seconds;
    return seconds;
}

int timespec_get(struct timespec *at, int base)
{
    if (base != TIME_UTC)
        return 0;
    put(at, wall(CLOCK_REALTIME));
    return base;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec room;
    if (!real && !(real = next("pthread_cond_timedwait", "GLIBC_2.3.2")))
        return ENOSYS;
    return real(cond, mutex, meant(deadline, &room));
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict deadline)
{
    static int (*real)(pthread_mutex_t *, const struct timespec *);
    struct timespec room;
    if (!real && !(real = next("pthread_mutex_timedlock", 0)))
        return ENOSYS;
    return real(mutex, meant(deadline, &room));
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict deadline)
{
    static int (*real)(sem_t *, const struct timespec *);
    struct timespec room;
    if (!real && !(real = next("sem_timedwait", 0))) {
        if (__errno_location)
            *__errno_location() = ENOSYS;
        return -1;
    }
    return real(sem, meant(deadline, &room));
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left)
{
    static int (*real)(clockid_t, int, const struct timespec *, struct timespec *);
    struct timespec room;
    if (!real && !(real = next("clock_nanosleep", 0)))
        return ENOSYS;
    if (clock == CLOCK_REALTIME && (flags & TIMER_ABSTIME))
        until = meant(until, &room);
    return real(clock, flags, until, left);
}

static const char NAME[] = "CHAOSLAB_CLOCK=";

static const char *path(void)
{
    if (&environ && environ)
        for (char **each = environ; *each; each++) {
            int index = 0;
            while (NAME[index] && (*each)[index] == NAME[index])
                index++;
            if (!NAME[index])
                return *each + index;
        }
    return 0;
}

__attribute__((constructor)) static void share(void)
{
    const char *where = path();
    if (!where)
        return;
    long file = call(SYS_openat, AT_FDCWD, (long)where, O_RDWR | O_CLOEXEC, 0, 0, 0);
    if (file < 0)
        return;
    long at = call(SYS_mmap, 0, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    call(SYS_close, file, 0, 0, 0, 0, 0);
    if (at > 0 || at < -4095)
        page = (struct page *)at;
}
