// Which calls a container's gate lets pass, and who may change that.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include <atomic>

#include "gate/gated_box.hpp"
#include "support/descriptor.hpp"

namespace cv6::guest {
namespace {

constexpr long unknown_call = 700, far_call = 5'000'000;

class GatePolicy : public Containers {};

TEST_F(GatePolicy, ADeniedCallFailsAndDoesNothing) {
  const GatedBox box;
  ASSERT_OK(box.deny({SYS_mkdir, SYS_mkdirat}));
  const Ending ending = box.run([] {
    if (errno_of_call(SYS_mkdir, (long)"/tmp/denied", 0777) != EPERM) return 1;
    if (errno_of_call(SYS_mkdirat, AT_FDCWD, (long)"/tmp/denied", 0777) != EPERM) return 2;
    return access("/tmp/denied", F_OK) == 0 ? 3 : 0;
  });
  EXPECT_TRUE(ending.exited(0)) << ending;
  EXPECT_EQ(box.log().denied, 2u);
}

TEST_F(GatePolicy, OtherContainersAndTheHostAreNotConcerned) {
  const GatedBox box, other;
  ASSERT_OK(box.deny({SYS_getppid}));
  EXPECT_TRUE(other.run([] { return errno_of_call(SYS_getppid); }).exited(0));
  EXPECT_OK(syscall(SYS_getppid));
}

TEST_F(GatePolicy, AllowedUnknownCallsAreEnosysAndDeniedOnesEperm) {
  const GatedBox box;
  const auto errnos = [] { return errno_of_call(unknown_call) * 16 % 256 + errno_of_call(far_call) % 16; };
  EXPECT_TRUE(box.run(errnos).exited(ENOSYS * 16 % 256 + ENOSYS % 16));
  ASSERT_OK(box.deny({unknown_call, far_call}));
  EXPECT_TRUE(box.run(errnos).exited(EPERM * 16 + EPERM));
  EXPECT_TRUE(box.run([] { return errno_of_call(-1); }).exited(EPERM)) << "-1 is one of all others";
}

TEST_F(GatePolicy, TheLowHalfOfTheNumberCounts) {
  const GatedBox box;
  ASSERT_OK(box.deny({SYS_getppid}));
  EXPECT_TRUE(box.run([] { return errno_of_call(SYS_getppid | 1L << 32); }).exited(EPERM));
  // x32 numbers are numbers like others.
  EXPECT_TRUE(box.run([] { return errno_of_call(SYS_getppid | 0x40000000); }).exited(ENOSYS));
}

TEST_F(GatePolicy, OtherEntryInstructionsMakeNoCall) {
  const GatedBox box;
  ASSERT_OK(box.deny({SYS_getppid}));
  EXPECT_TRUE(box.run([] {
                   asm volatile("int $0x80" : : "a"(64) : "memory");  // getppid of i386
                   return 0;
                 }).killed_by(SIGSEGV));
  EXPECT_TRUE(box.run([] {
                   asm volatile("int $0x40" : : "a"(11) : "memory");
                   return 0;
                 }).killed_by(SIGSEGV));
  const Ending ending = box.run([] {
    asm volatile("sysenter" : : "a"(64) : "memory", "rcx", "rdx");
    return 0;
  });
  EXPECT_TRUE(ending.killed_by(SIGSEGV) || ending.killed_by(SIGILL)) << ending;
}

TEST_F(GatePolicy, TheActionKillEndsTheProcessBeforeTheCall) {
  const GatedBox box;
  ASSERT_OK(change_rules(box.id(), Rules::tighten, {SYS_mkdir}, {SYS_mkdir}));
  const Ending ending = box.run([] {
    signal(SIGSYS, SIG_IGN);
    mkdir("/tmp/denied", 0777);
    return 0;
  });
  EXPECT_TRUE(ending.killed_by(SIGSYS)) << ending;
  EXPECT_TRUE(box.run([] { return access("/tmp/denied", F_OK) == 0; }).exited(0));
}

TEST_F(GatePolicy, FatalRulesMustDeny) {
  const GatedBox box;
  EXPECT_ERRNO(EINVAL, change_rules(box.id(), Rules::replace, {}, {SYS_mkdir}));
  EXPECT_EQ(rules_of(box.id(), Rules::get_own).fatal, CallSet());
}

TEST_F(GatePolicy, RulesAreShownReplacedAndLoosened) {
  const GatedBox box;
  ASSERT_OK(change_rules(box.id(), Rules::replace, {SYS_mkdir, SYS_kill}, {SYS_kill}));
  EXPECT_TRUE(rules_of(box.id(), Rules::get_own).denied.has(SYS_mkdir));
  EXPECT_TRUE(rules_of(box.id(), Rules::get_effective).fatal.has(SYS_kill));
  ASSERT_OK(box.allow({SYS_kill}));
  EXPECT_EQ(rules_of(box.id(), Rules::get_own).fatal, CallSet());
  EXPECT_TRUE(rules_of(box.id(), Rules::get_own).denied.has(SYS_mkdir));
  ASSERT_OK(change_rules(box.id(), Rules::replace, {}));
  EXPECT_EQ(rules_of(box.id(), Rules::get_effective).denied, CallSet());
}

TEST_F(GatePolicy, RulesReachManyContainersBelow) {
  const Box box(nesting());
  const Pipe made, end;
  const pid_t inside = box.start([&] {
    int last = -1;
    for (int i = 0; i < 300; ++i) last = create_container({});
    EXPECT_OK(last);
    EXPECT_EQ(write(made.write, &last, sizeof last), (ssize_t)sizeof last);
    end.wait();
  });
  int last = -1;
  ASSERT_EQ(read(made.read, &last, sizeof last), (ssize_t)sizeof last);
  ASSERT_OK(change_rules(box.id(), Rules::tighten, {SYS_getppid}));
  EXPECT_TRUE(run([&] { return join_container(last) == 0 ? errno_of_call(SYS_getppid) : 99; }).exited(EPERM));
  end.notify();
  EXPECT_TRUE(reap(inside).exited(0));
}

TEST_F(GatePolicy, InsideOneCanOnlyTighten) {
  const GatedBox box;
  ASSERT_OK(box.deny({SYS_mkdir}));
  const Ending ending = box.run([] {
    const int own = cid();
    if (change_rules(own, Rules::loosen, {SYS_mkdir}) == 0 || errno != EPERM) return 1;
    if (change_rules(own, Rules::replace, {}) == 0 || errno != EPERM) return 2;
    if (change_rules(own, Rules::tighten, {SYS_getppid}) != 0) return 3;
    if (errno_of_call(SYS_getppid) != EPERM) return 4;
    if (errno_of_call(SYS_mkdir, (long)"/tmp/x", 0777) != EPERM) return 5;
    ContainerPolicy policy;
    policy.id = own;
    if (container_policy(policy) != 0 || !policy.denied.has(SYS_mkdir) || !policy.denied.has(SYS_getppid)) return 6;
    return 0;
  });
  EXPECT_TRUE(ending.exited(0)) << ending;
  EXPECT_TRUE(rules_of(box.id(), Rules::get_own).denied.has(SYS_getppid)) << "it stays";
}

TEST_F(GatePolicy, OnlyRootTightens) {
  const GatedBox box;
  EXPECT_TRUE(box.run([] {
                   if (setuid(1000) != 0) return 1;
                   return change_rules(cid(), Rules::tighten, {SYS_getppid}) == 0 ? 2 : errno;
                 }).exited(EPERM));
}

TEST_F(GatePolicy, NobodyReachesUpOrSideways) {
  const GatedBox box, other;
  const int sideways = other.id();
  EXPECT_TRUE(box.run([sideways] {
                   if (change_rules(sideways, Rules::tighten, {SYS_getppid}) == 0 || errno != ESRCH) return 1;
                   if (change_rules(host_container, Rules::tighten, {SYS_getppid}) == 0 || errno != ESRCH) return 2;
                   ContainerLog log;
                   log.id = cid();
                   if (container_log(log) == 0 || errno != ESRCH) return 3;
                   if (open_container_log({cid(), 0}) >= 0 || errno != ESRCH) return 4;
                   return 0;
                 }).exited(0));
}

TEST_F(GatePolicy, TheHostHasNoGate) {
  EXPECT_ERRNO(EPERM, change_rules(host_container, Rules::tighten, {SYS_mkdir}));
  EXPECT_EQ(rules_of(host_container, Rules::get_effective).denied, CallSet());
}

TEST_F(GatePolicy, WrongArgumentsAreRefused) {
  const GatedBox box;
  ContainerPolicy policy;
  policy.id = box.id();
  policy.operation = static_cast<Rules>(5);
  EXPECT_ERRNO(EINVAL, container_policy(policy));
  policy = {};
  policy.id = box.id();
  policy.flags = 1;
  EXPECT_ERRNO(EINVAL, container_policy(policy));
  EXPECT_ERRNO(EINVAL, syscall(call::container_policy, &policy, sizeof policy - 1));
  EXPECT_ERRNO(EFAULT, syscall(call::container_policy, 8, sizeof policy));
  EXPECT_ERRNO(ESRCH, change_rules(9999, Rules::tighten, {SYS_mkdir}));
  EXPECT_ERRNO(EINVAL, box.set_log(8, 16));
  EXPECT_ERRNO(EINVAL, box.set_log(ContainerLog::records, 0));
  EXPECT_ERRNO(EINVAL, box.set_log(ContainerLog::records, 65537));
  EXPECT_ERRNO(EINVAL, open_container_log({box.id(), 16}));
  EXPECT_ERRNO(EINVAL, container_call_counts({box.id(), CallSet::size, nullptr, 1}));
  EXPECT_ERRNO(ENODATA, container_call_counts({box.id(), 0, nullptr, 1}));
}

TEST_F(GatePolicy, AnInterruptedSleepGoesOnThoughContinuingIsDenied) {
  const GatedBox box;
  ASSERT_OK(box.deny({SYS_restart_syscall}));
  EXPECT_TRUE(box.run([] { return errno_of_call(SYS_restart_syscall); }).exited(EPERM)) << "made by the program itself";
  int ready[2];
  ASSERT_OK(pipe(ready));
  const pid_t pid = box.start([&] {
    write(ready[1], "x", 1);
    const timespec time{.tv_sec = 0, .tv_nsec = 300'000'000};
    return nanosleep(&time, nullptr) == 0 ? 0 : errno;
  });
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_OK(kill(pid, SIGSTOP));
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  ASSERT_OK(kill(pid, SIGCONT));
  EXPECT_TRUE(reap(pid).exited(0));
  close(ready[0]);
  close(ready[1]);
}

TEST_F(GatePolicy, ACallThatIsMadeAgainIsJudgedAgain) {
  const GatedBox box;
  int data[2], ready[2];
  ASSERT_OK(pipe(data));
  ASSERT_OK(pipe(ready));
  const pid_t pid = box.start([&] {
    write(ready[1], "x", 1);
    char byte;
    return read(data[0], &byte, 1) == 1 ? 0 : errno;
  });
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_OK(kill(pid, SIGSTOP));
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  ASSERT_OK(box.deny({SYS_read}));
  ASSERT_OK(kill(pid, SIGCONT));
  // Stopped before, while or after it began to read: it is denied, or waits in the call that began before the change.
  // Either way data does not come through a call that begins now.
  ASSERT_EQ(write(data[1], "x", 1), 1);
  const Ending ending = reap(pid);
  EXPECT_TRUE(ending.exited(EPERM) || ending.exited(0)) << ending;
  for (const int fd : {data[0], data[1], ready[0], ready[1]}) close(fd);
}

// Processes that call all the time, while the policy changes: once the change has returned, no call that begins later
// passes that should not.
TEST_F(GatePolicy, ChangesCountAtOnceOnAllProcessors) {
  const GatedBox box;
  struct Shared {
    std::atomic<unsigned> phase{0}, wrong{0}, calls{0};
    std::atomic<bool> stop{false};
  };
  auto* shared = static_cast<Shared*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  new (shared) Shared;
  constexpr int workers = 4;
  pid_t pids[workers];
  for (pid_t& pid : pids)
    pid = box.start([shared] {
      while (!shared->stop) {
        const unsigned before = shared->phase;
        const int error = errno_of_call(SYS_getppid);
        ++shared->calls;
        // Odd: denied; even: allowed; a phase that changed meanwhile says nothing.
        if (shared->phase == before && before % 4 == 1 && error != EPERM) ++shared->wrong;
        if (shared->phase == before && before % 4 == 3 && error != 0) ++shared->wrong;
      }
      return 0;
    });
  for (unsigned round = 0; round < 100; ++round) {
    EXPECT_OK(box.deny({SYS_getppid}));
    ++shared->phase;  // 1: denied from here
    for (const unsigned seen = shared->calls; shared->calls - seen < 8;) sched_yield();
    ++shared->phase;
    EXPECT_OK(box.allow({SYS_getppid}));
    ++shared->phase;  // 3: allowed from here
    for (const unsigned seen = shared->calls; shared->calls - seen < 8;) sched_yield();
    ++shared->phase;
  }
  shared->stop = true;
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_EQ(shared->wrong, 0u);
  EXPECT_GT(shared->calls, 1000u);
  munmap(shared, 4096);
}

}  // namespace
}  // namespace cv6::guest
