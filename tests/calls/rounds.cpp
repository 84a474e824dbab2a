#include "rounds.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "cv6/container.hpp"
#include "marks.hpp"
#include "random.hpp"
#include "support/objects.hpp"
#include "worker.hpp"

namespace cv6::calls {
namespace {

using guest::ObjectCounts;

constexpr long settling = 20'000;  // milliseconds for what ends a little later than its container

long milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

void sleep_milliseconds(long count) {
  const timespec pause{0, count * 1'000'000};
  nanosleep(&pause, nullptr);
}

// One container and the processes that make calls in it.
class Round {
 public:
  Round(const Plan& plan, std::uint64_t seed) : plan_(plan), random_(seed) {}

  // The reason why it failed; empty: it did not.
  std::string run();
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  [[nodiscard]] std::uint64_t failed_calls() const { return failed_calls_; }

 private:
  bool create();
  void set_limits();
  void start(unsigned worker);
  void start_missing();
  void disturb();
  void look();
  void count_calls();

  static constexpr unsigned workers = 5;  // two live inside, two are xv6 programs, one has joined
  const Plan& plan_;
  Random random_;
  int container_ = -1;
  pid_t processes_[workers] = {};
  std::uint64_t calls_ = 0, failed_calls_ = 0;
};

bool Round::create() {
  constexpr const char* policies[] = {"round-robin", "fair", "priority", "lottery", "fifo"};
  ContainerScheduling scheduling;
  scheduling.change = ContainerScheduling::policy_and_seed;
  std::strcpy(scheduling.policy, random_.of(policies));
  ContainerCreate wanted;
  if (random_.one_in(2)) wanted.flags |= ContainerCreate::may_nest;
  if (random_.one_in(8)) wanted.flags |= ContainerCreate::read_only_root;
  wanted.scheduling = &scheduling;
  container_ = create_container(wanted);
  if (container_ < 0) return false;
  set_limits();
  // Who has joined must not come back: it would go on outside.
  ContainerPolicy policy;
  policy.id = container_;
  policy.operation = ContainerPolicy::Operation::tighten;
  policy.denied.add(CallSet::place_of_linux(call::leave_container)).add(CallSet::place_of_xv6(40));
  ContainerLog log;
  log.id = container_;
  log.operation = ContainerLog::Operation::set;
  log.what = ContainerLog::counts;
  if (random_.one_in(2)) log.what |= ContainerLog::records | ContainerLog::texts, log.capacity = 64;
  return container_policy(policy) == 0 && container_log(log) == 0;
}

void Round::set_limits() {
  const std::uint64_t megabyte = 1 << 20;
  const std::pair<ContainerLimit::Kind, std::uint64_t> limits[] = {
      {ContainerLimit::Kind::processes, 20 + random_.below(60)},
      {ContainerLimit::Kind::open_files, 200 + random_.below(2000)},
      {ContainerLimit::Kind::memory, (8 + random_.below(40)) * megabyte},
      {ContainerLimit::Kind::disk, (1 + random_.below(16)) * megabyte},
      {ContainerLimit::Kind::messages, random_.below(200)}};
  for (const auto& [kind, value] : limits) {
    ContainerLimit limit;
    limit.id = container_;
    limit.operation = ContainerLimit::Operation::set;
    limit.kind = kind;
    limit.limit = value;
    container_limit(limit);
  }
}

// A process that has joined, with descriptors of the host's.
pid_t join_and_call(int container, std::uint64_t seed) {
  const pid_t process = fork();
  if (process != 0) return process;
  setsid();
  for (int descriptor = 0; descriptor < 3; ++descriptor) close(descriptor);
  open("/dev/null", O_RDWR);
  open("/fuzz-mark/file", O_RDONLY);
  open("/fuzz-mark", O_RDONLY | O_DIRECTORY);
  if (join_container(container) == 0) keep_calling(seed);
  _exit(0);
}

void Round::start(unsigned worker) {
  const std::uint64_t seed = random_.next();
  const bool joins = worker == workers - 1, is_xv6 = worker == 2 || worker == 3;
  if (joins) {
    processes_[worker] = join_and_call(container_, seed);
    return;
  }
  if (is_xv6 && plan_.xv6_program.empty()) return;
  const std::string number = std::to_string(seed);
  const char* const linux_words[] = {"call-fuzz", "--inside", number.c_str(), nullptr};
  const char* const xv6_words[] = {"call-fuzz-xv6", number.c_str(), nullptr};
  ContainerSpawn wanted;
  wanted.id = container_;
  wanted.path = is_xv6 ? plan_.xv6_program.c_str() : plan_.program.c_str();
  wanted.arguments = is_xv6 ? xv6_words : linux_words;
  processes_[worker] = spawn_container(wanted);
}

void Round::start_missing() {
  for (pid_t ended; (ended = waitpid(-1, nullptr, WNOHANG)) > 0;)
    for (pid_t& process : processes_)
      if (process == ended) process = 0;
  for (unsigned worker = 0; worker < workers; ++worker)
    if (processes_[worker] <= 0) start(worker);
}

// What may be done to a container from above while it is busy.
void Round::disturb() {
  switch (random_.below(8)) {
    case 0:
    case 1: {
      ContainerScheduling scheduling;
      scheduling.id = container_;
      scheduling.change = ContainerScheduling::freezing;
      scheduling.frozen = 1;
      container_scheduling(scheduling);
      look();
      scheduling.frozen = 0;
      container_scheduling(scheduling);
      break;
    }
    case 2:
      set_limits();
      break;
    case 3: {
      const pid_t process = processes_[random_.below(workers)];
      if (process > 0) kill(process, SIGKILL);
      break;
    }
    default:
      look();
  }
}

void read_some(const std::string& name) {
  const int file = open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  char buffer[4096];
  for (int i = 0; file >= 0 && i < 8 && read(file, buffer, sizeof buffer) > 0; ++i) continue;
  close(file);
}

void Round::look() {
  const std::string process = "/proc/" + std::to_string(processes_[random_.below(workers)]) + "/";
  constexpr const char* names[] = {"status", "stat", "maps", "environ", "cmdline", "fdinfo/0", "statm"};
  read_some(process + random_.of(names));
  ContainerProcess one;
  one.id = container_;
  for (int i = 0; i < 8 && container_process(one) == 0; ++i) one.after = one.number;
  ContainerDescriptor descriptor;
  descriptor.id = container_;
  for (int i = 0; i < 30 && container_descriptor(descriptor) == 0; ++i) continue;
  MemoryRun runs[20];
  MemoryTable table;
  table.container = container_;
  table.view = random_.one_in(2) ? MemoryTable::View::processes : MemoryTable::View::frames;
  table.runs = runs;
  table.count = std::size(runs);
  for (int i = 0; i < 3 && memory_table(table) > 0; ++i) continue;
  const int changes = open_container_changes(container_);
  char text[4096];
  if (changes >= 0) (void)!read(changes, text, sizeof text), close(changes);
}

void Round::count_calls() {
  static ContainerCallCount counts[CallSet::size];
  ContainerCallCounts wanted;
  wanted.id = container_;
  wanted.counts = counts;
  wanted.count = CallSet::size;
  if (container_call_counts(wanted) < 0) return;
  for (const ContainerCallCount& count : counts) calls_ += count.calls, failed_calls_ += count.failures;
}

std::string Round::run() {
  if (!create()) return std::string("the container cannot be made: ") + std::strerror(errno);
  const long end = milliseconds() + 100 + static_cast<long>(random_.below(600));
  while (milliseconds() < end) {
    start_missing();
    sleep_milliseconds(1 + static_cast<long>(random_.below(20)));
    disturb();
  }
  count_calls();
  if (destroy_container(container_) != 0) return std::string("destroy fails: ") + std::strerror(errno);
  while (waitpid(-1, nullptr, 0) > 0) continue;
  return "";
}

// The host answers: a new process runs and ends.
bool host_answers() {
  const pid_t process = fork();
  if (process == 0) {
    execl("/bin/busybox", "true", nullptr);
    _exit(1);
  }
  int status = 1;
  return process > 0 && waitpid(process, &status, 0) == process && status == 0;
}

// What there is more than before, if it does not go away.
std::string lasting_growth(const ObjectCounts& before) {
  std::string more;
  const long end = milliseconds() + settling;
  do {
    more = guest::growth(guest::lasting(before), guest::lasting(guest::count_objects()));
    if (more.empty()) break;
    sleep_milliseconds(5);
  } while (milliseconds() < end);
  return more;
}

}  // namespace

bool run_rounds(const Plan& plan) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  put_mark();
  const long offset = clock_offset();
  if (!host_answers()) return false;  // it also fills caches
  const std::string marks = host_marks();
  const ObjectCounts objects = guest::count_objects();
  const long start = milliseconds(), end = start + 1000L * plan.seconds;
  Random seeds(plan.seed);
  std::uint64_t round = 0, done = 0, calls = 0, failed = 0;
  for (; done < plan.rounds && milliseconds() < end; ++round) {
    const std::uint64_t seed = seeds.next();
    if (round < plan.first_round) continue;
    printf("round %lu\n", round);
    Round one(plan, seed);
    std::string reason = one.run();
    if (reason.empty() && !host_answers()) reason = "the host does not answer";
    if (reason.empty()) reason = lasting_growth(objects);
    if (reason.empty()) reason = difference(marks, host_marks());
    if (reason.empty() && std::abs(clock_offset() - offset) > 500) reason = "somebody set the host's clock";
    if (!reason.empty()) {
      printf("round %lu of seed %lu failed: %s\nagain: --seed %lu --first %lu --rounds 1\n", round, plan.seed, reason.c_str(),
             plan.seed, round);
      return false;
    }
    calls += one.calls();
    failed += one.failed_calls();
    ++done;
  }
  const ObjectCounts now = guest::count_objects();
  printf("seed %lu: %lu rounds in %ld s, %lu calls, %lu of them failed; caches: %s\n", plan.seed, done,
         (milliseconds() - start) / 1000, calls, failed, guest::growth(objects, now).c_str());
  return true;
}

}  // namespace cv6::calls
