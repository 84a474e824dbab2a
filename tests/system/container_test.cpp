// The session with a container, as the README shows it.
#include <gtest/gtest.h>

#include "support/console.hpp"

namespace cv6::test {
namespace {

class ContainerSession : public testing::TestWithParam<const char*> {};

TEST_P(ContainerSession, SeesItsOwnProcessesFilesAndName) {
  Guest guest({"--cpus", GetParam()});
  constexpr char prompt[] = "box-0# ";
  const std::string motd = guest.command("cat /etc/motd");
  guest.type("box run sh\r");
  guest.wait_for(prompt);
  EXPECT_EQ(guest.command("hostname", prompt), "box-0\n");
  const std::string processes = guest.command("ps", prompt);
  EXPECT_EQ(processes.find("/init"), std::string::npos) << processes;
  EXPECT_NE(processes.find("    1 root"), std::string::npos) << processes;
  EXPECT_EQ(guest.command("echo mine > /etc/motd; rm /bin/vi; cat /etc/motd; ls /bin/vi", prompt),
            "mine\nls: /bin/vi: No such file or directory\n");
  guest.type("exit\r");
  guest.wait_for("cv6# ");
  EXPECT_EQ(guest.command("cat /etc/motd; ls /bin/vi"), motd + "/bin/vi\n");
  EXPECT_EQ(guest.command("hostname"), "cv6\n");
  guest.command("box ls");
  EXPECT_EQ(guest.command("echo $?"), "0\n");
}

INSTANTIATE_TEST_SUITE_P(Processors, ContainerSession, testing::Values("1", "4"));

TEST(Container, RunsACommandAndPassesItsStatus) {
  EXPECT_EQ(run_shell("box run sh -c 'echo inside; exit 5'; echo $?").output, "inside\n5\n");
}

TEST(Container, ManyCanRunAtOnce) {
  const Completed done =
      run_shell("for i in 1 2 3 4 5; do box run sh -c 'echo $$ > /tmp/me; cat /tmp/me' & done; wait; ls /tmp");
  EXPECT_EQ(done.output, "1\n1\n1\n1\n1\n") << done.error;
}

// What is said, and the exit status, as docker users know it: 125 for box itself, 126 and 127 for what cannot be run.
TEST(Container, BoxSaysWhatIsWrong) {
  const Completed done = run_shell(R"(
    try() { echo "> $*"; "$@" 2>&1; echo "= $?"; }
    try box run /none
    try box run none
    try box run /etc/motd
    try box run
    try box run --nonsense true
    try box run --name a/b true
    try box run --name taken true
    try box run --name taken true
    try box exec nowhere true
    try box exec taken
    try box exec taken sh -c 'exit 7'
    try box rm nowhere taken
    try box run sh -c 'exit 300'
    try box rm 0
    try box ls -q
  )");
  EXPECT_EQ(done.output, R"(> box run /none
box: /none: no such program in the container
= 127
> box run none
box: none: no such program in the container
= 127
> box run /etc/motd
box: /etc/motd: Permission denied
= 126
> box run
box: run: which program? (box run [OPTIONS] [IMAGE] PROGRAM [ARGUMENT]...)
= 125
> box run --nonsense true
box: run: --nonsense: no such option (see `box run --help`)
= 125
> box run --name a/b true
box: a/b: not a name for a container (1 to 64 letters, digits, `-`, `_`, `.`)
= 125
> box run --name taken true
= 0
> box run --name taken true
box: taken: a container has that name already (choose another, or `box rm` it)
= 125
> box exec nowhere true
box: nowhere: no such container (`box ls` shows all)
= 125
> box exec taken
box: exec: which program? (box exec CONTAINER PROGRAM [ARGUMENT]...)
= 125
> box exec taken sh -c exit 7
= 7
> box rm nowhere taken
box: nowhere: no such container (`box ls` shows all)
taken
= 1
> box run sh -c exit 300
= 44
> box rm 0
0
= 0
> box ls -q
= 0
)") << done.error;
}

TEST(Container, MistypedCommandsAreBoxsOwnFailures) {
  EXPECT_EQ(run_shell("for words in '' nonsense 'ls extra' 'rm' 'exec'; do box $words 2>/dev/null; echo $?; done").output,
            "125\n125\n125\n125\n125\n");
}

TEST(Container, RemovingARunningOneNeedsForce) {
  const Completed done = run_shell(R"(
    box run --name busy sh -c 'sleep 1000 & sleep 1000' &
    until box ls | grep -q active; do :; done
    box rm busy 2>&1; echo $?
    box rm -f busy; echo $?
    wait $!; echo $?
    box ls -q
  )");
  EXPECT_EQ(done.output,
            "box: busy: its processes are still running (end them first, or use `box rm -f`)\n1\nbusy\n0\n137\n")
      << done.error;
}

TEST(Container, NobodyInsideManagesContainers) {
  EXPECT_EQ(run_shell("box run box run true 2>&1; echo $?; box run box rm 0 2>&1; echo $?").output,
            "box: a new container: Operation not permitted (only root manages containers, on the host or where nesting is allowed)\n125\n"
            "box: 0: no such container (`box ls` shows all)\n1\n");
}

}  // namespace
}  // namespace cv6::test
