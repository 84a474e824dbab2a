// execve and execveat: arguments, environment, scripts, what survives and what does not, and the errors.

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/helper.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/small_program.hpp"
#include "support/soak.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

extern char** environ;

namespace cv6::guest {
namespace {

class Exec : public TempDir {};

// Prints its arguments, one a line.
const Helper arguments_helper{"arguments", [](std::span<char*> arguments) {
                                for (const char* argument : arguments) printf("%s\n", argument);
                                return 0;
                              }};

const Helper environment_helper{"environment", [](std::span<char*>) {
                                  for (char** entry = environ; *entry; ++entry) printf("%s\n", *entry);
                                  return 0;
                                }};

// Exits with 0 when the numbered descriptor is open, 1 when not.
const Helper open_helper{"is-open",
                         [](std::span<char*> arguments) { return fcntl(atoi(arguments[0]), F_GETFD) == -1 ? 1 : 0; }};

const Helper exit_helper{"exit", [](std::span<char*> arguments) { return atoi(arguments[0]); }};

// What a child that runs `body` writes to its standard output.
std::string output_of(const std::function<void()>& body) {
  Pipe pipe;
  const pid_t pid = spawn([&] {
    dup2(pipe.write, STDOUT_FILENO);
    body();
    return 126;
  });
  pipe.write.close();
  std::string text;
  char buffer[4096];
  for (ssize_t length; (length = read(pipe.read, buffer, sizeof buffer)) > 0;) text.append(buffer, length);
  const Ending ending = reap(pid);
  EXPECT_TRUE(ending.exited(0)) << ending;
  return text;
}

TEST_F(Exec, PassesArguments) {
  EXPECT_EQ(output_of([] { become_helper("arguments", {"one", "", "three words here", "\xff"}); }),
            "one\n\nthree words here\n\xff\n");
}

TEST_F(Exec, PassesEnvironment) {
  const auto text = output_of([] {
    const char* argv[] = {"x", "--helper", "environment", nullptr};
    const char* envp[] = {"A=1", "B=", "C=with = sign", nullptr};
    execve("/proc/self/exe", const_cast<char**>(argv), const_cast<char**>(envp));
  });
  EXPECT_EQ(text, "A=1\nB=\nC=with = sign\n");
}

TEST_F(Exec, EnvironmentMayBeNull) {
  const auto text = output_of([] {
    const char* argv[] = {"x", "--helper", "environment", nullptr};
    syscall(SYS_execve, "/proc/self/exe", argv, nullptr);
  });
  EXPECT_EQ(text, "");
}

// Since 5.18: one empty argument, and the environment stays what it is.
TEST_F(Exec, NoArgumentsAreOneEmptyOne) {
  constexpr unsigned char code[] = {
      0xbf, 1, 0, 0, 0,              // mov edi, 1
      0x48, 0x8b, 0x74, 0x24, 0x08,  // mov rsi, argv[0]
      0xba, 9, 0, 0, 0,              // mov edx, 9
      0xb8, 1, 0, 0, 0, 0x0f, 0x05,  // write
      0x48, 0x8b, 0x74, 0x24, 0x18,  // mov rsi, envp[0], if argc is 1
      0xba, 8, 0, 0, 0,              // mov edx, 8
      0xb8, 1, 0, 0, 0, 0x0f, 0x05,  // write
      0x8b, 0x3c, 0x24,              // mov edi, argc
      0xff, 0xcf,                    // dec edi
      0xb8, 60, 0, 0, 0, 0x0f, 0x05  // exit
  };
  const ProgramOf<sizeof code> program(code);
  write_file("program", program.bytes(), 0755);
  const char* environment[] = {"A=1", "B=2", nullptr};
  const char* none[] = {nullptr};
  using namespace std::string_view_literals;
  for (const char** arguments : {static_cast<const char**>(nullptr), none})
    EXPECT_EQ(output_of([&] { syscall(SYS_execve, "program", arguments, environment); }), "\0A=1\0B=2\0A=1\0B=2\0"sv);
}

TEST_F(Exec, ReturnsExitCode) {
  EXPECT_TRUE(run([]() -> int { become_helper("exit", {"77"}); }).exited(77));
}

TEST_F(Exec, ScriptRunsItsInterpreterWithOneArgument) {
  // The interpreter is this program; the one argument is --helper, blanks around it do not count.
  char self[4096] = {};
  ASSERT_OK(readlink("/proc/self/exe", self, sizeof self - 1));
  ASSERT_OK(symlink(self, "interpreter"));
  write_file("script", "#! " + path("interpreter") + "   --helper \nignored\n", 0755);
  const auto text = output_of([&] {
    // argv becomes: the interpreter, "--helper", "arguments" (the path given to exec), "b", "c"
    ASSERT_OK(rename("script", "arguments"));
    execl("arguments", "zero", "b", "c", nullptr);
  });
  EXPECT_EQ(text, "b\nc\n");
}

TEST_F(Exec, ScriptGivesTheRestOfItsLineAsOneArgument) {
  char self[4096] = {};
  ASSERT_OK(readlink("/proc/self/exe", self, sizeof self - 1));
  ASSERT_OK(symlink(self, "helper-arguments"));
  write_file("script", "#!" + path("helper-arguments") + "  one  two \t\n", 0755);
  EXPECT_EQ(output_of([] { execl("script", "zero", "three", nullptr); }), "one  two\nscript\nthree\n");
  write_file("bare", "#!" + path("helper-arguments"), 0755);  // not even the end of the line
  EXPECT_EQ(output_of([] { execl("bare", "zero", nullptr); }), "bare\n");
}

TEST_F(Exec, InterpreterOfAScriptMayBeAScript) {
  char self[4096] = {};
  ASSERT_OK(readlink("/proc/self/exe", self, sizeof self - 1));
  ASSERT_OK(symlink(self, "interpreter"));
  write_file("inner", "#!" + path("interpreter") + " --helper\n", 0755);
  ASSERT_OK(rename("inner", "arguments"));
  write_file("outer", "#!arguments\n", 0755);
  EXPECT_EQ(output_of([] { execl("outer", "outer", "x", nullptr); }), "outer\nx\n");
}

TEST_F(Exec, ScriptLoopsEnd) {
  write_file("loop", "#!" + path("loop") + "\n", 0755);
  EXPECT_CHILD({ EXPECT_ERRNO(ELOOP, execl("loop", "loop", nullptr)); });
}

TEST_F(Exec, ScriptErrors) {
  write_file("missing", "#!" + path("nowhere") + "\n", 0755);
  write_file("empty", "#!\n", 0755);
  write_file("blank", "#!   \n", 0755);
  write_file("text", "echo hello\n", 0755);
  write_file("nothing", "", 0755);
  EXPECT_CHILD({
    EXPECT_ERRNO(ENOENT, execl("missing", "x", nullptr));
    EXPECT_ERRNO(ENOEXEC, execl("empty", "x", nullptr));
    EXPECT_ERRNO(ENOEXEC, execl("blank", "x", nullptr));
    EXPECT_ERRNO(ENOEXEC, execl("text", "x", nullptr));
    EXPECT_ERRNO(ENOEXEC, execl("nothing", "x", nullptr));
  });
}

TEST_F(Exec, Errors) {
  write_file("plain", "#!/bin/sh\n", 0644);
  mkdir("directory", 0755);
  symlink("loop", "loop");
  EXPECT_CHILD({
    EXPECT_ERRNO(ENOENT, execl("nowhere", "x", nullptr));
    EXPECT_ERRNO(ENOENT, execl("", "x", nullptr));
    EXPECT_ERRNO(EACCES, execl("plain", "x", nullptr));  // no execute bit: not even for root
    EXPECT_ERRNO(EACCES, execl("directory", "x", nullptr));
    EXPECT_ERRNO(ENOTDIR, execl("plain/x", "x", nullptr));
    EXPECT_ERRNO(ELOOP, execl("loop", "x", nullptr));
    EXPECT_ERRNO(ENAMETOOLONG, execl(std::string(256, 'a').c_str(), "x", nullptr));
    EXPECT_ERRNO(EACCES, execl("/dev/null", "x", nullptr));
  });
}

TEST_F(Exec, WildPointers) {
  EXPECT_CHILD({
    const char* argv[] = {"x", nullptr};
    const char* broken[] = {"x", wild<char>(), nullptr};
    EXPECT_ERRNO(EFAULT, syscall(SYS_execve, wild(), argv, nullptr));
    EXPECT_ERRNO(EFAULT, syscall(SYS_execve, "/proc/self/exe", wild(), nullptr));
    EXPECT_ERRNO(EFAULT, syscall(SYS_execve, "/proc/self/exe", argv, wild()));
    EXPECT_ERRNO(EFAULT, syscall(SYS_execve, "/proc/self/exe", broken, nullptr));
    EXPECT_ERRNO(EFAULT, syscall(SYS_execve, "/proc/self/exe", argv, broken));
  });
}

TEST_F(Exec, BusyTextFileCannotBeRunOrWritten) {
  char self[4096] = {};
  ASSERT_OK(readlink("/proc/self/exe", self, sizeof self - 1));
  EXPECT_ERRNO(ETXTBSY, open(self, O_WRONLY));
  write_file("script", "#!/bin/sh\n", 0755);
  Descriptor writer = open_file("script", O_WRONLY);
  ASSERT_OK(writer);
  EXPECT_CHILD({ EXPECT_ERRNO(ETXTBSY, execl("script", "x", nullptr)); });
}

TEST_F(Exec, CloexecDescriptorsAreClosed) {
  Descriptor kept(open("/dev/null", O_RDONLY));
  Descriptor closed(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(run([&]() -> int { become_helper("is-open", {std::to_string(kept)}); }).exited(0));
  EXPECT_TRUE(run([&]() -> int { become_helper("is-open", {std::to_string(closed)}); }).exited(1));
  EXPECT_TRUE(run([&]() -> int {
                fcntl(kept, F_SETFD, FD_CLOEXEC);
                become_helper("is-open", {std::to_string(kept)});
              }).exited(1));
}

const Helper signals_helper{"signals", [](std::span<char*>) {
                              struct sigaction handled{}, ignored{};
                              sigset_t blocked, pending;
                              sigaction(SIGUSR1, nullptr, &handled);
                              sigaction(SIGUSR2, nullptr, &ignored);
                              sigprocmask(SIG_BLOCK, nullptr, &blocked);
                              sigpending(&pending);
                              stack_t stack{};
                              sigaltstack(nullptr, &stack);
                              if (handled.sa_handler != SIG_DFL) return 1;
                              if (ignored.sa_handler != SIG_IGN) return 2;
                              if (!sigismember(&blocked, SIGHUP)) return 3;
                              if (!sigismember(&pending, SIGHUP)) return 4;
                              return stack.ss_flags & SS_DISABLE ? 0 : 5;
                            }};

TEST_F(Exec, HandlersAreResetMaskAndPendingStay) {
  const Ending ending = run([]() -> int {
    signal(SIGUSR1, [](int) {});
    signal(SIGUSR2, SIG_IGN);
    static char memory[64 * 1024];
    const stack_t stack{memory, 0, sizeof memory};
    sigaltstack(&stack, nullptr);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    raise(SIGHUP);
    become_helper("signals");
  });
  EXPECT_TRUE(ending.exited(0)) << ending;
}

const Helper state_helper{"state", [](std::span<char*> arguments) {
                            if (getpid() != atoi(arguments[0])) return 1;
                            char directory[4096];
                            if (!getcwd(directory, sizeof directory) || strcmp(directory, arguments[1]) != 0) return 2;
                            if (umask(0) != 031) return 3;
                            if (alarm(0) == 0) return 4;  // an alarm survives
                            return 0;
                          }};

TEST_F(Exec, PidDirectoryUmaskAndAlarmStay) {
  const Ending ending = run([this]() -> int {
    umask(031);
    alarm(10'000);
    become_helper("state", {std::to_string(getpid()), path()});
  });
  EXPECT_TRUE(ending.exited(0)) << ending;
}

const Helper comm_helper{"comm", [](std::span<char*> arguments) {
                           char name[16] = {};
                           prctl(PR_GET_NAME, name);
                           return strcmp(name, arguments[0]) == 0 ? 0 : 1;
                         }};

TEST_F(Exec, NameIsTheFileNameCutTo15) {
  char self[4096] = {};
  ASSERT_OK(readlink("/proc/self/exe", self, sizeof self - 1));
  ASSERT_OK(symlink(self, "a-name-longer-than-fifteen"));
  EXPECT_TRUE(run([]() -> int {
                execl("a-name-longer-than-fifteen", "other", "--helper", "comm", "a-name-longer-t", nullptr);
                return 126;
              }).exited(0));
}

const Helper auxv_helper{"auxv", [](std::span<char*> arguments) {
                           if (getauxval(AT_PAGESZ) != page_size) return 1;
                           if (getauxval(AT_UID) != getuid() || getauxval(AT_EGID) != getegid()) return 2;
                           if (getauxval(AT_SECURE) != 0) return 3;
                           if (getauxval(AT_RANDOM) == 0 || getauxval(AT_PHDR) == 0 || getauxval(AT_ENTRY) == 0)
                             return 4;
                           const auto* name = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
                           if (!name || strcmp(name, arguments[0]) != 0) return 5;
                           return getauxval(AT_CLKTCK) == 100 ? 0 : 6;
                         }};

TEST_F(Exec, AuxiliaryVector) {
  const Ending ending = run([]() -> int { become_helper("auxv", {"/proc/self/exe"}); });
  EXPECT_TRUE(ending.exited(0)) << ending;
}

const Helper random_helper{"random", [](std::span<char*>) {
                             fwrite(reinterpret_cast<void*>(getauxval(AT_RANDOM)), 1, 16, stdout);
                             return 0;
                           }};

TEST_F(Exec, RandomBytesOfAuxvDiffer) {
  const auto first = output_of([] { become_helper("random"); });
  const auto second = output_of([] { become_helper("random"); });
  EXPECT_EQ(first.size(), 16u);
  EXPECT_NE(first, second);
}

TEST_F(Exec, ArgumentsUpToTheLimit) {
  const std::string longest(128 * 1024 - 1, 'a');  // MAX_ARG_STRLEN with the terminator
  EXPECT_EQ(output_of([&] { become_helper("arguments", {longest}); }).size(), longest.size() + 1);
  EXPECT_CHILD({
    const std::string too_long(128 * 1024, 'a');
    EXPECT_ERRNO(E2BIG, execl("/proc/self/exe", "x", too_long.c_str(), nullptr));
  });
}

TEST_F(Exec, TooManyArgumentsInAll) {
  EXPECT_CHILD({
    const std::string piece(100'000, 'b');
    std::vector<const char*> argv(200, piece.c_str());  // 20 MB: more than any stack limit lets through
    argv.push_back(nullptr);
    EXPECT_ERRNO(E2BIG, execv("/proc/self/exe", const_cast<char**>(argv.data())));
  });
}

TEST_F(Exec, ExecveatByDirectoryAndByDescriptor) {
  char self[4096] = {};
  ASSERT_OK(readlink("/proc/self/exe", self, sizeof self - 1));
  ASSERT_OK(symlink(self, "link"));
  const char* argv[] = {"x", "--helper", "exit", "5", nullptr};
  Descriptor directory = open_file(path().c_str(), O_RDONLY | O_DIRECTORY);
  Descriptor file(open(self, O_RDONLY | O_CLOEXEC));
  Descriptor by_path(open(self, O_PATH | O_CLOEXEC));
  const auto execute = [&](int at, const char* name, int flags) {
    return run([&]() -> int {
      syscall(SYS_execveat, at, name, argv, environ, flags);
      return errno;
    });
  };
  EXPECT_TRUE(execute(directory, "link", 0).exited(5));
  EXPECT_TRUE(execute(AT_FDCWD, "link", 0).exited(5));
  EXPECT_TRUE(execute(file, "", AT_EMPTY_PATH).exited(5));
  EXPECT_TRUE(execute(by_path, "", AT_EMPTY_PATH).exited(5));
  EXPECT_TRUE(execute(directory, "link", AT_SYMLINK_NOFOLLOW).exited(ELOOP));
  EXPECT_TRUE(execute(file, "", 0).exited(ENOENT));
  EXPECT_TRUE(execute(file, "link", 0).exited(ENOTDIR));
  EXPECT_TRUE(execute(-1, "link", 0).exited(EBADF));
  EXPECT_TRUE(execute(directory, "link", 0x8000).exited(EINVAL));
}

TEST_F(Exec, WhileAnotherThreadWaitsForASignal) {
  EXPECT_TRUE(run([]() -> int {
                const Blocked blocked{SIGUSR1};
                std::atomic<pid_t> waiter = 0;
                std::thread([&] {
                  waiter = gettid();
                  int number;
                  sigwait(&blocked.set(), &number);
                }).detach();
                if (!wait_until([&] { return waiter != 0; }) || !wait_until_blocked(waiter)) return 125;
                execl("/proc/self/exe", "x", "--helper", "exit", "12", nullptr);
                return 126;
              }).exited(12));
}

constexpr int visitors_descriptor = 200;

// Exits with 1 when somebody else opens a descriptor of its.
const Helper no_visitors_helper{"no-visitors", [](std::span<char*>) {
                                  close(visitors_descriptor);
                                  for (int i = 0; i < 3000; ++i)
                                    if (fcntl(visitors_descriptor, F_GETFD) != -1) return 1;
                                  return 0;
                                }};

// The program's descriptors are its own, though another thread was about to share them with a new process.
TEST_F(Exec, SharesNoDescriptorsWithAProcessMadeMeanwhile) {
  for (int i = 0; i < times(30, 3000); ++i)
    EXPECT_TRUE(run([&]() -> int {
                  std::atomic<bool> begins = false;
                  std::thread([&] {
                    begins = true;
                    for (int children = 0; children < 4; ++children) {
                      if (syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, 0) != 0) continue;
                      for (int opens = 0; opens < 1000; ++opens) {
                        dup2(STDERR_FILENO, visitors_descriptor);
                        close(visitors_descriptor);
                      }
                      _exit(0);
                    }
                    pause();
                  }).detach();
                  while (!begins) {}
                  for (volatile int wait = 0; wait < i % 50 * 100; wait = wait + 1) {}
                  become_helper("no-visitors");
                }).exited(0));
}

// A thread that comes while its process ends is told so.
TEST_F(Exec, RacesOfNewThreadsWithTheEnd) {
  for (int round = 0; round < times(300); ++round) {
    EXPECT_TRUE(run([=]() -> int {
                  std::atomic<bool> started = false;
                  std::thread([&] {
                    started = true;
                    const auto pauses = [](void*) -> void* {
                      for (;;) pause();
                    };
                    for (pthread_t made; pthread_create(&made, nullptr, pauses, nullptr) == 0;) {
                    }
                    for (;;) pause();
                  }).detach();
                  while (!started) sched_yield();
                  for (volatile int i = 0; i < round % 50 * 200; i = i + 1) {
                  }
                  if (round % 2) execl("/proc/self/exe", "x", "--helper", "exit", "12", nullptr);
                  _exit(12);
                }).exited(12));
  }
}

TEST_F(Exec, VforkedParentGoesOnAfterExec) {
  const pid_t pid = vfork();
  if (pid == 0) {
    execl("/proc/self/exe", "x", "--helper", "exit", "12", nullptr);
    _exit(126);
  }
  ASSERT_OK(pid);
  EXPECT_TRUE(reap(pid).exited(12));
}

}  // namespace
}  // namespace cv6::guest
