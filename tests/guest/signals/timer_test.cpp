// timer_create and its relatives.

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/soak.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

// In user mode, until `clock` says so: there the clock's interrupts look at timers of CPU time.
void use_processor(clockid_t clock, long until) {
  while (now(clock) < until)
    for (volatile int i = 0; i < 10'000; i = i + 1) {
    }
}

// A timer of the system that goes away with its scope; raw, as glibc wraps its own structure around it.
class Timer {
 public:
  Timer(clockid_t clock, int signal, int value) {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = signal;
    event.sigev_value.sival_int = value;
    ok_ = timer_create(clock, &event, &id_) == 0;
  }
  ~Timer() {
    if (ok_) timer_delete(id_);
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  bool ok() const { return ok_; }
  timer_t id() const { return id_; }
  int set(long first, long interval = 0, int flags = 0) {
    const itimerspec spec{time_of(interval), time_of(first)};
    return timer_settime(id_, flags, &spec, nullptr);
  }

 private:
  timer_t id_ = nullptr;
  bool ok_ = false;
};

TEST(PosixTimer, CarriesItsValue) {
  Blocked blocked{SIGRTMIN + 1};
  Timer timer(CLOCK_MONOTONIC, SIGRTMIN + 1, 4711);
  ASSERT_TRUE(timer.ok());
  const long start = now();
  ASSERT_OK(timer.set(10'000'000));
  siginfo_t info{};
  EXPECT_EQ(wait_signal(blocked.set(), &info), SIGRTMIN + 1);
  EXPECT_GE(now() - start, 10'000'000);
  EXPECT_EQ(info.si_code, SI_TIMER);
  EXPECT_EQ(info.si_value.sival_int, 4711);
}

TEST(PosixTimer, AbsoluteTimes) {
  for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME}) {
    Blocked blocked{SIGRTMIN + 1};
    Timer timer(clock, SIGRTMIN + 1, 0);
    ASSERT_TRUE(timer.ok());
    const long until = now(clock) + 15'000'000;
    ASSERT_OK(timer.set(until, 0, TIMER_ABSTIME));
    EXPECT_EQ(wait_signal(blocked.set()), SIGRTMIN + 1);
    EXPECT_GE(now(clock), until);
    ASSERT_OK(timer.set(1, 0, TIMER_ABSTIME));  // long ago: at once
    EXPECT_EQ(wait_signal(blocked.set()), SIGRTMIN + 1);
  }
}

TEST(PosixTimer, RepeatsAndCountsOverruns) {
  Blocked blocked{SIGRTMIN + 2};
  Timer timer(CLOCK_MONOTONIC, SIGRTMIN + 2, 0);
  ASSERT_TRUE(timer.ok());
  ASSERT_OK(timer.set(1'000'000, 1'000'000));
  EXPECT_EQ(wait_signal(blocked.set()), SIGRTMIN + 2);
  EXPECT_EQ(wait_signal(blocked.set()), SIGRTMIN + 2);
  const timespec pause{0, 20'000'000};
  nanosleep(&pause, nullptr);  // the signal stays pending meanwhile, once
  EXPECT_EQ(wait_signal(blocked.set()), SIGRTMIN + 2);
  EXPECT_GE(timer_getoverrun(timer.id()), 10);
}

// However often it is set, and expires.
TEST(PosixTimer, SignalIsPendingOnce) {
  Blocked blocked{SIGRTMIN + 2};
  Timer timer(CLOCK_MONOTONIC, SIGRTMIN + 2, 7);
  ASSERT_TRUE(timer.ok());
  for (int round = 0; round < 1000; ++round) {
    ASSERT_OK(timer.set(1));
    itimerspec left{};
    do ASSERT_OK(timer_gettime(timer.id(), &left));
    while (left.it_value.tv_nsec);
  }
  siginfo_t info{};
  EXPECT_EQ(wait_signal(blocked.set(), &info), SIGRTMIN + 2);
  EXPECT_EQ(info.si_value.sival_int, 7);
  const timespec none{0, 0};
  EXPECT_ERRNO(EAGAIN, sigtimedwait(&blocked.set(), &info, &none));
}

// A second one that expires while the first one's signal, of the same number, is pending goes on all the same.
TEST(PosixTimer, TwoWithOneSignal) {
  Blocked blocked{SIGUSR1};
  Timer one(CLOCK_MONOTONIC, SIGUSR1, 1), two(CLOCK_MONOTONIC, SIGUSR1, 2);
  ASSERT_TRUE(one.ok() && two.ok());
  ASSERT_OK(one.set(1, 1'000'000));
  ASSERT_OK(two.set(1, 1'000'000));
  int seen[3] = {};
  while (seen[1] < 3 || seen[2] < 3) {
    siginfo_t info{};
    ASSERT_EQ(wait_signal(blocked.set(), &info), SIGUSR1) << seen[1] << " " << seen[2];
    ++seen[info.si_value.sival_int];
    ASSERT_LT(seen[1] + seen[2], 1000) << seen[1] << " " << seen[2];
  }
}

int create_timer(timer_t& id, int signal) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = signal;
  return timer_create(CLOCK_MONOTONIC, &event, &id);
}

// Each counts as a signal that is queued, against the limit of its user, however many processes have them.
TEST(PosixTimer, LimitOfPendingSignals) {
  EXPECT_CHILD({
    ASSERT_OK(become_lonely(RLIMIT_SIGPENDING, 10));
    Blocked blocked{SIGRTMIN};
    timer_t id;
    for (int i = 0; i < 6; ++i) ASSERT_OK(create_timer(id, SIGRTMIN));
    EXPECT_CHILD({
      for (int i = 0; i < 4; ++i) ASSERT_OK(create_timer(id, SIGRTMIN));
      EXPECT_ERRNO(EAGAIN, create_timer(id, SIGRTMIN));
      EXPECT_ERRNO(EAGAIN, sigqueue(getpid(), SIGRTMIN, {}));
    });
    for (int i = 0; i < 4; ++i) ASSERT_OK(create_timer(id, SIGRTMIN));
    EXPECT_ERRNO(EAGAIN, create_timer(id, SIGRTMIN));
    ASSERT_OK(timer_delete(id));
    EXPECT_OK(sigqueue(getpid(), SIGRTMIN, {}));
    EXPECT_ERRNO(EAGAIN, create_timer(id, SIGRTMIN));
    ::signal(SIGRTMIN, SIG_IGN);  // what is pending
  });
}

// With 30,000 signals queued, and so many timers.
long nanoseconds_to_end_with(int timers) {
  return nanoseconds_to_end([&] {
    const rlimit much{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_SIGPENDING, &much);  // refused to a root without capabilities, whose limit may do
    const sigset_t blocked = signal_set({SIGRTMIN, SIGRTMIN + 1});
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
    for (int i = 0; i < 30'000; ++i) ASSERT_OK(sigqueue(getpid(), SIGRTMIN, {}));
    const itimerspec at_once{{0, 0}, {0, 1}};
    for (int i = 0; i < timers; ++i) {
      timer_t id;
      ASSERT_OK(create_timer(id, SIGRTMIN + 1));
      ASSERT_OK(timer_settime(id, 0, &at_once, nullptr));
    }
  });
}

// The queue is not looked through for each of them.
TEST(PosixTimer, ManyGoWithTheirProcess) {
  long none = std::numeric_limits<long>::max(), many = none;
  for (int round = 0; round < 3; ++round) {
    none = std::min(none, nanoseconds_to_end_with(0));
    many = std::min(many, nanoseconds_to_end_with(2000));
  }
  EXPECT_LT(many, 10 * none + 20'000'000);
}

TEST(PosixTimer, TimeLeft) {
  Timer timer(CLOCK_MONOTONIC, SIGRTMIN + 2, 0);
  ASSERT_TRUE(timer.ok());
  itimerspec value{};
  ASSERT_OK(timer_gettime(timer.id(), &value));
  EXPECT_EQ(value.it_value.tv_sec + value.it_value.tv_nsec, 0);
  ASSERT_OK(timer.set(1000 * second, 7 * second));
  ASSERT_OK(timer_gettime(timer.id(), &value));
  EXPECT_GT(value.it_value.tv_sec, 0);
  EXPECT_LE(value.it_value.tv_sec, 1000);
  EXPECT_EQ(value.it_interval.tv_sec, 7);
  ASSERT_OK(timer.set(0));
  ASSERT_OK(timer_gettime(timer.id(), &value));
  EXPECT_EQ(value.it_value.tv_sec, 0);
}

TEST(PosixTimer, DeletedTimersAreGone) {
  EXPECT_CHILD({
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    timer_t id;
    ASSERT_OK(timer_create(CLOCK_MONOTONIC, &event, &id));
    const itimerspec spec{{0, 0}, {0, 500'000'000}};  // longer than the next two calls take anywhere
    ASSERT_OK(timer_settime(id, 0, &spec, nullptr));
    ASSERT_OK(timer_delete(id));
    const timespec pause{0, 600'000'000};  // until after it would have expired
    nanosleep(&pause, nullptr);
    EXPECT_ERRNO(EINVAL, timer_settime(id, 0, &spec, nullptr));
    EXPECT_ERRNO(EINVAL, timer_delete(id));
  });
}

TEST(PosixTimer, NotifyNoneAndThreadId) {
  sigevent none{};
  none.sigev_notify = SIGEV_NONE;
  timer_t id;
  ASSERT_OK(timer_create(CLOCK_MONOTONIC, &none, &id));
  const itimerspec spec{{0, 0}, {0, 1}};
  EXPECT_OK(timer_settime(id, 0, &spec, nullptr));
  EXPECT_OK(timer_delete(id));
  Blocked blocked{SIGUSR1};
  sigevent thread{};
  thread.sigev_notify = SIGEV_THREAD_ID;
  thread.sigev_signo = SIGUSR1;
  thread._sigev_un._tid = gettid();
  ASSERT_OK(timer_create(CLOCK_MONOTONIC, &thread, &id));
  EXPECT_OK(timer_settime(id, 0, &spec, nullptr));
  EXPECT_EQ(wait_signal(blocked.set()), SIGUSR1);
  EXPECT_OK(timer_delete(id));
}

// What a timer has sent to a thread goes with the thread or with the timer, whichever comes first.
TEST(PosixTimer, OfThreadsThatEndWithTheProcess) {
  for (int round = 0; round < times(20, 2000); ++round)
    EXPECT_TRUE(run([]() -> int {
                  const Blocked blocked{SIGRTMIN};  // by the threads as well
                  std::atomic<int> begun{0};
                  for (int i = 0; i < 4; ++i)
                    std::thread([&begun] {
                      sigevent event{};
                      event.sigev_notify = SIGEV_THREAD_ID;
                      event.sigev_signo = SIGRTMIN;
                      event._sigev_un._tid = gettid();
                      const itimerspec often{{0, 20'000}, {0, 20'000}};
                      timer_t id;
                      for (int timers = 0; timers < 100; ++timers)
                        if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) == 0)
                          syscall(SYS_timer_settime, id, 0, &often, nullptr);
                      ++begun;
                      pause();
                    }).detach();
                  while (begun < 4) sched_yield();
                  _exit(3);
                }).exited(3));
}

// So many that they would take a whole processor, if each expiry did anything.
TEST(PosixTimer, ManyOfWhichNobodyIsTold) {
  EXPECT_CHILD({
    signal(SIGRTMIN, SIG_IGN);
    const itimerspec often{{0, 10'000}, {0, 10'000}};
    for (int i = 0; i < 1200; ++i) {
      sigevent event{};
      event.sigev_notify = i % 6 ? SIGEV_NONE : SIGEV_SIGNAL;
      event.sigev_signo = SIGRTMIN;
      timer_t id;
      ASSERT_OK(timer_create(CLOCK_MONOTONIC, &event, &id));
      ASSERT_OK(timer_settime(id, 0, &often, nullptr));
      if (i % 6 == 0) continue;
      itimerspec left{};
      ASSERT_OK(timer_gettime(id, &left));
      EXPECT_EQ(left.it_interval.tv_nsec, 10'000);
      EXPECT_LE(left.it_value.tv_nsec, 10'000);
    }
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(run([] { return 0; }).exited(0));
  });
}

volatile sig_atomic_t heard;

// The signal is ignored when the timer expires, and not any more later.
TEST(PosixTimer, GoesOnWhenItsSignalIsHeard) {
  for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID}) {
    const auto before = signal(SIGRTMIN + 2, SIG_IGN);
    Timer timer(clock, SIGRTMIN + 2, 0);
    ASSERT_TRUE(timer.ok());
    ASSERT_OK(timer.set(1, 1'000'000));
    use_processor(clock, now(clock) + 30'000'000);
    heard = 0;
    {
      Handler handler(SIGRTMIN + 2, [](int) { heard = heard + 1; });
      for (const long end = now() + limit_seconds() * second; heard < 3 && now() < end;)
        use_processor(CLOCK_MONOTONIC, now() + 1'000'000);
      EXPECT_GE(heard, 3);
      ASSERT_OK(timer.set(0));
    }
    signal(SIGRTMIN + 2, before);
  }
}

std::atomic<int> thread_calls;

TEST(PosixTimer, NotifyByThread) {
  thread_calls = 0;
  EXPECT_CHILD({
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD;
    event.sigev_notify_function = [](sigval value) { thread_calls += value.sival_int; };
    event.sigev_value.sival_int = 3;
    timer_t id;
    ASSERT_OK(timer_create(CLOCK_MONOTONIC, &event, &id));
    const itimerspec spec{{0, 0}, {0, 1'000'000}};
    ASSERT_OK(timer_settime(id, 0, &spec, nullptr));
    EXPECT_TRUE(wait_until([] { return thread_calls == 3; }));
    EXPECT_OK(timer_delete(id));
  });
}

TEST(PosixTimer, CpuClock) {
  EXPECT_KILLED_BY(SIGUSR1, {
    Timer timer(CLOCK_PROCESS_CPUTIME_ID, SIGUSR1, 0);
    if (!timer.ok()) return 1;
    timer.set(20'000'000);
    for (volatile int i = 0;; i = i + 1) {
    }
  });
}

// It is not looked at again and again until somebody takes the signal; the periods that went by are counted.
TEST(PosixTimer, CpuClockWithItsSignalBlocked) {
  EXPECT_CHILD({
    Blocked blocked{SIGRTMIN + 2};
    Timer timer(CLOCK_PROCESS_CPUTIME_ID, SIGRTMIN + 2, 0);
    ASSERT_TRUE(timer.ok());
    ASSERT_OK(timer.set(10'000, 10'000));
    use_processor(CLOCK_PROCESS_CPUTIME_ID, now(CLOCK_PROCESS_CPUTIME_ID) + 50'000'000);
    EXPECT_EQ(wait_signal(blocked.set()), SIGRTMIN + 2);
    EXPECT_GE(timer_getoverrun(timer.id()), 500);
    ASSERT_OK(timer.set(0));
    const timespec none{0, 0};
    int more = 0;
    while (sigtimedwait(&blocked.set(), nullptr, &none) != -1) ++more;
    EXPECT_LE(more, 1);
    // It goes on when its signal has been taken.
    ASSERT_OK(timer.set(10'000, 10'000));
    for (int i = 0; i < 3; ++i)
      while (sigtimedwait(&blocked.set(), nullptr, &none) == -1) use_processor(CLOCK_MONOTONIC, now() + 1'000'000);
  });
}

TEST(PosixTimer, Errors) {
  timer_t id;
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = 99;
  EXPECT_ERRNO(EINVAL, timer_create(CLOCK_MONOTONIC, &event, &id));
  event.sigev_signo = SIGUSR1;
  event.sigev_notify = 77;
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_create, 999, nullptr, &id));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timer_create, CLOCK_MONOTONIC, wild(), &id));
  itimerspec spec{{0, 0}, {0, second}};
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_settime, 12345, 0, &spec, nullptr));
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_gettime, 12345, &spec));
  EXPECT_ERRNO(EINVAL, syscall(SYS_timer_getoverrun, 12345));
  Timer timer(CLOCK_MONOTONIC, SIGUSR1, 0);
  EXPECT_ERRNO(EINVAL, timer_settime(timer.id(), 0, &spec, nullptr));  // a whole second in the nanoseconds
}

}  // namespace
}  // namespace cv6::guest
