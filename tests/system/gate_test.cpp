// Policies for system calls, and tracing, as box offers them.
#include <gtest/gtest.h>

#include "support/console.hpp"

namespace cv6::test {
namespace {

#define EXPECT_HAS(text, what) EXPECT_NE((text).find(what), std::string::npos) << (what) << " is missing in:\n" << (text)

TEST(Gate, TheFirstThingShownIsWhichCallWasRefused) {
  const Completed done = run_shell("box run --rm --deny mkdir,rmdir sh -c 'mkdir /tmp/x'; echo $?");
  EXPECT_TRUE(done.error.starts_with("Syscall 83 not allowed in container with ID 0\n")) << done.error;
  EXPECT_HAS(done.error, "Operation not permitted");
  EXPECT_EQ(done.output, "1\n");
}

TEST(Gate, TheTerminalIsTheConsole) {
  Guest guest;
  EXPECT_EQ(guest.command("box run --rm --deny mkdir sh -c 'mkdir /tmp/x 2>/dev/null'"),
            "Syscall 83 not allowed in container with ID 0\n");
}

TEST(Gate, PoliciesAreShownAndChangedWhileItRuns) {
  const Completed done = run_shell(
      "box run --name a --deny mkdir true; box policy show a; box policy allow a mkdir; box policy deny a rmdir;"
      "box policy show a; box exec a sh -c 'mkdir /tmp/x && rmdir /tmp/x'; box trace --past a");
  EXPECT_HAS(done.output, "default allow\ndeny mkdir\ndeny xv6:mkdir\ndefault allow\ndeny rmdir\n");
  EXPECT_HAS(done.output, "rmdir(\"/tmp/x\") = -1 EPERM (not allowed in this container)\n");
}

TEST(Gate, WhatWasLearnedLetsExactlyThatPass) {
  const Completed done = run_shell(
      "box run --learn --name l cat /etc/hostname >/dev/null; box policy learn l -o /l; grep -c allow /l >/dev/null && echo has;"
      "box run --rm --policy /l cat /etc/motd >/dev/null; echo $?;"
      "box run --rm --policy /l mkdir /tmp/x 2>/dev/null; echo $?; box policy learn 7");
  EXPECT_HAS(done.output, "has\n0\n1\n");
  EXPECT_HAS(done.error, "box: 7: no such container");
}

TEST(Gate, SupervisedCallsWaitForAnAnswer) {
  const Completed done = run_shell(
      "printf 'default allow\\nsupervise mkdir\\n' >/p; box run -d --name web --policy /p sh -c '"
      "until mkdir /tmp/a 2>/dev/null; do :; done; mkdir /tmp/b; mkdir /tmp/c && ls /tmp' >/dev/null;"
      "printf 'y\\nwhat\\nENOSPC\\n=0\\n' | box supervise web; box logs web | grep -v 'not allowed'; box policy show web;"
      "box run -d --name other cat; box supervise other; box supervise other mkdir -y -n;"
      "echo '{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"rmdir\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}' >/q;"
      "box create --policy /q --name docker true >/dev/null; box policy show docker");
  EXPECT_HAS(done.output, "mkdir(\"/tmp/a\", 0777)\n  (y n a d ENAME =N q ?) y\n");
  EXPECT_HAS(done.output, "mkdir(\"/tmp/b\", 0777)\n  (y n a d ENAME =N q ?) what\ny  it runs");
  EXPECT_HAS(done.output, "a\ndefault allow\nsupervise mkdir\n");
  EXPECT_HAS(done.output, "default allow\nsupervise rmdir\n");
  EXPECT_HAS(done.error + done.output, "mkdir: can't create directory '/tmp/b': No space left on device\n");
  EXPECT_HAS(done.error, "box: other: nothing is supervised (name the calls)\n");
  EXPECT_HAS(done.error, "--run excludes --refuse");
}

TEST(Gate, WhoSupervisesForNobodyTakesItsRulesBack) {
  const Completed done = run_shell(
      "box run -d --name s sh -c 'while :; do cd /tmp; done' >/dev/null;"
      "box supervise -y s chdir | head -n 1 >/dev/null; box policy show s");
  EXPECT_EQ(done.output, "default allow\n");
  EXPECT_EQ(done.error, "box: the standard output: Broken pipe\n");
}

TEST(Gate, TakesDockersFiles) {
  const Completed done = run_shell(
      "echo '{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"nonsense\"],"
      "\"action\":\"SCMP_ACT_KILL_PROCESS\"}]}' >/p; box run --rm --policy /p mkdir /tmp/x; echo $?;"
      "echo '{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\","
      "\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}' >/q; box run --rm --policy /q true; echo $?;"
      "echo '{' >/r; box run --rm --policy /r true; echo $?; box run --rm --policy /none true; echo $?; box ls -q");
  EXPECT_EQ(done.output, "159\n125\n125\n125\n") << "and no container is left";
  EXPECT_HAS(done.error, "passed over: nonsense\n");
  EXPECT_HAS(done.error, "box: /q: mkdir: conditions (\"args\") are not offered");
  EXPECT_HAS(done.error, "box: /none: No such file or directory\n");
}

TEST(Gate, MistakesAreExplained) {
  const Completed done = run_shell(
      "box run --rm --deny foo,read,bar true; box run --rm --allow read true; echo 'deny x y' >/p;"
      "box run --rm --policy /p true; box trace nobody; box policy allow nobody read");
  EXPECT_HAS(done.error, "box: foo, bar: no such system call");
  EXPECT_HAS(done.error, "box: --allow: nothing is denied");
  EXPECT_HAS(done.error, "box: /p: line 1: x: no such system call");
  EXPECT_HAS(done.error, "box: nobody: no such container");
}

// The traced program waits for a file that appears when the trace is on.
constexpr char traced[] =
    "box run --name t sh -c 'while ! test -e /go; do usleep 20000; done; cat /none' 2>/dev/null & "
    "until box ls -q | grep -q 0; do usleep 10000; done; (usleep 300000; box exec t touch /go) & ";

TEST(Gate, TracesLikeStrace) {
  const Completed done = run_shell(std::string(traced) + "box trace t");
  EXPECT_HAS(done.output, "openat(AT_FDCWD, \"/none\", O_RDONLY) = -1 ENOENT (No such file or directory) <0.0");
  EXPECT_HAS(done.output, "exit_group(1) = ?\n");
}

TEST(Gate, SumsUpLikeStrace) {
  const Completed done = run_shell(std::string(traced) + "box trace -c t");
  EXPECT_HAS(done.output, "% time     seconds  usecs/call     calls    errors syscall\n");
  EXPECT_HAS(done.output, " openat\n");
  EXPECT_HAS(done.output, " total\n");
}

}  // namespace
}  // namespace cv6::test
