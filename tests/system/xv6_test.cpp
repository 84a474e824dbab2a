// Programs of the xv6 ABI, as a person uses them: the shell, the programs that show containers, what the kernel prints
// for them, the gate, limits.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <sstream>

#include "support/console.hpp"

namespace cv6::test {
namespace {

#define EXPECT_HAS(text, what) \
  EXPECT_NE((text).find(what), std::string::npos) << (what) << " is missing in:\n" << (text)

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  std::istringstream stream(text);
  Lines lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Removes the lines that match from `lines` and returns them.
Lines take_matching(Lines& lines, const std::string& pattern) {
  const std::regex wanted(pattern);
  const auto middle =
      std::ranges::stable_partition(lines, [&](const std::string& line) { return !std::regex_match(line, wanted); });
  Lines taken(middle.begin(), middle.end());
  lines.erase(middle.begin(), middle.end());
  return taken;
}

// `words` at the prompt of the guest, its standard error among the output; the test program of the ABI is there too.
std::string run_xv6(const std::string& words, const Words& options = {}) {
  Words all = {"--add", build_folder() + "/tests/xv6/xv6-tests:/xv6/xv6-tests"};
  all.insert(all.end(), options.begin(), options.end());
  return run_guest(all, {"(" + words + ") 2>&1"}).output;
}

TEST(Xv6, AShellInAContainer) {
  Guest guest;
  constexpr char prompt[] = "$ ";
  guest.type("box run --abi xv6 sh\r");
  guest.wait_for(prompt);
  const std::string files = guest.command("ls", prompt);
  for (const char* name : {".              1 ", "README         2 ", "console        3 ", "container_test 2 ",
                           "init           2 ", "sh             2 "})
    EXPECT_HAS("\n" + files, std::string("\n") + name);
  EXPECT_TRUE(guest.command("cat README | grep shell", prompt).ends_with("`ls` lists what else there is.\n"));
  EXPECT_EQ(guest.command("echo hello there > greeting", prompt), "");
  EXPECT_EQ(guest.command("cat greeting | wc", prompt), "1 2 12 \n");
  EXPECT_EQ(guest.command("cat < greeting | grep there | cat | cat", prompt), "hello there\n");
  EXPECT_EQ(guest.command("(echo one; echo two) | wc; echo three", prompt), "2 2 8 \nthree\n");
  EXPECT_EQ(guest.command("mkdir d", prompt), "");
  EXPECT_EQ(guest.command("cd d", prompt), "");
  EXPECT_EQ(guest.command("/cat ../greeting", prompt), "hello there\n");
  EXPECT_EQ(guest.command("cat greeting", prompt), "exec failed: cat\n");
  EXPECT_EQ(guest.command("/echo to the console > /console", prompt), "to the console\n");
  EXPECT_EQ(guest.command("/ps", prompt).substr(0, 14), "pid:1 name:sh\n");
  guest.type("\004");
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("ls /xv6/greeting"), "ls: /xv6/greeting: No such file or directory\n");
}

// As the machine of such programs begins: init makes the console where there is none, and a new shell when one has ended.
TEST(Xv6, InitKeepsAShell) {
  Guest guest;
  guest.type("box run --abi xv6 init\r");
  guest.wait_for("init: starting sh\r\n$ ");
  EXPECT_EQ(guest.command("rm console", "$ "), "");
  guest.type("zombie\r");
  guest.wait_for("zombie!\r\n");  // before or behind the shell's prompt
  guest.type("echo and on\r");
  guest.wait_for("and on\r\n");  // the echo
  guest.wait_for("and on\r\n");
  guest.wait_for("$ ");
  guest.type("\004");
  guest.wait_for("init: starting sh\r\n$ ");
  guest.type("init\r");
  guest.wait_for("init: starting sh\r\n$ ");
  EXPECT_HAS(guest.command("ls", "$ "), "console        3 ");
  guest.type("shutdown\r");
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("echo $?"), "137\n");
}

// What each of the containers shows of itself: every line is whole, and of one of these kinds.
void check_story(const std::string& story) {
  Lines lines = lines_of(story);
  const Lines children = take_matching(lines, "Child [1-5], pid \\d+, container [0-2]");
  EXPECT_EQ(children.size(), 5u);
  const Lines states = take_matching(lines, "pid:\\d+\tname:container_test\tstate:(RUNNING|RUNNABLE|WAITING)");
  EXPECT_EQ(states.size(), 5u) << "3 in the first container, 1 in each of the others";
  EXPECT_FALSE(take_matching(lines, "Container:0\tScheduling process:\\d+").empty());
  take_matching(lines, "Container:[12]\tScheduling process:\\d+");
  std::map<std::string, int> allocations;
  for (const std::string& line : take_matching(lines, "GVA : (0|10|24), HVA : [0-9a-f]+"))
    ++allocations[line.substr(0, line.find(','))];
  EXPECT_EQ(allocations, (std::map<std::string, int>{{"GVA : 0", 3}, {"GVA : 10", 3}, {"GVA : 24", 3}}));
  EXPECT_EQ(take_matching(lines, "Child [345], container [0-2], made file_\\d{5} and sees:").size(), 3u);
  EXPECT_EQ(take_matching(lines, "Modified by: \\d{5}").size(), 3u);
  EXPECT_EQ(take_matching(lines, "file_\\d{5}").size(), 5u) << "each sees those of its own container";
  EXPECT_EQ(take_matching(lines, "my_file").size(), 3u);
  EXPECT_EQ(take_matching(lines, "container_test").size(), 3u) << "and what is shared";
  EXPECT_EQ(take_matching(lines, "container_test: done").size(), 1u);
  take_matching(lines, "\\.|\\.\\.|README|[a-z0-9-]+");
  EXPECT_EQ(lines, Lines{});
}

TEST(Xv6, ContainerTestTellsTheWholeStory) {
  check_story(run_xv6("cd /xv6; ./container_test; ls file_* my_file 2>/dev/null; box ls -q | sed 's/^/left: /'"));
  check_story(run_xv6("cd /xv6; ./container_test", {"--cpus", "4"}));
}

TEST(Xv6, ContainerTestEndsWhereItMayNotMakeContainers) {
  EXPECT_EQ(run_xv6("box run --abi xv6 container_test; echo $?"),
            "container_test: no containers can be made here (only on the host, or with --nesting)\n0\n");
  const std::string output = run_xv6("box run --rm --abi xv6 cts; box run --rm --nesting --abi xv6 container_test");
  EXPECT_HAS(output, "cts: no container can be made and joined here (only on the host, or with --nesting)\n");
  EXPECT_HAS(output, "container_test: done\n");
}

TEST(Xv6, CtsTellsTheWholeStory) {
  const std::string output = run_xv6("cd /xv6; ./cts; ls new_file host_file; box ls -q");
  const std::size_t inside = output.find("In container 0:\n"), outside = output.find("On the host again (-1):\n");
  ASSERT_TRUE(output.starts_with("On the host (-1):\n") && inside < outside && outside != std::string::npos) << output;
  EXPECT_HAS(output.substr(0, inside), "\nhost_file\n");
  const std::string story = output.substr(inside, outside - inside);
  EXPECT_TRUE(std::regex_search(story, std::regex("^In container 0:\npid:(\\d+)\tname:cts\tstate:RUNNING\n"
                                                  "Pid\tName\t\tMemSize\tKilled\tState\n\\1\tcts\t\t\\d+\t0\tRUNNING\n"
                                                  "new_file: made inside\nand appended to\n"
                                                  "host_file: written on the host\nchanged inside\n")))
      << story;
  EXPECT_HAS(story, "\nnew_file\n");
  EXPECT_HAS(story, "\nhost_file\n");
  EXPECT_HAS(output, "On the host again (-1):\nhost_file: written on the host\n");
  EXPECT_EQ(output.find("new_file", outside), output.find("new_file: No such file")) << "not to be seen outside";
  EXPECT_HAS(output, "ls: host_file: No such file or directory\n");
}

// ps, dps, proc_stat_container, print_count: the words and tabs that programs which read them rely on.
TEST(Xv6, WhatTheKernelPrints) {
  Lines lines = lines_of(run_xv6("box run --rm --abi xv6 xv6-tests 'Print.*' 'Trace.*'"));
  EXPECT_EQ(take_matching(lines, "pid:\\d+ name:xv6-tests").size(), 3u);
  EXPECT_EQ(take_matching(lines, "Pid\tName\t\tMemSize\tKilled\tState").size(), 1u);
  EXPECT_EQ(take_matching(lines, "\\d+\txv6-tests\t\t\\d+\t0\t(EMBRYO|SLEEPING|RUNNABLE|RUNNING|ZOMBIE)").size(), 3u);
  EXPECT_EQ(take_matching(lines, "pid:\\d+\tname:xv6-tests\tstate:(RUNNING|RUNNABLE|WAITING)").size(), 3u);
  const Lines counts = take_matching(lines, "sys_[a-z_]+ [1-9]\\d*");
  EXPECT_TRUE(std::ranges::contains(counts, "sys_getpid 7"));
  ASSERT_FALSE(counts.empty());
  EXPECT_EQ(counts.back(), "sys_print_count 1") << "in the order of the numbers";
  EXPECT_EQ(lines, (Lines{"ok Print.ListsSucceed", "ok Trace.CountsSinceItWentOn", "tests have ended"}));
}

// Its output is the container's console already: what the kernel prints there, or the device gets, is kept once.
TEST(Xv6, WhatGoesToTheConsoleIsKeptOnce) {
  Lines lines = lines_of(run_xv6("box create --name logged --abi xv6 xv6-tests 'Print.*' 'Mknod.*' >/dev/null; "
                                 "box start logged >/dev/null; box wait logged >/dev/null; box logs logged"));
  EXPECT_EQ(take_matching(lines, "Pid\tName\t\tMemSize\tKilled\tState").size(), 1u);
  EXPECT_EQ(take_matching(lines, "console speaks").size(), 1u);
  EXPECT_EQ(take_matching(lines, "once").size(), 1u);
  EXPECT_EQ(take_matching(lines, "ok .*|tests have ended").size(), 5u);
}

// Where a program has no terminal and prints to a file, the kernel has nowhere to print: the calls say so.
TEST(Xv6, WithoutAConsoleTheCallsThatPrintFail) {
  EXPECT_EQ(run_xv6("setsid sh -c 'for call in ps dps proc_stat print_count; do /xv6/calls/$call; done; "
                    "/xv6/echo lost' > /tmp/out 2> /tmp/error < /dev/null; cat /tmp/out /tmp/error"),
            "ps.c:6: not so: ps() == 0\ndps.c:8: not so: dps() == 0\n"
            "proc_stat.c:6: not so: proc_stat_container() == 0\n"
            "print_count.c:7: not so: print_count() == 0\nlost\n");
}

// Opening the console of the host finds the program's own output: it must stay as it is for whoever has it.
TEST(Xv6, AnOpenedConsoleLeavesTheOutputAlone) {
  EXPECT_EQ(run_xv6("/xv6/calls/mknod; echo on; echo to the console > /xv6/console; echo on"),
            "mknod.c: ok\non\nto the console\non\n");
}

// A program for each call, on the host and in a container that may make others: what they print beside the kernel's lines.
TEST(Xv6, AProgramForEachCall) {
  const std::string own = "grep -c '^[a-z_]*\\.c: ok$' /tmp/out; grep -v '^[a-z_]*\\.c: ok$' /tmp/out | grep '\\.c:'";
  const std::string expected = "47\n";
  for (const char* processors : {"1", "4"}) {
    EXPECT_EQ(run_xv6("cd /tmp; for call in /xv6/calls/*; do $call; done 2>&1 | tee /dev/null > /tmp/out; " + own,
                      {"--cpus", processors}),
              expected);
    EXPECT_EQ(run_xv6("ls /xv6/calls | sed s:^:calls/: > /tmp/list; box run --rm --nesting --abi xv6 sh < /tmp/list 2>&1 | "
                      "sed 's/^\\$ //' > /tmp/out; " + own, {"--cpus", processors}),
              expected);
  }
}

TEST(Xv6, BadAccessesAreAnnouncedAndEndOneProcess) {
  Lines lines = lines_of(run_xv6("box run --rm --abi xv6 xv6-tests 'Memory.Pri*' 'Unknown.*'; echo $?"));
  const std::string rest = " on cpu \\d eip 0x[0-9a-f]+ addr 0x[0-9a-f]+--kill proc";
  EXPECT_EQ(take_matching(lines, "pid \\d+ xv6-tests: trap 13 err \\d+" + rest).size(), 5u)
      << "ports, hlt, cli, int $0x20";
  EXPECT_EQ(take_matching(lines, "pid \\d+ xv6-tests: trap (0|3|6) err 0" + rest).size(), 3u) << "divl, int3, ud2";
  EXPECT_EQ(take_matching(lines, "\\d+ xv6-tests: unknown sys call -?\\d+").size(), 8u);
  EXPECT_EQ(lines, (Lines{"ok Memory.PrivilegedInstructionsEndTheProgram", "ok Unknown.NumbersFail", "tests have ended",
                          "0"}));
}

TEST(Xv6, ShutdownEndsTheMachineOrTheContainer) {
  Guest guest;
  guest.type("/xv6/shutdown\r");
  EXPECT_EQ(guest.wait_end(), 0);
  EXPECT_EQ(run_xv6("box run --rm --abi xv6 shutdown; echo $?; box run --rm --abi xv6 -u 1000 shutdown; echo $?"),
            "137\nshutdown: not allowed\n0\n");
}

TEST(Xv6, PipesToLinuxProgramsAndBack) {
  EXPECT_EQ(run_xv6("box run --rm sh -c '/xv6/echo from xv6 | tr a-z A-Z; echo from linux | /xv6/wc;"
                    "echo round | /xv6/cat | sed s/^/a-/ | /xv6/grep round'"),
            "FROM XV6\n1 2 11 \na-round\n");
}

TEST(Xv6, CallsAreDeniedLoggedAndSupervised) {
  EXPECT_EQ(run_xv6("box run --name a --deny xv6:mkdir sh -c 'mkdir /tmp/a && /xv6/mkdir /tmp/b; ls /tmp';"
                    "box trace --past a | sed 's/^.[0-9]*/[PID/'"),
            "Syscall 20 not allowed in container with ID 0\nmkdir: /tmp/b: failed\na\n"
            "[PID] mkdir(\"/tmp/b\") = -1 EPERM (not allowed in this container)\n");
  const std::string supervised = run_xv6(
      "printf 'default allow\\nsupervise xv6:mkdir\\n' >/p; box run -d --name web --policy /p sh -c '"
      "until test -d /tmp/a; do /xv6/mkdir /tmp/a >/dev/null 2>&1; done; /xv6/mkdir /tmp/b; /xv6/mkdir /tmp/c; "
      "/xv6/mkdir /tmp/d; mkdir /tmp/e; ls /tmp' >/dev/null;"
      "printf 'y\\nn\\nENOSPC\\n=0\\n' | box supervise web; box logs web 2>&1 | grep -v 'not allowed\\|next ones'");
  EXPECT_TRUE(std::regex_match(
      supervised, std::regex("(\\[\\d+\\] mkdir\\(\"/tmp/[abcd]\"\\)\n  \\(y n a d ENAME =N q \\?\\) [a-zA-Z=0]+\n){4}"
                             "mkdir: /tmp/b: failed\nmkdir: /tmp/c: failed\na\ne\n")))
      << supervised;
}

// Many processes that send all they can, by both kinds of message, until they are destroyed.
TEST(Xv6, AStormOfMessagesLeavesTheHostAlone) {
  EXPECT_EQ(run_xv6("objects() { grep -w 'message\\|container\\|process' /proc/cv6/objects; };"
                    "objects > /tmp/before; box run -d --name storm --abi xv6 --messages 500 xv6-tests 'Load.*' > /dev/null;"
                    "for i in 1 2 3; do busybox true && echo alive; done; box rm -f storm; box ls -q;"
                    "until objects > /tmp/after; cmp -s /tmp/before /tmp/after; do :; done; echo as before", {"--cpus", "4"}),
            "alive\nalive\nalive\nstorm\nas before\n");
}

// -1 from the call, a line from the program, and the shell goes on.
TEST(Xv6, LimitsAreErrors) {
  EXPECT_EQ(run_xv6("printf 'ls | cat | wc\\necho on\\n' | box run --rm --abi xv6 --pids 3 sh; echo;"
                    "printf 'cat README\\necho on\\n' | box run --rm --abi xv6 --files 6 sh; echo"),
            "$ fork failed\n$ on\n$ \n$ cat: cannot open README\n$ on\n$ \n");
  EXPECT_HAS(run_xv6("box run --rm --abi xv6 --memory 2m xv6-tests 'Sbrk.TakesA*' 'Sbrk.Ref*'"),
             "FAILED Sbrk.TakesAHundredMegabytes\nok Sbrk.RefusesTooMuch\ntests have ended\n");
  const std::string messages =
      run_xv6("box run --name m --abi xv6 --messages 20 xv6-tests 'Message.Many*'; box inspect m");
  EXPECT_HAS(messages, "ok Message.ManyKeepTheirOrder\ntests have ended\n");
  EXPECT_HAS(messages, "\"limit\": 20,\n        \"current\": 0,\n        \"peak\": 20,\n");
}

}  // namespace
}  // namespace cv6::test
