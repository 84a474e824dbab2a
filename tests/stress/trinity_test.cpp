// Debian's trinity: random calls with random arguments, from several processes.
#include <unistd.h>

#include "ordeal.hpp"

namespace cv6::guest {
namespace {

constexpr char program[] = "/usr/bin/trinity";
constexpr int calls = 20'000, patience = 60;
constexpr uid_t nobody = 65534;

struct Who {
  const char* name;
  uid_t user;
};

class Trinity : public OrdealTest, public testing::WithParamInterface<std::tuple<Who, int>> {};

TEST_P(Trinity, MakesCalls) {
  if (access(program, X_OK) != 0) GTEST_SKIP() << program << " is not there";
  const auto& [who, seed] = GetParam();
  // Without its own sockets, at which this version crashes before it begins (a negative index); it makes the calls all
  // the same. It need not come to its end: what its calls do to its own processes is its own affair.
  std::vector<std::string> words = {program,
                                    "-q",
                                    "-l",
                                    "off",
                                    "--disable-fds=sockets",
                                    "-C",
                                    "4",
                                    "-s",
                                    std::to_string(seed),
                                    "-N",
                                    std::to_string(calls)};
  if (who.user == 0) words.push_back("--dangerous");
  const AfterOrdeal after = endure({words, who.user, patience});
  EXPECT_NE(after.output.find("[child"), std::string::npos) << after.output;
}

INSTANTIATE_TEST_SUITE_P(
    As, Trinity, testing::Combine(testing::Values(Who{"Root", 0}, Who{"Nobody", nobody}), testing::Values(1, 2, 3)),
    [](const auto& test) {
      return std::get<0>(test.param).name + std::string("WithSeed") + std::to_string(std::get<1>(test.param));
    });

}  // namespace
}  // namespace cv6::guest
