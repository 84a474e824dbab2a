// The POSIX thread library over the kernel: mutexes, conditions, locks, barriers, cancellation, robust mutexes.

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

TEST(Mutex, ProtectsACounter) {
  std::mutex mutex;
  long counter = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5000; ++n) {
        const std::lock_guard guard(mutex);
        ++counter;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter, 40'000);
}

TEST(Mutex, ErrorCheckingAndRecursive) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_t mutex;
  pthread_mutex_init(&mutex, &attributes);
  EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
  EXPECT_EQ(pthread_mutex_lock(&mutex), EDEADLK);
  std::thread([&] {
    EXPECT_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), EPERM);
  }).join();
  EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
  pthread_mutex_destroy(&mutex);
  std::recursive_mutex recursive;
  recursive.lock();
  EXPECT_TRUE(recursive.try_lock());
  recursive.unlock();
  recursive.unlock();
}

TEST(Mutex, TimedLockTimesOut) {
  std::timed_mutex mutex;
  mutex.lock();
  std::thread([&] {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(mutex.try_lock_for(std::chrono::milliseconds(20)));
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
  }).join();
  mutex.unlock();
}

TEST(Mutex, SharedBetweenProcesses) {
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  struct State {
    pthread_mutex_t mutex;
    long counter;
  };
  auto& state = *shared.as<State>();
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&state.mutex, &attributes);
  std::vector<pid_t> pids;
  for (int i = 0; i < 4; ++i) {
    pids.push_back(spawn([&] {
      for (int n = 0; n < 2000; ++n) {
        pthread_mutex_lock(&state.mutex);
        ++state.counter;
        pthread_mutex_unlock(&state.mutex);
      }
      return 0;
    }));
  }
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_EQ(state.counter, 8000);
}

TEST(RobustMutex, DeadOwnerIsReported) {
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto& mutex = *shared.as<pthread_mutex_t>();
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutex, &attributes);
  EXPECT_TRUE(run([&] { return pthread_mutex_lock(&mutex); }).exited(0));
  EXPECT_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
  EXPECT_EQ(pthread_mutex_consistent(&mutex), 0);
  EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
  EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
  EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
}

TEST(RobustMutex, WaiterIsWokenByTheDeath) {
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto& mutex = *shared.as<pthread_mutex_t>();
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutex, &attributes);
  Pipe locked;
  const pid_t owner = spawn([&]() -> int {
    pthread_mutex_lock(&mutex);
    locked.notify();
    for (;;) pause();
  });
  ASSERT_TRUE(locked.wait());
  const pid_t waiter = spawn([&] { return pthread_mutex_lock(&mutex) == EOWNERDEAD ? 0 : 1; });
  ASSERT_TRUE(wait_until_blocked(waiter));
  kill(owner, SIGKILL);
  EXPECT_TRUE(reap(owner).killed_by(SIGKILL));
  EXPECT_TRUE(reap(waiter).exited(0));
}

TEST(Condition, ProducerAndConsumers) {
  std::mutex mutex;
  std::condition_variable filled;
  std::vector<int> queue;
  bool finished = false;
  std::atomic<long> sum{0};
  std::vector<std::thread> consumers;
  for (int i = 0; i < 4; ++i) {
    consumers.emplace_back([&] {
      for (;;) {
        std::unique_lock lock(mutex);
        filled.wait(lock, [&] { return finished || !queue.empty(); });
        if (queue.empty()) return;
        sum += queue.back();
        queue.pop_back();
      }
    });
  }
  for (int i = 1; i <= 3000; ++i) {
    {
      const std::lock_guard guard(mutex);
      queue.push_back(i);
    }
    filled.notify_one();
  }
  {
    const std::lock_guard guard(mutex);
    finished = true;
  }
  filled.notify_all();
  for (auto& thread : consumers) thread.join();
  EXPECT_EQ(sum, 3000L * 3001 / 2);
}

TEST(Condition, WaitTimesOut) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(never.wait_for(lock, std::chrono::milliseconds(20), [] { return false; }));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
}

TEST(Condition, BroadcastWakesAll) {
  std::mutex mutex;
  std::condition_variable ready;
  bool go = false;
  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      std::unique_lock lock(mutex);
      ready.wait(lock, [&] { return go; });
      ++woken;
    });
  }
  {
    const std::lock_guard guard(mutex);
    go = true;
  }
  ready.notify_all();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(woken, 20);
}

TEST(ReadWriteLock, WritersAreAlone) {
  std::shared_mutex lock;
  int first = 0;
  int second = 0;
  std::atomic<int> torn{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        const std::unique_lock guard(lock);
        ++first;
        ++second;
      }
    });
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        const std::shared_lock guard(lock);
        if (first != second) ++torn;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(first, 3000);
}

TEST(Barrier, AllArriveBeforeAnyLeaves) {
  constexpr int count = 6;
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, nullptr, count);
  std::atomic<int> arrived{0};
  std::atomic<int> serial{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      for (int round = 1; round <= 50; ++round) {
        ++arrived;
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) ++serial;
        if (arrived < count * round) ++wrong;
        pthread_barrier_wait(&barrier);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  pthread_barrier_destroy(&barrier);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(serial, 50);
}

TEST(Semaphores, CountAndTimeOut) {
  sem_t semaphore;
  ASSERT_OK(sem_init(&semaphore, 0, 2));
  EXPECT_OK(sem_trywait(&semaphore));
  EXPECT_OK(sem_wait(&semaphore));
  EXPECT_ERRNO(EAGAIN, sem_trywait(&semaphore));
  timespec until{};
  clock_gettime(CLOCK_REALTIME, &until);
  EXPECT_ERRNO(ETIMEDOUT, sem_timedwait(&semaphore, &until));
  std::thread poster([&] { sem_post(&semaphore); });
  EXPECT_OK(sem_wait(&semaphore));
  poster.join();
  sem_destroy(&semaphore);
}

TEST(CppSync, LatchBarrierSemaphoreStopToken) {
  std::latch started(4);
  std::counting_semaphore<10> slots(0);
  std::atomic<int> stopped{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&](std::stop_token token) {
        started.count_down();
        slots.release();
        while (!token.stop_requested()) std::this_thread::yield();
        ++stopped;
      });
    }
    started.wait();
    for (int i = 0; i < 4; ++i) slots.acquire();
  }
  EXPECT_EQ(stopped, 4);
}

TEST(Once, RunsOnce) {
  std::once_flag flag;
  std::atomic<int> runs{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 10; ++i) {
    threads.emplace_back([&] { std::call_once(flag, [&] { ++runs; }); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(runs, 1);
}

TEST(Async, ResultsAndExceptions) {
  std::vector<std::future<int>> futures;
  for (int i = 0; i < 16; ++i) futures.push_back(std::async(std::launch::async, [i] { return i * i; }));
  for (int i = 0; i < 16; ++i) EXPECT_EQ(futures[i].get(), i * i);
  auto failing = std::async(std::launch::async, []() -> int { throw std::runtime_error("from the other thread"); });
  EXPECT_THROW(failing.get(), std::runtime_error);
  std::promise<int> promise;
  auto future = promise.get_future();
  EXPECT_EQ(future.wait_for(std::chrono::milliseconds(1)), std::future_status::timeout);
  std::thread([&] { promise.set_value(9); }).join();
  EXPECT_EQ(future.get(), 9);
}

std::atomic<int> cleaned;

TEST(Cancel, BlockedThreadIsCancelled) {
  cleaned = 0;
  Pipe pipe;
  std::atomic<pid_t> id{0};
  struct Argument {
    int fd;
    std::atomic<pid_t>* id;
  } argument{pipe.read, &id};
  pthread_t thread;
  const auto body = [](void* pointer) -> void* {
    auto& mine = *static_cast<Argument*>(pointer);
    pthread_cleanup_push([](void*) { ++cleaned; }, nullptr);
    *mine.id = gettid();
    char byte;
    read(mine.fd, &byte, 1);
    pthread_cleanup_pop(0);
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, nullptr, body, &argument), 0);
  EXPECT_TRUE(wait_until([&] { return id != 0; }));
  EXPECT_TRUE(wait_until_blocked(id));
  EXPECT_EQ(pthread_cancel(thread), 0);
  void* result = nullptr;
  EXPECT_EQ(pthread_join(thread, &result), 0);
  EXPECT_EQ(result, PTHREAD_CANCELED);
  EXPECT_EQ(cleaned, 1);
}

TEST(Cancel, DisabledUntilEnabled) {
  pthread_t thread;
  static std::atomic<bool> go;
  go = false;
  const auto body = [](void*) -> void* {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    while (!go) sched_yield();
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
    pthread_testcancel();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, nullptr, body, nullptr), 0);
  EXPECT_EQ(pthread_cancel(thread), 0);
  go = true;
  void* result = nullptr;
  EXPECT_EQ(pthread_join(thread, &result), 0);
  EXPECT_EQ(result, PTHREAD_CANCELED);
}

TEST(ThreadAttributes, StackSize) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 20);
  pthread_attr_setguardsize(&attributes, page_size);
  pthread_t thread;
  const auto body = [](void*) -> void* {
    char block[900'000];
    memset(block, 1, sizeof block);
    asm volatile("" : : "r"(block) : "memory");
    return block[4] == 1 ? reinterpret_cast<void*>(5) : nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, body, nullptr), 0);
  void* result = nullptr;
  EXPECT_EQ(pthread_join(thread, &result), 0);
  EXPECT_EQ(result, reinterpret_cast<void*>(5));
  EXPECT_KILLED_BY(SIGSEGV, {
    std::thread([] {
      char large[100 << 20];  // far beyond the stack of a thread
      memset(large, 1, sizeof large);
      asm volatile("" : : "r"(large) : "memory");
    }).join();
  });
}

TEST(Keys, DestructorsRunAtTheEnd) {
  static std::atomic<int> destroyed;
  destroyed = 0;
  pthread_key_t key;
  ASSERT_EQ(pthread_key_create(&key, [](void* value) { destroyed += static_cast<int>(reinterpret_cast<long>(value)); }),
            0);
  std::vector<std::thread> threads;
  for (long i = 1; i <= 5; ++i) {
    threads.emplace_back([=] { pthread_setspecific(key, reinterpret_cast<void*>(i)); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(destroyed, 15);
  pthread_key_delete(key);
}

}  // namespace
}  // namespace cv6::guest
