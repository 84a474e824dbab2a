// Supervised calls: held until a process outside has decided about them.
#include <poll.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "gate/gated_box.hpp"
#include "support/descriptor.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

using Action = SupervisorAnswer::Action;

struct Question : SupervisedCall {
  std::string text;
};

int change_supervised(int id, Rules operation, std::initializer_list<unsigned> calls) {
  ContainerPolicy policy;
  policy.id = id;
  policy.operation = operation;
  for (const unsigned call : calls) policy.supervised.add(CallSet::place_of_linux(call));
  return container_policy(policy);
}

constexpr unsigned xv6_open = 15;
int supervise_xv6_open(int id) {
  ContainerPolicy policy;
  policy.id = id;
  policy.operation = Rules::tighten;
  policy.supervised.add(CallSet::place_of_xv6(xv6_open));
  return container_policy(policy);
}

class Supervisor {
 public:
  explicit Supervisor(int id, std::uint32_t flags = 0) : descriptor_(open_container_supervisor({id, flags})) { EXPECT_OK(descriptor_.get()); }
  // False: the end.
  bool next(Question& question) const {
    char buffer[SupervisedCall::longest];
    const ssize_t size = read(descriptor_, buffer, sizeof buffer);
    EXPECT_OK(size);
    if (size <= 0) return false;
    static_cast<SupervisedCall&>(question) = *reinterpret_cast<SupervisedCall*>(buffer);
    question.text.assign(buffer + sizeof(SupervisedCall), question.text_size);
    EXPECT_EQ(static_cast<std::size_t>(size), sizeof(SupervisedCall) + question.text_size);
    return true;
  }
  Question next() const {
    Question question;
    EXPECT_TRUE(next(question));
    return question;
  }
  int answer(const SupervisedCall& question, Action action, std::int64_t value = 0, std::uint32_t flags = 0) const {
    const SupervisorAnswer answer{question.question, action, flags, value};
    return write(descriptor_, &answer, sizeof answer) == sizeof answer ? 0 : -1;
  }
  bool has_question() const {
    pollfd wanted{descriptor_, POLLIN, 0};
    return poll(&wanted, 1, 0) == 1 && wanted.revents & POLLIN;
  }
  int descriptor() const { return descriptor_; }
  void close() { descriptor_.close(); }

 private:
  Descriptor descriptor_;
};

class GateSupervisor : public Containers {};

TEST_F(GateSupervisor, DecidesWhatBecomesOfACall) {
  const GatedBox box;
  ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_mkdir}));
  const Supervisor supervisor(box.id());
  EXPECT_FALSE(supervisor.has_question());
  const pid_t child = box.start([] {
    if (errno_of_call(SYS_mkdir, (long)"/tmp/supervised", 0700) != 0 || access("/tmp/supervised", F_OK) != 0) return 1;
    if (errno_of_call(SYS_mkdir, (long)"/tmp/other", 0700) != EROFS || access("/tmp/other", F_OK) == 0) return 2;
    return syscall(SYS_mkdir, "/tmp/other", 0700) == 7777 && access("/tmp/other", F_OK) != 0 ? 0 : 3;
  });
  const Question first = supervisor.next();
  EXPECT_EQ(first.process, child);
  EXPECT_EQ(first.thread, child);
  EXPECT_EQ(first.container, box.id());
  EXPECT_EQ(first.abi, 0u);
  EXPECT_EQ(first.number, SYS_mkdir);
  EXPECT_EQ(first.arguments[1], 0700u);
  EXPECT_EQ(first.text, "mkdir(\"/tmp/supervised\", 0700)");
  EXPECT_OK(supervisor.answer(first, Action::run));
  EXPECT_OK(supervisor.answer(supervisor.next(), Action::fail, EROFS));
  EXPECT_OK(supervisor.answer(supervisor.next(), Action::give, 7777));
  EXPECT_TRUE(reap(child).exited(0));
  EXPECT_EQ(box.log().denied, 0u);
}

TEST_F(GateSupervisor, GivesAFile) {
  const GatedBox box;
  ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_open}));
  const Supervisor supervisor(box.id());
  Pipe pipe;
  const pid_t child = box.start([&] {
    const int fd = static_cast<int>(syscall(SYS_open, "/not/there", 0));
    if (fd < 0 || fcntl(fd, F_GETFD) != FD_CLOEXEC) return 1;
    return write(fd, "from inside", 11) == 11 ? 0 : 2;
  });
  const Question question = supervisor.next();
  EXPECT_ERRNO(EBADF, supervisor.answer(question, Action::give_file, 9999));
  EXPECT_OK(supervisor.answer(question, Action::give_file, pipe.write, SupervisorAnswer::close_on_exec));
  EXPECT_TRUE(reap(child).exited(0));
  char text[12] = {};
  EXPECT_EQ(read(pipe.read, text, sizeof text), 11);
  EXPECT_STREQ(text, "from inside");
}

// The other ABI's calls alike: what the arguments are is not in the same registers.
TEST_F(GateSupervisor, DecidesAboutXv6Programs) {
  const GatedBox box;
  ASSERT_OK(supervise_xv6_open(box.id()));
  const Supervisor supervisor(box.id());
  Pipe given, output;
  ASSERT_EQ(write(given.write, "given\n", 6), 6);
  given.write.close();
  const pid_t child = box.start([&] {
    dup2(output.write, STDOUT_FILENO);
    return execl("/xv6/cat", "cat", "/not/there", "/etc/hostname", "/etc/motd", nullptr);
  });
  const Question question = supervisor.next();
  EXPECT_EQ(question.abi, 1u);
  EXPECT_EQ(question.number, xv6_open);
  EXPECT_EQ(question.process, child);
  EXPECT_EQ(question.arguments[1], 0u);
  EXPECT_EQ(question.text, "open(\"/not/there\", 0)");
  EXPECT_OK(supervisor.answer(question, Action::give_file, given.read));
  EXPECT_OK(supervisor.answer(supervisor.next(), Action::run));
  EXPECT_OK(supervisor.answer(supervisor.next(), Action::fail, ENOENT));
  EXPECT_TRUE(reap(child).exited(0));
  output.write.close();
  char text[64] = {};
  EXPECT_EQ(read(output.read, text, sizeof text), 10);
  EXPECT_STREQ(text, "given\ncv6\n");
}

// Programs of the other ABI have 16 files, those that they are given among them.
TEST_F(GateSupervisor, GivesXv6ProgramsNoMoreFilesThanTheyMayHave) {
  constexpr int xv6_files = 16;
  const GatedBox box;
  ASSERT_OK(supervise_xv6_open(box.id()));
  const Supervisor supervisor(box.id());
  Pipe given, output;
  const pid_t child = box.start([&] {
    dup2(output.write, STDOUT_FILENO);
    for (int number = STDERR_FILENO; number < xv6_files; ++number) dup2(STDOUT_FILENO, number);
    return execl("/xv6/cat", "cat", "/not/there", nullptr);
  });
  EXPECT_OK(supervisor.answer(supervisor.next(), Action::give_file, given.read));
  EXPECT_TRUE(reap(child).exited(0));
  output.write.close();
  char text[64] = {};
  EXPECT_GT(read(output.read, text, sizeof text), 0);
  EXPECT_STREQ(text, "cat: cannot open /not/there\n");
}

TEST_F(GateSupervisor, NobodyThereIsARefusal) {
  const GatedBox box;
  ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_getppid}));
  const auto call = [] { return errno_of_call(SYS_getppid); };
  EXPECT_TRUE(box.run(call).exited(EPERM));
  EXPECT_EQ(box.log().denied, 1u);
  Supervisor supervisor(box.id());
  const auto call_only = [&] {
    supervisor.close();  // what fork(2) copied
    return call();
  };
  const pid_t child = box.start(call_only), other = box.start(call_only);
  (void)supervisor.next();
  supervisor.close();  // one has been shown, the other perhaps not
  EXPECT_TRUE(reap(child).exited(EPERM));
  EXPECT_TRUE(reap(other).exited(EPERM));
  ASSERT_OK(change_supervised(box.id(), Rules::loosen, {SYS_getppid}));
  EXPECT_TRUE(box.run(call).exited(0));
}

TEST_F(GateSupervisor, DenyingIsStricter) {
  const GatedBox box;
  ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_getppid, SYS_getpgrp}));
  ASSERT_OK(box.deny({SYS_getppid}));
  const Supervisor supervisor(box.id());
  EXPECT_TRUE(box.run([] { return errno_of_call(SYS_getppid); }).exited(EPERM));
  Question none;
  EXPECT_FALSE(supervisor.next(none));
  const ContainerPolicy rules = rules_of(box.id(), Rules::get_effective);
  EXPECT_TRUE(rules.supervised.has(SYS_getpgrp));
  EXPECT_TRUE(rules.denied.has(SYS_getppid));
}

std::atomic<int> signals_caught;

TEST_F(GateSupervisor, ASignalTakesTheCallBack) {
  const GatedBox box;
  ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_getppid}));
  const Supervisor supervisor(box.id());
  const pid_t child = box.start([] {
    struct sigaction action {};
    action.sa_handler = [](int) { ++signals_caught; };
    sigaction(SIGUSR1, &action, nullptr);
    if (errno_of_call(SYS_getppid) != EINTR || signals_caught != 1) return 1;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, nullptr);
    return errno_of_call(SYS_getppid) == 0 && signals_caught == 2 ? 0 : 2;
  });
  const Question first = supervisor.next();
  kill(child, SIGUSR1);
  const Question second = supervisor.next();
  EXPECT_ERRNO(ENOENT, supervisor.answer(first, Action::run));
  kill(child, SIGUSR1);
  const Question again = supervisor.next();
  EXPECT_ERRNO(ENOENT, supervisor.answer(second, Action::run));
  EXPECT_OK(supervisor.answer(again, Action::run));
  EXPECT_ERRNO(ENOENT, supervisor.answer(again, Action::run)) << "answered already";
  EXPECT_TRUE(reap(child).exited(0));
}

TEST_F(GateSupervisor, KilledCallersAreForgotten) {
  const GatedBox box;
  ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_getppid}));
  const Supervisor supervisor(box.id());
  const pid_t child = box.start([] { return errno_of_call(SYS_getppid); });
  const Question question = supervisor.next();
  kill(child, SIGKILL);
  EXPECT_TRUE(reap(child).killed_by(SIGKILL));
  EXPECT_ERRNO(ENOENT, supervisor.answer(question, Action::run));
  Question none;
  EXPECT_FALSE(supervisor.next(none)) << "the container has become empty";
}

TEST_F(GateSupervisor, DestroyEndsHeldCalls) {
  const int id = create_container({});
  ASSERT_OK(id);
  ASSERT_OK(change_supervised(id, Rules::tighten, {SYS_getppid}));
  const Supervisor supervisor(id);
  const pid_t child = spawn([&] { return join_container(id) == 0 ? errno_of_call(SYS_getppid) : 99; });
  const Question question = supervisor.next();
  ASSERT_OK(destroy_container(id));
  EXPECT_TRUE(reap(child).killed_by(SIGKILL));
  EXPECT_ERRNO(ENOENT, supervisor.answer(question, Action::run));
  Question none;
  EXPECT_FALSE(supervisor.next(none));
}

TEST_F(GateSupervisor, IsOneAndAboveTheContainer) {
  const GatedBox box;
  const Supervisor supervisor(box.id());
  EXPECT_ERRNO(EBUSY, open_container_supervisor({box.id(), 0}));
  EXPECT_ERRNO(EINVAL, open_container_supervisor({box.id(), 2}));
  EXPECT_ERRNO(ESRCH, open_container_supervisor({999'999, 0}));
  EXPECT_TRUE(box.run([&] { return open_container_supervisor({box.id(), 0}) == -1 ? errno : 0; }).exited(ESRCH));
  // Inside, one's own container's rules can become stricter only.
  EXPECT_TRUE(box.run([&] {
                   if (change_supervised(box.id(), Rules::tighten, {SYS_mkdir}) != 0) return 1;
                   return change_supervised(box.id(), Rules::loosen, {SYS_mkdir}) == -1 && errno == EPERM ? 0 : 2;
                 }).exited(0));
  EXPECT_TRUE(rules_of(box.id(), Rules::get_own).supervised.has(SYS_mkdir));
}

TEST_F(GateSupervisor, WrongAnswersAreRefused) {
  const GatedBox box;
  ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_getppid}));
  const Supervisor supervisor(box.id(), ContainerSupervisor::nonblock);
  char small[sizeof(SupervisedCall)];
  EXPECT_ERRNO(EINVAL, read(supervisor.descriptor(), small, sizeof small));
  char room[SupervisedCall::longest];
  EXPECT_ERRNO(EAGAIN, read(supervisor.descriptor(), room, sizeof room));
  const pid_t child = box.start([] { return errno_of_call(SYS_getppid); });
  EXPECT_TRUE(wait_until([&] { return supervisor.has_question(); }));
  const SupervisedCall wrong{.question = 77};
  EXPECT_ERRNO(ENOENT, supervisor.answer(wrong, Action::run));
  const Question question = supervisor.next();
  EXPECT_ERRNO(EINVAL, supervisor.answer(question, static_cast<Action>(4)));
  EXPECT_ERRNO(EINVAL, supervisor.answer(question, Action::run, 0, 1));
  EXPECT_ERRNO(EINVAL, supervisor.answer(question, Action::fail, 0));
  EXPECT_ERRNO(EINVAL, supervisor.answer(question, Action::fail, 512)) << "the kernel's own";
  EXPECT_ERRNO(EINVAL, write(supervisor.descriptor(), &question, 8));
  EXPECT_OK(supervisor.answer(question, Action::fail, ENOSPC));
  EXPECT_TRUE(reap(child).exited(ENOSPC));
}

TEST_F(GateSupervisor, InnerOnesAreAskedFirst) {
  const Box outer(nesting());
  ASSERT_OK(change_supervised(outer.id(), Rules::tighten, {SYS_getpgrp}));
  const Supervisor above(outer.id());
  const pid_t manager = outer.start([] {
    const Box inner;
    ASSERT_OK(change_supervised(inner.id(), Rules::tighten, {SYS_getpgrp}));
    const Supervisor supervisor(inner.id());
    const pid_t child = inner.start([] {
      EXPECT_ERRNO(EXDEV, syscall(SYS_getpgrp));
      EXPECT_EQ(syscall(SYS_getpgrp), 55);
    });
    EXPECT_OK(supervisor.answer(supervisor.next(), Action::fail, EXDEV));
    EXPECT_OK(supervisor.answer(supervisor.next(), Action::run));
    EXPECT_TRUE(reap(child).exited(0));
  });
  const Question question = above.next();
  EXPECT_NE(question.container, outer.id());
  EXPECT_OK(above.answer(question, Action::give, 55));
  EXPECT_TRUE(reap(manager).exited(0));
  Question none;
  EXPECT_FALSE(above.next(none)) << "what the inner one refused goes no further";
}

TEST_F(GateSupervisor, HoldsManyAtOnce) {
  constexpr int count = 24;
  const GatedBox box;
  ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_getpriority}));
  const Supervisor supervisor(box.id());
  const pid_t child = box.start([] {
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i)
      threads.emplace_back([&right, i] { right += syscall(SYS_getpriority, i, 0) == 1000 + i; });
    for (std::thread& thread : threads) thread.join();
    return right == count ? 0 : 1;
  });
  std::vector<Question> held;
  while (held.size() < count) held.push_back(supervisor.next());
  for (auto question = held.rbegin(); question != held.rend(); ++question)
    EXPECT_OK(supervisor.answer(*question, Action::give, 1000 + static_cast<std::int64_t>(question->arguments[0])));
  EXPECT_TRUE(reap(child).exited(0));
}

TEST_F(GateSupervisor, TheLogSaysWhoAnswered) {
  const GatedBox box;
  ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_mkdir}));
  ASSERT_OK(box.set_log(ContainerLog::records | ContainerLog::texts, 64));
  const Supervisor supervisor(box.id());
  const pid_t child = box.start([] { return errno_of_call(SYS_mkdir, (long)"/tmp/x", 0700); });
  EXPECT_OK(supervisor.answer(supervisor.next(), Action::fail, EACCES));
  EXPECT_TRUE(reap(child).exited(EACCES));
  EXPECT_NE(box.log_text().find("mkdir(\"/tmp/x\", 0700) = -1 EACCES (answered by the supervisor)"), std::string::npos)
      << box.log_text();
}

// Callers, answers, kills and supervisors that come and go, all at once: nobody waits for good, nothing is left.
TEST_F(GateSupervisor, ComesAndGoesUnderLoad) {
  const ObjectCounts before = count_objects();
  {
    const GatedBox box;
    ASSERT_OK(change_supervised(box.id(), Rules::tighten, {SYS_getppid}));
    std::vector<pid_t> callers;
    for (int i = 0; i < 4; ++i)
      callers.push_back(box.start([] {
        for (;;)
          if (const int error = errno_of_call(SYS_getppid); error != 0 && error != EPERM && error != EACCES) return error;
      }));
    for (int round = 0; round < 100; ++round) {
      const Supervisor supervisor(box.id());
      for (int i = 0; i < 20; ++i) (void)supervisor.answer(supervisor.next(), i % 2 ? Action::run : Action::fail, i % 2 ? 0 : EACCES);
      (void)supervisor.next();  // left unanswered
    }
    for (const pid_t caller : callers) {
      kill(caller, SIGKILL);
      EXPECT_TRUE(reap(caller).killed_by(SIGKILL));
    }
  }
  const ObjectCounts after = count_objects();
  EXPECT_EQ(after.at("call_supervisor"), before.contains("call_supervisor") ? before.at("call_supervisor") : 0);
}

}  // namespace
}  // namespace cv6::guest
