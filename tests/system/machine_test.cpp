// Every machine that cv6 promises to run on.
#include <gtest/gtest.h>

#include "support/command.hpp"

namespace cv6::test {
namespace {

class Machines : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(Machines, AllProcessorsWork) {
  const auto [machine, processors] = GetParam();
  const std::string number = std::to_string(processors);
  const Completed done =
      run_guest({"--machine", machine, "--cpus", number},
                {"nproc; for i in $(seq 1 " + number + "); do (echo x | cat) & done; wait; uname -m"});
  std::string expected = number + "\n";
  for (int i = 0; i < processors; ++i) expected += "x\n";
  EXPECT_EQ(done.output, expected + "x86_64\n");
  EXPECT_EQ(done.status, 0) << done.error;
  EXPECT_EQ(done.error, "");
}

INSTANTIATE_TEST_SUITE_P(All, Machines,
                         testing::Combine(testing::Values("microvm", "q35"), testing::Values(1, 2, 4, 8)),
                         [](const auto& at) {
                           return std::string(std::get<0>(at.param)) + "_" + std::to_string(std::get<1>(at.param));
                         });

class Memory : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(Memory, IsSeenAndUsed) {
  const auto [machine, size] = GetParam();
  const Completed done =
      run_guest({"--machine", machine, "--memory", size, "--cpus", "2"},
                {"sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo; ls / | wc -l; echo ok | cat"});
  EXPECT_EQ(done.status, 0) << done.error;
  const long kilobytes = std::strtol(done.output.c_str(), nullptr, 10);
  const long whole = std::strtol(size, nullptr, 10) * (std::string(size).ends_with('G') ? 1024 * 1024 : 1024);
  EXPECT_LE(kilobytes, whole) << done.output;
  EXPECT_GE(kilobytes, whole / 2) << done.output;
  EXPECT_TRUE(done.output.ends_with("ok\n")) << done.output;
}

INSTANTIATE_TEST_SUITE_P(
    All, Memory, testing::Combine(testing::Values("microvm", "q35"), testing::Values("16M", "32M", "64M", "1G", "4G")),
    [](const auto& at) { return std::string(std::get<0>(at.param)) + "_" + std::get<1>(at.param); });

TEST(Counting, IsTheSameEveryTime) {
  // How long the same work takes, in microseconds of a clock that counts instructions.
  const auto count = [] {
    const Completed done = run_guest(
        {"--icount"},
        {"bash", "-c", "a=${EPOCHREALTIME/./}; for ((i = 0; i < 3000; i++)); do :; done; echo $((${EPOCHREALTIME/./} - a))"});
    EXPECT_EQ(done.status, 0) << done.error;
    return std::strtod(done.output.c_str(), nullptr);
  };
  const double first = count();
  EXPECT_GT(first, 0);
  EXPECT_NEAR(count() / first, 1, 0.05);
}

TEST(Work, ManyProcessesOnEightProcessorsEndWell) {
  const Completed done = run_guest({"--cpus", "8"}, {R"sh(
    work() {
      i=0
      while [ $i -lt 80 ]; do
        i=$((i + 1))
        [ "$(echo $i | cat | cat)" = $i ] || echo "wrong: $i"
        sleep 1000 & kill $!; wait $! 2>/dev/null
      done
      echo done
    }
    for j in 1 2 3 4 5 6 7 8; do work & done; wait; ps -o comm | grep -c 'sleep\|cat')sh"});
  std::string expected;
  for (int i = 0; i < 8; ++i) expected += "done\n";
  EXPECT_EQ(done.output, expected + "0\n") << "nobody is to be left; " << done.error;
}

TEST(Work, NothingIsLeakedByProcessesPipesAndFiles) {
  // The first rounds warm the caches up; after them, no kind of object may grow. What is only a size is shared by many
  // kinds, and caches of every processor keep some free ones.
  const Completed done = run_guest({"--cpus", "4"}, {R"sh(
    count() { cat /proc/cv6/objects > /tmp/raw; awk '/^object/ && $2 !~ /^size-/ {print $2, $4}' /tmp/raw | sort > $1; }
    round() { for i in $(seq 1 60); do echo $i | cat > /tmp/f; rm /tmp/f; done; }
    touch /tmp/raw /tmp/before /tmp/after
    round; count /tmp/after; count /tmp/before
    round; round; count /tmp/after
    diff /tmp/before /tmp/after && echo same)sh"});
  EXPECT_EQ(done.output, "same\n") << done.error;
}

}  // namespace
}  // namespace cv6::test
