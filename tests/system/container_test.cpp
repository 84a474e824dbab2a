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

}  // namespace
}  // namespace cv6::test
